"""A batch is stopped at random moments, again and again, and each time the same command goes on.

FERVID_TEST_KILLS=200 for as many moments of each kind as a release wants; a few seconds each.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.batch.test_batch import hidden, tables
from tests.helpers.clips import X264, MakeClip

pytestmark = pytest.mark.slow

MOMENTS = int(os.environ.get("FERVID_TEST_KILLS", "3"))
CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}
WHOLE = {
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
}


@pytest.fixture(scope="module")
def recordings(make_clip: MakeClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of 300 frames."""
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30", "-frames:v", 300)
    clip = make_clip("kills.mp4", *source, *X264)
    folder = tmp_path_factory.mktemp("in")
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(clip.read_bytes())
    return folder


def command(recordings: Path, out: Path) -> list[str]:
    analyze = [sys.executable, "-m", "fervid.cli", "analyze", str(recordings)]
    return [*analyze, "-o", str(out), "-j", "2", "--working-size", "96"]


@pytest.fixture(scope="module")
def undisturbed(
    recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], float]:
    """The tables of a run that nobody stops, and how long it takes with everything compiled."""
    out = tmp_path_factory.mktemp("undisturbed")
    for given, name in ((recordings / "a.mp4", "first"), (recordings, "second")):
        began = time.monotonic()
        subprocess.run(command(given, out / name), check=True, capture_output=True)
    return tables(out / "second"), time.monotonic() - began


def results(out: Path) -> dict[Path, int]:
    """The result folders that are there, with their inodes."""
    return {path: path.stat().st_ino for path in out.glob("*.fervid")}


def works(process: psutil.Process) -> bool:
    """Whether a process is there and has not ended; whoever inherits it may be late to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert happened(), "it never came so far"


@pytest.mark.parametrize("number", CODES)
def test_nothing_finished_is_lost_and_nothing_half_done_is_there(
    recordings: Path,
    undisturbed: tuple[dict[str, str], float],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """The first time midway: once a recording is finished or, for a mere stop, under way."""
    expected, lasts_s = undisturbed
    chance = random.Random(number.name)
    for moment in range(MOMENTS):
        out = tmp_path / str(moment // 3)  # goes on where the one before was stopped, then anew
        before = results(out)
        process = subprocess.Popen(
            command(recordings, out),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if moment:
            time.sleep(chance.uniform(0.1, lasts_s))
        else:
            sign = "*.fervid" if number == signal.SIGKILL else "*"
            wait_for(lambda out=out, sign=sign: list(out.glob(sign)))
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=20)
        took_s = time.monotonic() - sent
        if number == signal.SIGKILL:
            assert not any(map(works, psutil.wait_procs(children, timeout=5)[1]))
        else:
            assert took_s < 3
            assert process.returncode in {0, CODES[number], -number}, errors
            assert not any(map(works, psutil.wait_procs(children, timeout=1)[1]))
            assert hidden(out) == []
        assert "Traceback" not in errors
        after = results(out)
        assert before.items() <= after.items()
        for folder in after:
            assert {path.name for path in folder.iterdir()} == WHOLE
            assert (folder / "report.html").read_text().endswith("</html>")
        if not moment:
            assert process.returncode == CODES[number]
            assert len(after) < 3
            assert number == signal.SIGKILL or errors.endswith("fervid: interrupted\n")
    done = subprocess.run(command(recordings, out), check=True, capture_output=True, text=True)
    assert f"3 ok ({len(after)} kept from earlier)" in done.stdout or not after
    assert after.items() <= results(out).items()
    assert tables(out) == expected
    assert len({(folder / "frames.csv").read_bytes() for folder in results(out)}) == 1
    assert hidden(out) == []
