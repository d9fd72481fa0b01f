"""Episodes in the files of annotation tools and players, read back by a parser of each format."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pysubs2
import pytest
from pympi import Elan

from fervid.errors import ResultError
from fervid.exports import FormatName, export
from fervid.records import EXPRESSIONS
from fervid.results.files import read_table
from tests.conftest import CLIPS
from tests.helpers.made_results import AWKWARD, made_result

Found = list[tuple[int, str, float, float]]


def face_number(name: str) -> int:
    match = re.fullmatch(r"face ?(\d+)", name)
    assert match, name
    return int(match[1])


def from_elan(path: Path) -> Found:
    eaf = Elan.Eaf(path)
    return [
        (face_number(tier), what, start / 1000, end / 1000)
        for tier in eaf.get_tier_names()
        for start, end, what in eaf.get_annotation_data_for_tier(tier)
    ]


def from_boris(path: Path) -> Found:
    """State events paired as BORIS does: by subject and code, in the order of time; no modifier,
    by which it would part its time budget."""
    header, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    assert header == ("time", "subject", "code", "modifier", "comment")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    running: dict[tuple[str, str], float] = {}
    found = []
    for time_s, subject, code, modifier, comment in rows:
        key = subject, code
        assert modifier is None
        assert re.fullmatch(r"(\w+), peak 0\.\d{4}", comment)[1] == (  # type: ignore[index]
            "offset" if key in running else "onset"
        )
        if key in running:
            found.append((face_number(key[0]), key[1], running.pop(key), time_s))
        else:
            running[key] = time_s
    assert not running
    return found


def datavyu_columns(text: str) -> dict[str, Found]:
    """The columns of a file in Datavyu's grammar; anything beside it fails."""
    assert text.endswith("\n")
    first, *lines = text[:-1].split("\n")
    assert first == "#4"
    columns: dict[str, Found] = {}
    for line in lines:
        if not line[:1].isdigit():
            head = re.fullmatch(r"([A-Za-z]\w*) \(MATRIX,(?:true|false),\)-(\w+)\|NOMINAL", line)
            assert head, line
            assert head[1] not in columns
            mine = columns[head[1]] = []
            continue
        stamp = r"(\d\d):([0-5]\d):([0-5]\d):(\d{3})"
        cell = re.fullmatch(rf"{stamp},{stamp},\((\w+)\)", line)
        assert cell, line
        units = [int(part) for part in cell.groups()[:8]]
        start, end = (3600 * h + 60 * m + s + ms / 1000 for h, m, s, ms in (units[:4], units[4:]))
        mine.append((face_number(head[1]), cell[9], start, end))
    return columns


def from_datavyu(path: Path) -> Found:
    return [*itertools.chain(*datavyu_columns(path.read_text("utf-8")).values())]


def from_subtitles(path: Path) -> Found:
    found = []
    form = {".vtt": "vtt", ".srt": "srt"}[path.suffix]
    for cue in pysubs2.load(str(path), encoding="utf-8", format_=form):
        who, what = cue.plaintext.split(": ")
        found.append((face_number(who), what, cue.start / 1000, cue.end / 1000))
    return found


READERS: dict[FormatName, tuple[Callable[[Path], Found], float]] = {
    "elan": (from_elan, 0.0005),
    "boris": (from_boris, 0.0),
    "datavyu": (from_datavyu, 0.0005),
    "webvtt": (from_subtitles, 0.0005),
    "srt": (from_subtitles, 0.0005),
}
"""How each is read back, and half of the unit of its times in seconds."""


def assert_same(found: Found, table: pd.DataFrame, half_unit: float) -> None:
    expected = sorted(
        zip(table["face_id"], table["expression"], table["onset"], table["offset"], strict=True),
        key=lambda row: (row[0], row[2]),
    )
    found = sorted(found, key=lambda row: (row[0], row[2]))
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for (_, _, *times), (_, _, *known) in zip(found, expected, strict=True):
        assert times == pytest.approx(known, rel=0, abs=half_unit + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("to", READERS)
def test_a_real_result_comes_back_to_the_unit_of_the_format(
    results: dict[str, Path], tmp_path: Path, to: FormatName
) -> None:
    read, half_unit = READERS[to]
    for clip in CLIPS:
        folder = results[clip]
        (path,) = export(folder, to, tmp_path)
        table = read_table(folder, "episodes")
        assert len(table) > 5
        assert_same(read(path), table, half_unit)


@pytest.mark.parametrize("to", READERS)
def test_awkward_times_come_back(tmp_path: Path, to: FormatName) -> None:
    read, half_unit = READERS[to]
    folder = made_result(tmp_path / "clip.mp4.fervid", episodes=AWKWARD)
    (path,) = export(folder, to)
    assert path.parent == folder
    assert path.name.startswith("clip.")
    found = read(path)
    # The episode that is shorter than a millisecond lasts one, and moves the next by as much.
    unit = 2 * half_unit
    assert_same(found, read_table(folder, "episodes"), unit)
    assert all(start < end for *_, start, end in found)
    for _, mine in itertools.groupby(sorted(found), key=lambda row: row[0]):
        times = sorted(row[2:] for row in mine)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


@pytest.mark.parametrize("to", READERS)
def test_a_result_without_any_episode(tmp_path: Path, to: FormatName) -> None:
    folder = made_result(tmp_path / "clip.mp4.fervid")
    (path,) = export(folder, to)
    assert READERS[to][0](path) == []


@pytest.mark.slow
@pytest.mark.parametrize("to", READERS)
@pytest.mark.parametrize("cell", ["=1+1", "<b>happy</b>", "x),(y", "", "joy"])
def test_an_edited_table_is_refused_before_anything_is_written(
    tmp_path: Path, to: FormatName, cell: str
) -> None:
    folder = made_result(tmp_path / "clip.mp4.fervid", episodes=[(1, "happy", 0.0, 1.0)])
    table = folder / "episodes.csv"
    table.write_text(table.read_text().replace("happy", f'"{cell}"'))
    before = sorted(folder.iterdir())
    with pytest.raises(ResultError, match=r"episodes\.csv"):
        export(folder, to)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("to", ["datavyu", "webvtt", "srt"])
def test_what_two_digits_of_hours_cannot_tell_is_refused(tmp_path: Path, to: FormatName) -> None:
    folder = made_result(tmp_path / "r", episodes=[(1, "happy", 0.0, 360_000.0)])
    with pytest.raises(ResultError, match="100 hours"):
        export(folder, to)


def test_elan_has_a_tier_for_everyone_and_the_words_to_choose_from(tmp_path: Path) -> None:
    folder = made_result(tmp_path / "clip.mp4.fervid", episodes=AWKWARD)
    eaf = Elan.Eaf(export(folder, "elan")[0])
    assert list(eaf.get_tier_names()) == ["face 1", "face 2", "face 12"]
    entries = eaf.controlled_vocabularies["expression"][1].values()
    assert [values[0][0] for values, _ in entries] == list(EXPRESSIONS)
    for tier in eaf.get_tier_names():
        kind = eaf.get_parameters_for_tier(tier)["LINGUISTIC_TYPE_REF"]
        assert eaf.linguistic_types[kind]["CONTROLLED_VOCABULARY_REF"] == "expression"
    times = [time_ms for _, time_ms in sorted(eaf.timeslots.items(), key=lambda s: int(s[0][2:]))]
    assert times == sorted(times)
    assert eaf.get_linked_files() == []


def test_elan_links_the_recording_by_its_way_from_the_file(tmp_path: Path) -> None:
    clip = tmp_path / "my clip & more.mp4"
    clip.write_bytes(b"1234")
    about = {"name": clip.name, "size_bytes": 4}
    folder = made_result(tmp_path / "r.fervid", recording=about)
    (link,) = Elan.Eaf(export(folder, "elan")[0]).get_linked_files()
    assert link["RELATIVE_MEDIA_URL"] == f"../{clip.name}"
    assert link["MIME_TYPE"] == "video/mp4"
    assert str(tmp_path) not in str(link)
    (link,) = Elan.Eaf(export(folder, "elan", tmp_path / "a.eaf")[0]).get_linked_files()
    assert link["RELATIVE_MEDIA_URL"] == f"./{clip.name}"


@pytest.mark.parametrize("name", ["a\x1b[2J.mp4", "a\nb.mp4", "caf\udce9.mp4"])
def test_elan_does_not_link_what_xml_cannot_hold(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"1234")
    folder = made_result(tmp_path / "r.fervid", recording={"name": name, "size_bytes": 4})
    assert Elan.Eaf(export(folder, "elan")[0]).get_linked_files() == []


def test_boris_cells_are_numbers_and_plain_text(tmp_path: Path) -> None:
    folder = made_result(tmp_path / "r", episodes=AWKWARD)
    sheet = openpyxl.load_workbook(export(folder, "boris")[0]).active
    kinds = {tuple(cell.data_type for cell in row) for row in sheet.iter_rows(min_row=2)}
    assert kinds == {("n", "s", "s", "n", "s")}  # an empty modifier


def test_webvtt_begins_as_it_must_and_has_one_cue_an_episode(tmp_path: Path) -> None:
    folder = made_result(tmp_path / "r", episodes=[(3, "happy", 1.5, 2.25)])
    text = export(folder, "webvtt")[0].read_text("utf-8")
    assert text.startswith("WEBVTT\n\n")
    assert "\n00:00:01.500 --> 00:00:02.250\nface 3: happy\n" in text
    assert text.count("-->") == 1
