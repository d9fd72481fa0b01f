"""Whatever ends a live session leaves a whole result, or nothing."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

import fervid
from fervid.engine.analysis import Analysis
from fervid.errors import ResultError
from fervid.live import running
from fervid.live.running import RunningTable
from fervid.live.sources import find_source
from fervid.live.watching import Watch
from fervid.results.rows import ROW
from fervid.timeline import Timeline
from tests.helpers.clips import MakeClip, children
from tests.helpers.live_runs import CHOICE, FERVID, result_of, rows_of, wait_for
from tests.helpers.streams import free_port

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_whole_result(
    stream: str, number: signal.Signals, tmp_path: Path
) -> None:
    command = [*FERVID, stream, "-o", str(tmp_path), "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        wait_for(lambda: rows_of(tmp_path))
        before = rows_of(tmp_path)
        offspring = psutil.Process(process.pid).children(recursive=True)
        assert offspring
        wait_for(lambda: rows_of(tmp_path) > before)
        process.send_signal(number)
        assert process.wait(20) == 0
        reader.join()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not any(one.is_running() for one in offspring)
    told = [json.loads(line) for line in lines]
    assert told[-1]["end"]["stopped_by"] == "request"
    assert told[-1]["end"]["analysed"] == len(told) - 1
    timeline = Timeline.read(result_of(tmp_path))
    assert {*timeline.frames["frame"]} == {one["frame"] for one in told[:-1]}
    faces = [face for one in told[:-1] for face in one["faces"]]
    assert faces
    assert all(sum(face["smooth"].values()) == pytest.approx(1, abs=2e-3) for face in faces)


@pytest.mark.parametrize("numbers", [(signal.SIGKILL,), (signal.SIGINT, signal.SIGINT)])
def test_what_was_written_outlives_a_kill(
    stream: str, numbers: tuple[signal.Signals, ...], tmp_path: Path
) -> None:
    command = [*FERVID, stream, "-o", str(tmp_path), "-q"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: rows_of(tmp_path))
        offspring = psutil.Process(process.pid).children(recursive=True)
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.05)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == (-9 if len(numbers) == 1 else 130)
    assert errors == ("" if len(numbers) == 1 else "fervid: interrupted\n")
    assert rows_of(tmp_path)
    assert not list(tmp_path.glob("*.fervid"))
    assert psutil.wait_procs(offspring, timeout=10)[1] == []


WATCHES = """
import sys, fervid
with fervid.watch(sys.argv[1], out=sys.argv[2]) as watch:
    for moment in watch:
        print(moment.index, flush=True)
        if sys.argv[3:] and moment.time_s > 0.2:
            raise RuntimeError("of the script")
"""


def test_a_script_that_is_interrupted_keeps_its_tables(stream: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHES, stream, str(tmp_path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        wait_for(lambda: rows_of(tmp_path), 120)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=120)
    assert errors.endswith("KeyboardInterrupt\n")
    timeline = Timeline.read(result_of(tmp_path))
    seen = sorted({*timeline.frames["frame"]})
    assert set(map(int, printed.split())) <= set(seen)
    assert timeline.meta["live"]["stopped_by"] == "request"


def test_an_interruption_in_the_middle_of_a_frame_loses_no_frame(
    stream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads, given = Analysis._read, itertools.count(), []

    def interrupted(self: Analysis, tracked: Any) -> Any:
        rows = read(self, tracked)
        if next(reads) == 5:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        return rows

    monkeypatch.setattr(Analysis, "_read", interrupted)

    def watch_it() -> None:
        with fervid.watch(stream, out=tmp_path) as watch:
            given.extend(moment.index for moment in watch)

    with pytest.raises(KeyboardInterrupt):
        watch_it()
    timeline = Timeline.read(result_of(tmp_path))
    assert not timeline.frames.duplicated(["frame", "face_id"]).any()
    frames = {*timeline.frames["frame"]}
    assert len(frames) == timeline.meta["live"]["frames"]["analysed"] > 5
    assert {*given} <= frames


def test_a_script_that_fails_keeps_the_table_that_grew(stream: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHES, stream, str(tmp_path), "fails"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr.endswith("RuntimeError: of the script\n")
    (table,) = tmp_path.glob("*.running.csv")
    assert {*pd.read_csv(table)["frame"]} >= {*map(int, done.stdout.split())}
    assert not list(tmp_path.glob("*.fervid"))


def test_a_full_disk_ends_it(stream: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fill_up() -> None:
        with fervid.watch(stream, out=tmp_path) as watch:
            for moment in watch:
                if moment.time_s > 1:
                    monkeypatch.setattr(running.os, "write", full_disk)

    with pytest.raises(ResultError, match="cannot be written"):
        fill_up()
    monkeypatch.undo()
    assert rows_of(tmp_path) > 0
    assert len(list(tmp_path.iterdir())) == 1
    assert len(children()) == 1  # the sender


def full_disk(fd: int, content: Any) -> int:
    """Stands for `os.write`."""
    raise OSError(28, "No space left on device")


def test_no_half_row_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = RunningTable(tmp_path / "x.running.csv")
    rows = np.zeros(1, ROW)
    table.add(rows)
    table.flush()
    whole = table.path.read_bytes()
    write, room = os.write, [10]

    def full(fd: int, content: Any) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return write(fd, content[: room.pop()])

    monkeypatch.setattr(running.os, "write", full)
    table.add(rows)
    with pytest.raises(ResultError, match="No space left"):
        table.flush()
    table.close()
    assert not room
    assert table.path.read_bytes() == whole


def test_without_pictures_nothing_is_written(tmp_path: Path, make_clip: MakeClip) -> None:
    sound = make_clip("sound.ts", "-f", "lavfi", "-i", "sine=d=1", "-f", "mpegts")
    command = [*FERVID, "-", "-o", str(tmp_path)]
    with sound.open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fervid: standard input: has no video\n"
    assert list(tmp_path.iterdir()) == []


def test_nobody_sends_and_the_user_stops(tmp_path: Path) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    process = subprocess.Popen([*FERVID, address, "-o", str(tmp_path)], stderr=subprocess.PIPE)
    wait_for(lambda: psutil.Process(process.pid).children())
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b"fervid: stopped before the first frame; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_stopped_before_a_frame_was_analysed_nothing_is_written(
    stream: str, tmp_path: Path
) -> None:
    watch = Watch(find_source(stream), CHOICE, out=tmp_path, stopped=lambda: is_ready(watch))

    def is_ready(watch: Watch) -> bool:
        return watch._engine is not None

    with watch:
        assert list(watch) == []
    assert list(tmp_path.iterdir()) == []


def unread(pipe: Any) -> int:
    """How many bytes wait in a Unix pipe."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_a_reader_that_does_not_read_keeps_nobody_from_stopping(
    stream: str, tmp_path: Path
) -> None:
    command = [*FERVID, stream, "--json", "-o", tmp_path, "--name", "unread"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes, pipesize=4096)  # room for few lines
    running = tmp_path / "unread.running.csv"
    wait_for(running.exists)

    def so_far() -> tuple[int, int]:
        return unread(process.stdout), running.stat().st_size

    def is_stuck() -> bool:
        before = so_far()
        time.sleep(1.5)
        return before[0] > 2000 and so_far() == before

    wait_for(is_stuck, 90)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        lines = process.stdout.read().splitlines()
        assert process.stderr.read() == ""
    timeline = Timeline.read(tmp_path / "unread.fervid")
    assert json.loads(lines[0])["frame"] in {*timeline.frames["frame"]}
    assert (tmp_path / "unread.fervid" / "report.html").exists()
