"""The decoder's process: it ends with its reader, whatever happens; and which ffmpeg it is."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fervid.errors import MediaError, SetupError
from fervid.video import executable
from fervid.video import ffmpeg as ffmpeg_module
from fervid.video.reader import VideoReader
from tests.helpers.clips import children, read


def test_nothing_is_left_behind(long_clip: Path) -> None:
    process = psutil.Process()
    read(long_clip, end=0.5)
    before = process.num_fds(), threading.active_count()
    for _ in range(5):
        with VideoReader(long_clip) as reader:
            batches = iter(reader)
            next(batches)
            assert len(children()) == 1
        assert children() == []
    assert (process.num_fds(), threading.active_count()) == before
    assert reader.warnings == []


def test_closing_twice_and_reading_on(long_clip: Path) -> None:
    reader = VideoReader(long_clip)
    batches = iter(reader)
    next(batches)
    reader.close()
    reader.close()
    assert list(batches) == []
    assert children() == []


def test_reading_is_lazy(long_clip: Path) -> None:
    """While the reader is idle ffmpeg waits, so memory does not grow with the length."""
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        time.sleep(0.7)
        (child,) = children()
        used = child.cpu_times().user
        time.sleep(0.3)
        assert child.cpu_times().user == used
        assert sum(len(batch) for batch in batches) == 1500 - 16


def test_decoder_does_not_outlive_a_killed_parent(long_clip: Path) -> None:
    script = (
        "import os, pathlib, psutil, sys; from fervid.video.reader import VideoReader\n"
        "batches = iter(VideoReader(pathlib.Path(sys.argv[1]))); next(batches)\n"
        "print(psutil.Process().children()[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(long_clip)]
    pid = int(subprocess.run(command, stdout=subprocess.PIPE, timeout=30).stdout)
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("ffmpeg still runs")


def test_killed_decoder_is_told(long_clip: Path) -> None:
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        children()[0].kill()
        assert sum(len(batch) for batch in batches) < 1400
    assert any("stopped early" in line for line in reader.warnings)


def test_hung_decoder_is_killed(long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_module, "STALL_S", 0.4)
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        children()[0].send_signal(signal.SIGSTOP)
        with pytest.raises(MediaError, match="stopped making progress"):
            list(batches)
    assert children() == []


def test_slow_reader_is_no_stall(long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_module, "STALL_S", 0.4)
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        time.sleep(1.0)
        assert sum(len(batch) for batch in batches) == 1500 - 16


@pytest.fixture
def fresh_search() -> Iterator[Callable[[], str]]:
    """`find_ffmpeg` without its memory, before and after."""
    executable.find_ffmpeg.cache_clear()
    yield executable.find_ffmpeg
    executable.find_ffmpeg.cache_clear()


def fake_ffmpeg(folder: Path, version: str) -> Path:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\necho 'ffmpeg version {version} Copyright'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("version", "chosen"),
    [("5.1.6-0+deb12u1", False), ("7.0.2", True), ("n8.1", True), ("N-1-g", False)],
)
def test_which_ffmpeg(
    fresh_search: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    chosen: bool,
) -> None:
    fake = fake_ffmpeg(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (fresh_search() == str(fake)) is chosen


def test_no_usable_ffmpeg(
    fresh_search: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_ffmpeg(tmp_path, "4.4.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    with pytest.raises(SetupError, match="install ffmpeg"):
        fresh_search()
