"""Damaged and missing files of a result are one clear line."""

import pytest

from fervid.errors import ResultError
from fervid.results.writer import (
    read_frames,
    read_meta,
    read_table,
)
from tests.helpers.small_results import write


def damage(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("frame,timestamp", "time,frame", "columns are different"),
        (",,,uncertain,ok\n", ",,,,ok\n", "values are missing"),
        (",,,uncertain,ok\n", ",,,uncertain,ok,9,9\n", "damaged"),
        (",,,uncertain,ok\n", ",,,unsure,ok\n", "unknown state"),
        (",,,uncertain,ok\n", ",,,uncertain,fine\n", "unknown status"),
        (",,,uncertain,ok\n", ",,,uncertain,lost\n", "unknown status"),
        ("\n5,", "\n2,", "ascending"),
        ("3,1,0.9876", "3,7,0.9876", "success"),
        ("0.3765,neutral", "0.3765,bored", "unknown emotion"),
        ("0.9876", "high", "damaged"),
    ],
)
def test_damaged_frame_tables_are_one_clear_line(tmp_path, old, new, says):
    folder = write(tmp_path / "r")
    damage(folder / "frames.csv", old, new)
    with pytest.raises(ResultError, match=says) as error:
        list(read_frames(folder))
    assert "\n" not in str(error.value)
    assert "frames.csv" in str(error.value)


def test_a_cut_off_table_is_damaged(tmp_path):
    path = write(tmp_path / "r") / "frames.csv"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ResultError, match="cut off"):
        read_frames(tmp_path / "r")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ResultError, match="no such folder"):
        read_frames(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    for read, name in ((read_frames, "frames.csv"), (read_meta, "meta.json")):
        with pytest.raises(ResultError, match=f"it has no {name}"):
            read(tmp_path / "empty")
    for name in ("episodes", "people", "summary"):
        with pytest.raises(ResultError, match=f"it has no {name}.csv"):
            read_table(tmp_path / "empty", name)


@pytest.mark.parametrize("text", ["{", "[]", '{"models": {}}', '{"recording": 3}', "\x00"])
def test_damaged_meta_is_one_clear_line(tmp_path, text):
    folder = write(tmp_path / "r")
    (folder / "meta.json").write_text(text)
    with pytest.raises(ResultError, match="damaged") as error:
        read_meta(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["episodes", "people", "summary"])
def test_damaged_tables_are_refused(tmp_path, name):
    path = write(tmp_path / "r") / f"{name}.csv"
    header, *_ = path.read_text().splitlines()
    short = header.replace(",duration", "").replace(",faces", "")
    cells = ["x"] * len(header.split(","))
    for text in ("a,b\n1,2\n", "", short + "\n", f"{header}\n{','.join(cells)}\n"):
        path.write_text(text)
        with pytest.raises(ResultError, match=f"{name}.csv: is not a table of fervid"):
            read_table(tmp_path / "r", name)
