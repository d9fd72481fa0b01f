"""The index of many results: what it tells, whom it groups, and that no name can hurt it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.report.comparison import compare, estimate
from fervid.report.groups import match, read_metadata
from fervid.report.index import Failure, render_index, write_index
from fervid.report.overview import META_KEY, Overview, outline, read_overview
from fervid.report.recordings import Recording
from fervid.report.recordings_table import recordings_csv
from fervid.results.files import read_meta, read_table
from tests.helpers.made_results import HAPPY, made_frames, made_result
from tests.report.test_page import Reader

SAD = (0.05, 0.0, 0.05, 0.1, 0.7, 0.05, 0.05)
HOSTILE = '=HYPERLINK("x")<img src=x onerror=alert(1)>\'&.mp4'


def shown(folder: Path, name: str, probs: Any = HAPPY, frames: int = 40) -> Path:
    """A result of a recording that shows its face in the first half."""
    faces = [(place, 1, (1, 1, 8, 8)) for place in range(frames // 2)]
    table = made_frames([k / 10 for k in range(frames)], faces, probs=probs)
    path = folder / f"{name}.fervid"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"name": Path(name).name, "duration_s": frames / 10, "beside": f"../recordings/{name}"}
    return made_result(path, frames=table, recording=about)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three results, one in a folder of its own, and what does not count."""
    folder = tmp_path_factory.mktemp("made")
    shown(folder, "b.mp4")
    shown(folder, "a.mp4", SAD, frames=60)
    shown(folder, "day 1/a.mp4")
    shown(folder, ".hidden/c.mp4")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def many(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results"))


def run(*args: Any) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, args)])


def rows_of(page: str) -> list[str]:
    return re.findall(r"<tr data-status.*?</tr>", page, re.DOTALL)


def edit_meta(result: Path, **entries: Any) -> None:
    meta = {**read_meta(result), **entries}
    (result / "meta.json").write_text(json.dumps(meta), "utf-8")


def test_a_folder_of_results_gets_a_page_and_a_table(many: Path) -> None:
    done = run(many)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"index: {many / 'index.html'}\n"
    table = pd.read_csv(many / "recordings.csv")
    assert table["path"].tolist() == ["a.mp4.fervid", "b.mp4.fervid", "day 1/a.mp4.fervid"]
    assert table["status"].tolist() == ["ok"] * 3
    summary = pd.concat([read_table(many / path, "summary") for path in table["path"]])
    pd.testing.assert_frame_equal(
        table[list(summary.columns)], summary.reset_index(drop=True), check_dtype=False
    )
    page = (many / "index.html").read_text("utf-8")
    links = [a["href"] for tag, a in Reader(page).tags if tag == "a" and "report" in a["href"]]
    assert links == [f"{path}/report.html".replace(" ", "%20") for path in table["path"]]
    first = re.sub(r"<[^>]+>", " ", rows_of(page)[0])
    for word in ("a.mp4", "ok", "0:00:06", "60", "50.0%", "sad", "100.0%"):
        assert word in first.split()
    assert "0:00:14" in Reader(page).words()


def test_one_result_still_gets_its_report_only(many: Path) -> None:
    result = many / "a.mp4.fervid"
    (result / "report.html").unlink()
    done = run(result)
    assert (done.exit_code, done.stdout) == (0, f"report: {result / 'report.html'}\n")
    assert (result / "report.html").is_file()
    assert not (result / "index.html").exists()
    assert run(result, "--groups", many / "groups.csv").exit_code == 2
    assert run(many, "--group-by", "age").exit_code == 2


def test_results_of_earlier_versions_give_the_same_page(many: Path) -> None:
    page = write_index(many).read_text("utf-8")
    for result in many.rglob("*.fervid"):
        meta = read_meta(result)
        del meta[META_KEY]
        (result / "meta.json").write_text(json.dumps(meta), "utf-8")
    assert write_index(many).read_text("utf-8") == page
    assert page.count("<path d=") == 3


def test_the_small_picture_follows_a_table_that_was_edited(many: Path) -> None:
    result = many / "b.mp4.fervid"
    frames = (result / "frames.csv").read_text("utf-8").splitlines(keepends=True)
    (result / "frames.csv").write_text("".join(frames[:11]), "utf-8")
    overview = read_overview(result, read_meta(result))
    assert overview.edges[-1] == pytest.approx(1.0)
    assert np.isfinite(overview.valence).all()


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        {"seconds": [0, "x"], "valence": [0]},
        {"seconds": [0, 1], "valence": [0, 1]},
        {"seconds": [1, 0], "valence": [0.5]},
        {"seconds": [0, 1], "valence": [7]},
        {"seconds": list(range(5001)), "valence": [0.1] * 5000},
        {"seconds": [[0, 1]], "valence": [{}]},
    ],
)
def test_a_made_up_overview_is_not_believed(many: Path, entry: Any) -> None:
    result = many / "b.mp4.fervid"
    true = read_overview(result, read_meta(result))
    size = (result / "frames.csv").stat().st_size
    told = {**entry, "frames_csv_bytes": size} if isinstance(entry, dict) else entry
    found = read_overview(result, {META_KEY: told})
    np.testing.assert_allclose(found.edges, true.edges, atol=1e-3)
    np.testing.assert_allclose(found.valence, true.valence, atol=1e-3)


def test_damaged_and_foreign_folders_are_left_out_with_a_line_each(many: Path) -> None:
    (many / "foreign.fervid").mkdir()
    (many / "a.mp4.fervid" / "meta.json").write_text("{", "utf-8")
    (many / "b.mp4.fervid" / "summary.csv").write_text("recording\nx\n", "utf-8")
    done = run(many)
    assert done.exit_code == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("a.mp4", "b.mp4", "foreign"), strict=True):
        assert line.startswith("fervid: left out: ")
        assert f"{name}.fervid" in line
    page = (many / "index.html").read_text("utf-8")
    assert len(rows_of(page)) == 1
    assert "foreign.fervid" in page

    shutil.rmtree(many / "day 1")
    (many / "index.html").unlink()
    done = run(many)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"fervid: {many}: neither")
    assert not (many / "index.html").exists()


def test_a_frame_table_that_ends_early_is_damage(many: Path) -> None:
    frames = many / "a.mp4.fervid" / "frames.csv"
    frames.write_bytes(frames.read_bytes()[:-5])
    lines: list[str] = []
    write_index(many, notify=lines.append)
    assert len(lines) == 1
    assert "cut off" in lines[0]


@pytest.mark.parametrize("name", ["index.html", "recordings.csv", "index.json"])
def test_what_others_wrote_is_kept(many: Path, name: str) -> None:
    (many / name).write_text("mine", "utf-8")
    done = run(many)
    assert done.exit_code == 1
    assert done.stderr == f"fervid: {many / name}: not written by fervid, so it is kept\n"
    assert (many / name).read_text("utf-8") == "mine"
    (many / name).unlink()
    assert run(many).exit_code == run(many).exit_code == 0


def test_a_full_disk_keeps_the_page_that_is_there(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_index(many).read_bytes()
    names = {path.name for path in many.iterdir()}

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    shutil.rmtree(many / "a.mp4.fervid")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ResultError, match="No space left"):
        write_index(many)
    assert (many / "index.html").read_bytes() == before
    assert {path.name for path in many.iterdir()} == names - {"a.mp4.fervid"}


def test_recordings_without_a_result_get_a_row(many: Path) -> None:
    edit_meta(many / "b.mp4.fervid", status="partial", warnings=["The end is damaged."])
    failures = [
        Failure("day 1/z.mp4", "failed", "the disk is full"),
        Failure("b.mp4", "failed", "of an earlier run"),
        Failure("notes.txt", "refused", "is text, <b>no</b> recording"),
    ]
    page = write_index(many, failures=failures).read_text("utf-8")
    table = pd.read_csv(many / "recordings.csv").set_index("path")
    assert table["status"].to_dict() == {
        "a.mp4.fervid": "ok",
        "b.mp4.fervid": "partial",
        "day 1/a.mp4.fervid": "ok",
        "day 1/z.mp4": "failed",
        "notes.txt": "refused",
    }
    assert table.loc["day 1/z.mp4", "reason"] == "the disk is full"
    assert pd.isna(table.loc["day 1/z.mp4", "frames"])
    assert "is text, &lt;b&gt;no" in rows_of(page)[-1]
    assert "1 warning" in rows_of(page)[1]
    assert "2 without a result" in page


def test_recordings_without_a_result_stay_in_the_table_until_they_have_one(many: Path) -> None:
    failures = [Failure("=z.mp4", "refused", "-is empty"), Failure("c.mp4", "failed", "disk full")]
    write_index(many, failures=failures)
    shown(many, "c.mp4")
    assert run(many).exit_code == 0
    table = pd.read_csv(many / "recordings.csv").set_index("path")
    assert table.loc["'=z.mp4", ["status", "reason"]].tolist() == ["refused", "'-is empty"]
    assert table.loc["c.mp4.fervid", "status"] == "ok"
    assert "c.mp4" not in table.index
    assert len(table) == 5


def test_recordings_that_were_deleted_leave_the_table(many: Path) -> None:
    """But not if none is where it was: results are copied to other machines without them."""
    recordings = many.parent / "recordings"
    odd = os.fsdecode(b"day 1/caf\xe9.mp4")
    for name in ("a.mp4", odd, "day 2/gone.mp4"):
        (recordings / name).parent.mkdir(parents=True, exist_ok=True)
        (recordings / name).touch()
    failures = [
        Failure(name, "refused", "is empty", recordings / name) for name in (odd, "day 2/gone.mp4")
    ]
    write_index(many, failures=[*failures, Failure("unknown.mp4", "failed", "disk full")])
    shutil.rmtree(recordings / "day 2")
    for place in (recordings, many.parent / "elsewhere"):
        assert run(many).exit_code == 0
        table = pd.read_csv(many / "recordings.csv").set_index("path")
        left = table.index[table["status"] != "ok"].tolist()
        assert left == ["day 1/caf\\udce9.mp4", "unknown.mp4"]
        if recordings.exists():
            recordings.rename(place.parent / "elsewhere")


def test_only_failures_make_a_page_too(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    page = write_index(folder, failures=[Failure("x.mp4", "refused", "is empty")])
    assert len(rows_of(page.read_text("utf-8"))) == 1
    assert pd.read_csv(folder / "recordings.csv")["status"].tolist() == ["refused"]


def test_a_recording_without_faces_says_so(tmp_path: Path) -> None:
    made_result(tmp_path / "x.mp4.fervid", frames=made_frames([0.0, 0.1], []))
    made_result(tmp_path / "y.mp4.fervid", frames=made_frames([], []))
    rows = rows_of(write_index(tmp_path).read_text("utf-8"))
    assert all("no face" in row and "nan" not in row for row in rows)


def test_a_block_reaches_from_the_middle_to_the_valence() -> None:
    valence = np.array([1.0, 0.0, np.nan, -0.5])
    path = outline(Overview(np.array([5.0, 6.0, 7.0, 8.0, 9.0]), valence))
    assert path == "M0 20V0H30V20H60V20ZM90 20V30H120V20Z"
    assert outline(Overview(np.zeros(1), np.zeros(0))) == ""


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    names = [HOSTILE, "javascript:alert(2).mp4", "@x\n<script>.mp4", "+1\t.mp4", "a\rb.mp4"]
    for name in names:
        shown(tmp_path, name)
    shown(tmp_path, os.fsdecode(b"caf\xe9.mp4"))
    groups = tmp_path / "groups.csv"
    quoted = HOSTILE.replace('"', '""')
    groups.write_text(f'recording,=cmd|x\n"{quoted}","<svg onload=alert(3)>"\n', "utf-8")
    page = write_index(tmp_path, groups).read_text("utf-8")
    reader = Reader(page)
    tags = [tag for tag, _ in reader.tags]
    assert "img" not in tags
    assert tags.count("script") == 2
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert HOSTILE in reader.words()
    links = [
        a["href"] for tag, a in reader.tags if tag == "a" and a["href"].endswith("report.html")
    ]
    assert len(links) == 6
    for link in links:
        assert ":" not in link
        assert (tmp_path / unquote(link, errors="surrogateescape")).is_file()

    text = (tmp_path / "recordings.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.count("\n") == 7
    table = pd.read_csv(tmp_path / "recordings.csv")
    assert set(table["recording"]) == {
        "'" + HOSTILE,
        "javascript:alert(2).mp4",
        "'@x\\n<script>.mp4",
        "'+1\\t.mp4",
        "a\\rb.mp4",
        "caf\\udce9.mp4",
    }
    assert table.columns[-1] == "'=cmd|x"


def test_numbers_of_a_metadata_table_stay_numbers_and_its_columns_apart(tmp_path: Path) -> None:
    values = [("-3.5", "x"), None]
    text = recordings_csv([Recording("a", "a"), Recording("b", "b")], ["delta", "status"], values)
    (tmp_path / "t.csv").write_text(text, "utf-8")
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["delta"].tolist()[0] == -3.5
    assert table["metadata_status"].tolist()[0] == "x"
    assert table["status"].tolist() == ["ok", "ok"]


def table_at(folder: Path, text: str) -> Path:
    path = folder / "groups.csv"
    path.write_text(text, "utf-8")
    return path


def test_groups_come_by_file_name_or_path_and_what_fits_nowhere_is_told(
    many: Path, tmp_path: Path
) -> None:
    text = "\ufeffrecording;who;age\nb.mp4;Bea;30\n./recordings/day 1/a.mp4;Ann;40\n"
    text += "nobody.mp4;x;1\na.mp4.fervid;Ada;50\n"
    done = run(many, "--groups", table_at(tmp_path, text), "--group-by", "age")
    assert done.exit_code == 0
    assert done.stderr == (
        "fervid: rows of the table of groups that fit no recording (1): 'nobody.mp4'\n"
    )
    table = pd.read_csv(many / "recordings.csv")
    assert table["who"].tolist() == ["Ada", "Bea", "Ann"]
    assert table["age"].tolist() == [50, 30, 40]
    assert "Groups by age" in (many / "index.html").read_text("utf-8")


def test_a_table_of_groups_is_kept_to_until_another_one_is_given(
    many: Path, tmp_path: Path
) -> None:
    text = "recording,who,age\nb.mp4,Bea,30\nlater.mp4,Lea,20\n"
    assert run(many, "--groups", table_at(tmp_path, text), "--group-by", "age").exit_code == 0
    shown(many, "later.mp4")
    page = write_index(many).read_text("utf-8")
    table = pd.read_csv(many / "recordings.csv").set_index("recording")
    assert table.loc[["b.mp4", "later.mp4"], "who"].tolist() == ["Bea", "Lea"]
    assert table.loc["later.mp4", "age"] == 20
    assert "Groups by age" in page
    assert run(many, "--groups", table_at(tmp_path, "recording,team\nb.mp4,red\n")).exit_code == 0
    assert "Groups by team" in write_index(many).read_text("utf-8")
    assert "who" not in pd.read_csv(many / "recordings.csv")


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ', "groups": null, "without_result": [{"path": 5}]}',
        ', "groups": {"by": "a", "columns": ["b"], "rows": []}, "without_result": []}',
        ', "groups": {"by": "a", "columns": ["a"], "rows": [["x"]]}, "without_result": []}',
    ],
)
def test_a_damaged_memory_is_told_and_costs_no_index(many: Path, rest: str) -> None:
    (many / "index.json").write_text('{"generator": "fervid 1"' + rest)
    done = run(many)
    assert done.exit_code == 0
    assert done.stderr.startswith("fervid: left out: ")
    assert done.stderr.count("\n") == 1


def test_unclear_rows_give_no_group(tmp_path: Path) -> None:
    recordings = [Recording(f"{place}/a.mp4.fervid", "a.mp4") for place in "pqrst"]
    text = "recording,g\na.mp4,1\np/a.mp4,2\np/a.mp4.fervid,3\n"
    lines: list[str] = []
    found = match(read_metadata(table_at(tmp_path, text)), recordings, lines.append)
    assert found == [("2",), None, None, None, None]
    assert lines == [
        "recordings without a row in the table of groups (4): 'q/a.mp4.fervid', "
        "'r/a.mp4.fervid', 's/a.mp4.fervid' and 1 more",
        "rows of the table of groups that fit several recordings (1): 'a.mp4'",
        "further rows about a recording that has one, which counts (1): 'p/a.mp4.fervid'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'recording'"),
        ("file,group\na.mp4,x\n", "no column 'recording'; its header is 'file', 'group'"),
        ("recording\na.mp4\n", "no column but 'recording'"),
        ("recording,g,g\na.mp4,1,2\n", "two columns have the same name"),
        ("recording,g\na.mp4,1\n", "no column 'age' to group by, but 'g'"),
    ],
)
def test_a_table_of_groups_that_cannot_be_used_is_one_line(
    many: Path, tmp_path: Path, text: str, message: str
) -> None:
    done = run(many, "--groups", table_at(tmp_path, text), "--group-by", "age")
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (many / "index.html").exists()


def test_a_table_that_cannot_be_read_is_one_line(many: Path, tmp_path: Path) -> None:
    done = run(many, "--groups", tmp_path / "groups.csv")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "cannot be read as a CSV" in done.stderr


def rated(happy: float, faces: int = 10) -> Recording:
    shares = {name: happy if name == "happy" else (1 - happy) / 6 for name in EXPRESSIONS}
    each = {f"{name}_{what}": shares[name] for name in shares for what in ("mean", "dominant")}
    about = {"frames": 10, "frames_with_face": 10, "episodes": 0, "valence_mean": happy}
    return Recording("x", "x", summary={**about, "faces": faces, **each})


def test_each_recording_counts_once_with_students_interval() -> None:
    recordings = [rated(0.2), rated(0.4, faces=1_000_000), rated(0.6), rated(0.9), rated(0.5)]
    found = compare("side", recordings, ["left", "left", "left", "right", ""])
    assert found is not None
    left, right = found.estimates["happy"]
    assert (left.group, left.n, right.group, right.n) == ("left", 3, "right", 1)
    assert left.mean == pytest.approx(0.4)
    assert left.low == 0.0
    assert left.high == pytest.approx(0.4 + 4.302653 * 0.2 / 3**0.5, abs=1e-6)
    assert (right.mean, right.low, right.high) == (0.9, None, None)
    assert found.ungrouped == 1
    assert found.ticks[-1] >= 0.9


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0.5, 0.05, (2000, 5))
    held = [one.low < 0.5 < one.high for one in (estimate("", s) for s in samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_only_so_many_groups_are_compared_and_faceless_recordings_in_none() -> None:
    recordings = [rated(0.5) for _ in range(20)]
    found = compare("who", recordings, [f"p{k:02}" for k in range(20)])
    assert found is not None
    assert (len(found.estimates["sad"]), found.left_out) == (12, 8)
    assert compare("who", [Recording("x", "x")], ["a"]) is None
    assert compare("who", recordings, [""] * 20) is None


def test_the_page_shows_estimates_without_p_values(tmp_path: Path) -> None:
    metadata = read_metadata(table_at(tmp_path, "recording,<i>\na,1\n"))
    recordings = [rated(0.2), rated(0.4), rated(0.9)]
    page = render_index(recordings, metadata=metadata, values=[("p",), ("p",), ("q",)])
    words = Reader(page).words()
    assert "30.0%" in words
    assert "Recordings of one person are not independent" in words
    assert "<i>" in words
    assert "p-value" not in words
    assert "p =" not in words
