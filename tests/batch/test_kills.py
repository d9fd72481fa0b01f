"""A batch is stopped at random moments, again and again, and each time the same command goes on.

FERVID_TEST_KILLS=200 for as many moments of each kind as a release wants; a few seconds each.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.batch.test_batch import hidden, tables, works

pytestmark = pytest.mark.slow

MOMENTS = int(os.environ.get("FERVID_TEST_KILLS", "3"))
WHOLE = {
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
}


@pytest.fixture(scope="module")
def recordings(long_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of 1,500 frames."""
    folder = tmp_path_factory.mktemp("in")
    for name in "ab":
        (folder / f"{name}.mp4").write_bytes(long_clip.read_bytes())
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
    for name in ("first", "second"):
        began = time.monotonic()
        subprocess.run(command(recordings, out / name), check=True, capture_output=True)
    return tables(out / "second"), time.monotonic() - began


def results(out: Path) -> dict[Path, int]:
    """The result folders that are there, with their inodes."""
    return {path: path.stat().st_ino for path in out.glob("*.fervid")}


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_nothing_finished_is_lost_and_nothing_half_done_is_there(
    recordings: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path, name: str
) -> None:
    expected, lasts_s = undisturbed
    number = getattr(signal, name)
    chance = random.Random(name)
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
        time.sleep(chance.uniform(0.1, lasts_s))
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=20)
        took_s = time.monotonic() - sent
        if number == signal.SIGKILL:
            assert not any(map(works, psutil.wait_procs(children, timeout=5)[1]))
        else:
            assert took_s < 3
            assert not any(map(works, children))
            assert hidden(out) == []
        assert "Traceback" not in errors
        after = results(out)
        assert before.items() <= after.items()
        for folder in after:
            assert {path.name for path in folder.iterdir()} == WHOLE
    subprocess.run(command(recordings, out), check=True, capture_output=True)
    assert tables(out) == expected
    assert hidden(out) == []
