"""Pages and tables of a folder of results."""

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

from fervid.errors import ResultError
from fervid.report.index import write_index
from fervid.report.overview import META_KEY, Overview, outline, read_overview
from fervid.report.people import edit_people
from fervid.results.files import read_meta, read_table
from tests.helpers.index_pages import HOSTILE, rows_of, run, shown
from tests.helpers.made_results import made_frames, made_result
from tests.report.test_page import Reader


@pytest.mark.slow
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
    reports = [f"{path}/report.html".replace(" ", "%20") for path in table["path"]]
    assert [link for link in links if "#" not in link] == reports
    # A link of each person leads to their moment.
    assert {link.split("#t=")[0] for link in links if "#" in link} == set(reports)
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
        assert line.startswith("fervid: skipped: ")
        assert f"{name}.fervid" in line
    page = (many / "index.html").read_text("utf-8")
    assert len(rows_of(page)) == 1
    assert "foreign.fervid" in page

    shutil.rmtree(many / "day 1")
    (many / "index.html").unlink()
    done = run(many)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"fervid: {many}: is neither")
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
    why = "was not written by fervid, so it is not replaced"
    assert done.stderr == f"fervid: {many / name}: {why}\n"
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


@pytest.mark.slow
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


def test_people_are_listed_by_their_names(many: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("face_id,name\n1,Anna & Co\n", "utf-8")
    edit_people(many / "b.mp4.fervid", names)
    run(many)
    page = (many / "index.html").read_text("utf-8")
    rows = page.split('id="people-rows"')[1].split("</table>")[0].split("<tr ")[1:]
    assert len(rows) == 3
    (anna,) = [row for row in rows if "Anna &amp; Co" in row]
    assert 'href="b.mp4.fervid/report.html#t=0.000"' in anna
    assert "0:00:02.0" in anna
    assert "happy" in anna
    assert sum("face 1" in row for row in rows) == 2
