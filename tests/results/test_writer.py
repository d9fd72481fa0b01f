"""Result folders are whole or absent."""

import json
import math
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.report.maker import ReportMaker
from fervid.results.codebook import FRAME_COLUMNS, TABLES
from fervid.results.summaries import summarize
from fervid.results.writer import (
    ResultWriter,
    read_frames,
    read_meta,
    read_table,
)
from fervid.timeline import Timeline
from tests.helpers.known_faces import NO_EPISODES
from tests.helpers.made_results import HAPPY, made_frames
from tests.helpers.small_results import FILES, META, names, rows, table, write


def test_these_files_and_nothing_else(tmp_path):
    folder = write(tmp_path / "clip.mp4.fervid")
    assert names(folder) == FILES
    assert names(tmp_path) == ["clip.mp4.fervid"]


def test_numbers_have_their_decimals(tmp_path):
    lines = (write(tmp_path / "r") / "frames.csv").read_text().splitlines()
    assert lines[0] == ",".join(FRAME_COLUMNS)
    assert lines[1] == "0,0.000000,,0" + "," * 38 + "ok"
    assert lines[2] == (
        "1,0.033333,3,1,0.9876,10.3,20.0,30.0,40.0,0.1000,0.1000,0.1000,0.1235,0.1000,0.1000,0.3765,"
        "neutral,0.3765,0.0235,0.7500,0,0.033333,1.0000,0.0000,0.9876,"
        "0.1000,0.1000,0.1000,0.1235,0.1000,0.1000,0.3765,0.0235,,,,,,,,uncertain,ok"
    )


def test_a_valence_that_rounds_to_zero_has_no_sign(tmp_path):
    row = table()
    row.loc[1, "valence"] = -0.00001
    with ResultWriter(tmp_path / "r") as writer:
        writer.append(row)
        writer.finish(NO_EPISODES, META)
    assert "-0.0000" not in (tmp_path / "r" / "frames.csv").read_text()


def test_pandas_reads_every_table_without_options(tmp_path):
    folder = write(tmp_path / "r")
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in (*TABLES, "codebook")}
    frames, people, summary = (tables[name] for name in ("frames", "people", "summary"))
    assert frames["success"].tolist() == [0, 1, 1, 1, 0, 1, 1, 1]
    assert frames.loc[frames["success"] == 0, "happy"].isna().all()
    assert people[["face_id", "frames"]].to_numpy().tolist() == [[3, 7]]
    assert summary[["recording", "people", "frames"]].to_numpy().tolist() == [["clip.mp4", 1, 8]]
    assert len(tables["episodes"]) == 0
    told = {(row.table, row.column) for row in tables["codebook"].itertuples()}
    assert told == {(name, column) for name in TABLES for column in tables[name].columns}
    assert not tables["codebook"][["table", "column", "meaning"]].isna().any(axis=None)


def test_reading_gives_back_what_was_written(tmp_path):
    folder = write(tmp_path / "r")
    expected = pd.concat([table(), table(first=4)], ignore_index=True)
    timeline = Timeline.read(folder)
    pd.testing.assert_frame_equal(timeline.frames, expected, atol=0.06)
    assert timeline.folder == folder
    people, summary = summarize([timeline.frames], timeline.episodes, "clip.mp4")
    pd.testing.assert_frame_equal(timeline.people, people, atol=1e-4)
    pd.testing.assert_frame_equal(timeline.summary, summary, atol=1e-4)
    chunks = list(read_frames(folder, chunk_rows=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 2]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), timeline.frames)
    assert timeline.meta["detection"] == {
        "frames": 8,
        "frames_with_face": 6,
        "detection_rate": 0.75,
    }


def test_no_rows_at_all(tmp_path):
    with ResultWriter(tmp_path / "r") as writer:
        writer.finish(NO_EPISODES, META)
    timeline = Timeline.read(tmp_path / "r")
    assert len(timeline.frames) == 0
    assert timeline.meta["detection"]["detection_rate"] is None


def test_meta_keeps_what_json_can_hold(tmp_path):
    given = {
        "recording": {"name": "caf\udce9 \u2028.mp4", "fps": Fraction(30000, 1001)},
        "settings": {"threshold": np.float32(0.5), "n": np.int64(3), "nan": math.nan, "t": (1, 2)},
    }
    with ResultWriter(tmp_path / "r", report=ReportMaker()) as writer:
        writer.finish(NO_EPISODES, given)
    meta = read_meta(tmp_path / "r")
    assert meta["recording"] == {"name": "caf\udce9 \u2028.mp4", "fps": pytest.approx(29.97, 1e-4)}
    assert meta["settings"] == {"threshold": 0.5, "n": 3, "nan": None, "t": [1, 2]}
    assert set(meta) == {"recording", "settings", "warnings", "detection", "overview"}


@pytest.mark.parametrize(
    ("rate", "said"), [(0.0, "no face was found"), (0.04, "only 4.0% of the frames"), (0.1, "")]
)
def test_few_faces_are_told(tmp_path, rate, said):
    faces = [(place, 1, (1, 1, 8, 8)) for place in range(round(100 * rate))]
    with ResultWriter(tmp_path / "r") as writer:
        writer.append(made_frames([k / 10 for k in range(100)], faces, probs=HAPPY))
        writer.finish(NO_EPISODES, META)
    warnings = read_meta(tmp_path / "r")["warnings"]
    assert [warning[: len(said)] for warning in warnings] == ([said] if said else [])


def test_what_json_cannot_hold_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="object"), ResultWriter(tmp_path / "r") as writer:
        writer.finish(NO_EPISODES, {"x": object()})
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_midway_leaves_nothing(tmp_path, error):
    def stop_midway():
        with ResultWriter(tmp_path / "r") as writer:
            writer.append(table())
            raise error

    with pytest.raises(error):
        stop_midway()
    assert names(tmp_path) == []


def test_leaving_without_finish_leaves_nothing(tmp_path):
    with ResultWriter(tmp_path / "r") as writer:
        writer.append(table())
    assert names(tmp_path) == []


def test_a_failing_report_keeps_the_earlier_result(tmp_path, monkeypatch):
    folder = write(tmp_path / "r")
    before = (folder / "report.html").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fervid.report.maker.save_report", fail)
    with pytest.raises(ResultError, match="No space left"):
        write(folder, overwrite=True)
    assert names(tmp_path) == ["r"]
    assert (folder / "report.html").read_bytes() == before


def test_a_failing_rename_puts_the_earlier_result_back(tmp_path, monkeypatch):
    folder = write(tmp_path / "r")
    rename = Path.rename

    def fail(self, target):
        if self.suffix == ".fervid-part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    monkeypatch.setattr("fervid.results.atomic_folder._exchanged", lambda *_: False)
    with pytest.raises(KeyboardInterrupt):
        write(folder, overwrite=True)
    assert names(tmp_path) == ["r"]
    assert len(Timeline.read(folder).frames) == 8


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_under_the_final_name(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from fervid.results.writer import ResultWriter\n"
        "with ResultWriter(Path(sys.argv[1])) as w: print('in', flush=True); time.sleep(60)"
    )
    folder = tmp_path / "r"
    arguments = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"in\n"
        process.kill()
    assert not folder.exists()
    assert all(name.startswith(".") for name in names(tmp_path))
    write(folder)
    assert len(Timeline.read(folder).frames) == 8


def test_an_earlier_result_is_kept_unless_asked(tmp_path):
    folder = write(tmp_path / "r")
    with pytest.raises(ResultError, match="already exists") as error:
        ResultWriter(folder)
    assert "\n" not in str(error.value)


def test_overwriting_replaces_ours_and_keeps_what_others_put_there(tmp_path):
    folder = write(tmp_path / "r")
    (folder / "notes.txt").write_text("mine")
    for stale in ("frames.parquet", "clip.openface.csv", "clip.pyfeat.csv"):
        (folder / stale).write_text("of earlier tables")
    with ResultWriter(folder, overwrite=True, report=ReportMaker()) as writer:
        writer.append(table())
        assert len(Timeline.read(folder).frames) == 8
        writer.finish(NO_EPISODES, META)
    assert len(Timeline.read(folder).frames) == 4
    assert (folder / "notes.txt").read_text() == "mine"
    assert names(folder) == sorted([*FILES, "notes.txt"])
    assert names(tmp_path) == ["r"]


def test_a_result_of_an_earlier_version_can_be_overwritten(tmp_path):
    folder = write(tmp_path / "r")
    path = folder / "frames.csv"
    older = pd.read_csv(path).drop(columns=["frontality", "filled"])
    older.to_csv(path, index=False)
    with ResultWriter(folder, overwrite=True, report=ReportMaker()) as writer:
        writer.append(table())
        writer.finish(NO_EPISODES, META)
    assert len(Timeline.read(folder).frames) == 4


def test_a_folder_that_is_not_ours_is_never_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("photos", "file"):
        with pytest.raises(ResultError, match="not a fervid result"):
            ResultWriter(tmp_path / name, overwrite=True)
    assert (tmp_path / "photos" / "one.jpg").exists()


def test_a_name_taken_while_writing_is_not_replaced(tmp_path):
    with ResultWriter(tmp_path / "r") as writer:
        writer.append(table())
        write(tmp_path / "r")
        with pytest.raises(ResultError, match="already exists"):
            writer.finish(NO_EPISODES, META)
    assert len(Timeline.read(tmp_path / "r").frames) == 8


def test_the_parent_must_be_a_folder_that_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="is not a writable folder"):
        ResultWriter(tmp_path / "file" / "r")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if not os.access(locked, os.W_OK):  # the superuser may write anywhere
        with pytest.raises(ResultError, match="is not a writable folder"):
            ResultWriter(locked / "r")


def test_missing_parents_are_made_when_writing_starts(tmp_path):
    writer = ResultWriter(tmp_path / "a" / "b" / "r")
    assert not (tmp_path / "a").exists()
    with writer:
        writer.append(table())
        writer.finish(NO_EPISODES, META)
    assert len(Timeline.read(tmp_path / "a" / "b" / "r").frames) == len(table())


def test_paths_that_cannot_be_get_one_line(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for name in ("loop/r", "n" * 300):
        with pytest.raises(ResultError, match="cannot be written"):
            ResultWriter(tmp_path / name)


def test_other_columns_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="not those of a frame table"),
        ResultWriter(tmp_path / "r") as writer,
    ):
        writer.append(table().drop(columns="valence"))


def test_a_writer_outside_its_context_says_so(tmp_path):
    with pytest.raises(ValueError, match="outside its context"):
        ResultWriter(tmp_path / "r").append(table())


def test_ten_thousand_rows_take_little_time(tmp_path):
    start = time.perf_counter()
    with ResultWriter(tmp_path / "r") as writer:
        for k in range(10):
            writer.append(table(first=1000 * k, n=1000))
        writer.finish(NO_EPISODES, META)
    assert time.perf_counter() - start < 10
    assert read_table(tmp_path / "r", "summary").loc[0, "frames"] == 10_000
    assert json.loads((tmp_path / "r" / "meta.json").read_text())["detection"]["frames"] == 10_000
    assert set(Timeline.read(tmp_path / "r").frames["emotion"].cat.categories) == set(EXPRESSIONS)


def test_stored_rows_can_be_changed_from_both_ends_and_come_back_frame_by_frame(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("fervid.results.row_store._CHUNK_ROWS", 3)
    given = np.concatenate([rows(n=5).repeat(2), rows(first=5, n=2)])
    with ResultWriter(tmp_path / "r") as writer:
        writer.store(given[:10])
        writer.store(given[10:])
        for chunk in writer.stored(back=True):
            chunk["frame"] += 100
        for chunk in writer.stored():
            chunk["frame"] -= 100
        chunks = list(writer.stored_frames())
        writer.finish(NO_EPISODES, META)
    np.testing.assert_array_equal(np.concatenate(chunks), given)
    frames = [set(chunk["frame"].tolist()) for chunk in chunks]
    assert sum(map(len, frames)) == 7
    assert names(tmp_path / "r") == [name for name in FILES if name != "report.html"]
