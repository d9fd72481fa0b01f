"""Tables of groups, and groups compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.report.comparison import GroupMember, compare, estimate
from fervid.report.groups import match, read_metadata
from fervid.report.index import render_index, write_index
from fervid.report.recordings import Person, Recording
from fervid.report.recordings_table import recordings_csv
from tests.helpers.index_pages import rated, run, shown
from tests.report.test_page import Reader


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
        "fervid: rows of the table of groups that match no recording (1): 'nobody.mp4'\n"
    )
    table = pd.read_csv(many / "recordings.csv")
    assert table["who"].tolist() == ["Ada", "Bea", "Ann"]
    assert table["age"].tolist() == [50, 30, 40]
    assert "What differs by age" in (many / "index.html").read_text("utf-8")


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
    assert "What differs by age" in page
    assert run(many, "--groups", table_at(tmp_path, "recording,team\nb.mp4,red\n")).exit_code == 0
    assert "What differs by team" in write_index(many).read_text("utf-8")
    assert "who" not in pd.read_csv(many / "recordings.csv")


def test_unclear_rows_give_no_group(tmp_path: Path) -> None:
    recordings = [Recording(f"{place}/a.mp4.fervid", "a.mp4") for place in "pqrst"]
    text = "recording,g\na.mp4,1\np/a.mp4,2\np/a.mp4.fervid,3\n"
    lines: list[str] = []
    found = match(read_metadata(table_at(tmp_path, text)), recordings, lines.append)
    assert found == [("2",), None, None, None, None]
    assert lines == [
        "recordings without a row in the table of groups (4): 'q/a.mp4.fervid', "
        "'r/a.mp4.fervid', 's/a.mp4.fervid' and 1 more",
        "rows of the table of groups that match several recordings (1): 'a.mp4'",
        "repeated rows about a recording, of which the first is used (1): 'p/a.mp4.fervid'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'recording'"),
        ("file,group\na.mp4,x\n", "no column 'recording'; its header is 'file', 'group'"),
        ("recording\na.mp4\n", "no other column than 'recording'"),
        ("recording,g,g\na.mp4,1,2\n", "two columns have the same name"),
        ("recording,g\na.mp4,1\n", "no column 'age' to group by; its columns are 'g'"),
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


def test_each_recording_counts_once_with_students_interval() -> None:
    recordings = [rated(0.2), rated(0.4, faces=1_000_000), rated(0.6), rated(0.9), rated(0.5)]
    found = compare(
        "side", recordings, [GroupMember(side) for side in ("left", "left", "left", "right", "")]
    )
    assert found is not None
    left, right = found.estimates["happy"]
    assert (left.group, left.n, right.group, right.n) == ("left", 3, "right", 1)
    assert left.mean == pytest.approx(0.4)
    assert left.low == 0.0
    assert left.high == pytest.approx(0.4 + 4.302653 * 0.2 / 3**0.5, abs=1e-6)
    assert (right.mean, right.low, right.high) == (0.9, None, None)
    assert found.ungrouped == 1
    assert found.reference == "left"
    assert found.differences["happy"][0] is None
    apart = found.differences["happy"][1]
    assert apart is not None
    assert apart.points == pytest.approx(0.5)
    assert (apart.low, apart.effect) == (None, None)
    assert found.ticks[-1] >= 0.9


def with_people(happy: Mapping[int, float]) -> Recording:
    """A recording of people who are seen for 5 s times their face_id."""
    about = rated(0.5)
    people = [
        Person(
            face, f"face {face}", 0.0, 5.0 * face, 0.0, ("happy", 1.0), 0, (0,) * 3 + (share,) * 4
        )
        for face, share in happy.items()
    ]
    summary = {**about.summary, "detection_rate": 1.0}
    return replace(about, people=tuple(people), duration_s=10.0, summary=summary)


def test_each_participant_counts_once_and_is_compared_with_themselves() -> None:
    # Face 2 is seen longest; Ann's four recordings before are one value.
    before = [with_people({1: 0.9, 2: share}) for share in (0.1, 0.1, 0.3, 0.3, 0.2, 0.4)]
    after = [with_people({2: share}) for share in (0.4, 0.5, 0.8)]
    who = [GroupMember("1 before", name) for name in ("Ann", "Ann", "Ann", "Ann", "Bob", "Cy")]
    who += [GroupMember("2 after", name) for name in ("Ann", "Bob", "Cy")]
    found = compare("visit", [*before, *after], who)
    assert found is not None
    assert found.unit == "person"
    first, second = found.estimates["happy"]
    assert (first.n, second.n) == (3, 3)
    assert first.mean == pytest.approx((0.2 + 0.2 + 0.4) / 3)
    apart = found.differences["happy"][1]
    assert apart is not None
    assert apart.design == "paired"
    assert apart.points == pytest.approx((0.2 + 0.3 + 0.4) / 3)
    half = 4.302653 * 0.1 / 3**0.5
    assert (apart.low, apart.high) == pytest.approx((0.3 - half, 0.3 + half), abs=1e-6)


def test_a_participant_can_be_a_certain_face_and_may_be_absent() -> None:
    both = with_people({1: 0.9, 2: 0.1})
    who = [
        GroupMember("a", "Ann", "1"),
        GroupMember("a", "Bob", "face 2"),
        GroupMember("a", "Cy", "3"),
    ]
    found = compare("g", [both] * 3, who)
    assert found is not None
    (one,) = found.estimates["happy"]
    assert (one.n, found.absent) == (2, 1)
    assert one.mean == pytest.approx(0.5)


def test_groups_whose_faces_are_seen_less_are_told() -> None:
    rates = [0.99, 0.98, 0.99, 0.97, 0.5, 0.55, 0.6, 0.52]
    recordings = [
        replace(one, summary={**one.summary, "detection_rate": rate})
        for one, rate in zip([rated(0.5)] * 8, rates, strict=True)
    ]
    found = compare("side", recordings, [GroupMember("left")] * 4 + [GroupMember("right")] * 4)
    assert found is not None
    (line,) = found.warnings
    assert "98% of the time in recordings of left, and for 54% in those of right" in line


def test_what_differs_most_comes_first_with_its_effect_size() -> None:
    sides = ["left"] * 4 + ["right"] * 4
    happy = [0.5, 0.5, 0.5, 0.51, 0.5, 0.5, 0.52, 0.5]
    sad = [0.1, 0.12, 0.1, 0.12, 0.3, 0.32, 0.3, 0.32]
    recordings = [
        replace(one, summary={**one.summary, "sad_mean": value})
        for one, value in zip(map(rated, happy), sad, strict=True)
    ]
    found = compare("side", recordings, list(map(GroupMember, sides)))
    assert found is not None
    assert next(iter(found.estimates)) == "sad"
    apart = found.differences["sad"][1]
    assert apart is not None
    sd = float(np.std([0.1, 0.12, 0.1, 0.12], ddof=1))
    assert apart.points == pytest.approx(0.2)
    # Hedges (1981): g = J d, with J close to 1 - 3 / (4 df - 1) for 6 degrees of freedom.
    assert apart.effect == pytest.approx(0.2 / sd * (1 - 3 / 23), rel=0.01)
    assert apart.low == pytest.approx(0.2 - 2.446912 * sd * 0.5**0.5, abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0.5, 0.05, (2000, 5))
    held = [one.low < 0.5 < one.high for one in (estimate("", s) for s in samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_only_so_many_groups_are_compared_and_faceless_recordings_in_none() -> None:
    recordings = [rated(0.5) for _ in range(20)]
    found = compare("who", recordings, [GroupMember(f"p{k:02}") for k in range(20)])
    assert found is not None
    assert (len(found.estimates["sad"]), found.left_out) == (12, 8)
    assert compare("who", [Recording("x", "x")], [GroupMember("a")]) is None
    assert compare("who", recordings, [GroupMember("")] * 20) is None


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


def test_a_column_of_participants_is_not_what_groups_are_formed_by(
    many: Path, tmp_path: Path
) -> None:
    rows = "a.mp4.fervid,Ann,x\nb.mp4,Bea,y\nday 1/a.mp4,Ann,y\n"
    run(many, "--groups", table_at(tmp_path, "recording,participant,group\n" + rows))
    words = Reader((many / "index.html").read_text("utf-8")).words()
    assert "What differs by group" in words
    assert "Each person counts once" in words
    assert "Recordings of one person are not independent" not in words
