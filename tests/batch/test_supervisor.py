"""Workers that die, hang or eat the memory cost one recording each; the others are analysed."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from fervid.batch import processes
from fervid.batch.agenda import Advance
from fervid.batch.jobs import Outcome
from fervid.batch.slots import Limits
from fervid.batch.supervisor import Batch, Finish
from fervid.batch.worker import Task
from fervid.errors import SetupError
from fervid.inputs.plan import Job
from fervid.settings import Settings

pytestmark = pytest.mark.slow

# Speaks as a worker does, and does what a recording's name says.
WORKER = """
import json, os, signal, sys, time
from pathlib import Path
sys.stdin.readline()
for line in sys.stdin:
    job = json.loads(line)
    name = Path(job["recording"]).stem
    def say(**told): print(json.dumps(told), flush=True)
    def end(status, **more):
        kept = dict(reason="", redone="", reused=False, frames=1, frames_with_face=0,
            duration_s=None, elapsed_s=0.0, transient=False, setup=False, process_is_lost=False)
        say(outcome={**kept, **job, "status": status, **more})
    say(progress=dict(frames=1, expected=2, elapsed_s=0.1))
    marker = Path(job["folder"])
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "die_once" and not marker.exists():
        marker.mkdir()
        os._exit(9)
    if name == "bug":
        raise ValueError("no such thing")
    if name == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "97")
        time.sleep(97)
    if name == "eat":
        food = bytearray(os.urandom(1)) * 200_000_000
        time.sleep(97)
    if name == "slow":
        while True:
            time.sleep(.1)
            say(progress=dict(frames=1, expected=2, elapsed_s=0.1))
    if name == "flaky":
        end("failed", reason="input/output error", transient=True)
    elif name == "setup":
        end("failed", reason="no ffmpeg", setup=True)
    else:
        end("ok")
"""


@pytest.fixture(autouse=True)
def fake_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    monkeypatch.setattr(processes, "_COMMAND", (sys.executable, str(script)))
    monkeypatch.setattr("fervid.batch.slots._PAUSE_S", 0.01)


def run(tmp_path: Path, *names: str, workers: int = 1, **limits: float) -> list[Outcome]:
    """The outcomes, in the order of the names."""
    jobs = [Job(Path(f"{name}.mp4"), tmp_path / f"{name}.fervid") for name in names]
    given = Limits(**limits)  # type: ignore[arg-type]
    events = list(Batch(jobs, Task(Settings()), workers, given).events())
    finished = {event.place: event.outcome for event in events if isinstance(event, Finish)}
    assert len([event for event in events if isinstance(event, Finish)]) == len(names)
    assert any(isinstance(event, Advance) for event in events)
    assert [finished[place].recording.stem for place in range(len(names))] == list(names)
    return [finished[place] for place in range(len(names))]


def left_behind() -> list[str]:
    return [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]


@pytest.mark.parametrize("workers", [1, 3])
def test_one_that_dies_costs_one_recording(tmp_path: Path, workers: int) -> None:
    outcomes = run(tmp_path, "a", "die", "b", "bug", "c", workers=workers)
    assert [one.status for one in outcomes] == ["ok", "failed", "ok", "failed", "ok"]
    assert "SIGKILL" in outcomes[1].reason
    assert "tried 2 times" in outcomes[1].reason
    assert "no such thing" in outcomes[3].reason
    assert not any("\n" in one.reason for one in outcomes)
    assert not any("worker.py" in line for line in left_behind())


def test_what_fails_by_chance_is_tried_again(tmp_path: Path) -> None:
    outcomes = run(tmp_path, "die_once", "flaky")
    assert [one.status for one in outcomes] == ["ok", "failed"]
    assert outcomes[1].reason == "input/output error (tried 2 times)"


@pytest.mark.parametrize(
    ("name", "limits", "word"),
    [
        ("hang", {"stall_s": 0.5}, "no progress"),
        ("slow", {"time_s": 0.7}, "longer than"),
        ("eat", {"memory_bytes": 150_000_000}, "memory"),
    ],
)
def test_one_that_goes_over_a_limit_is_ended_with_its_children(
    tmp_path: Path, name: str, limits: dict[str, float], word: str
) -> None:
    began = time.monotonic()
    outcomes = run(tmp_path, name, "after", **limits)
    assert [one.status for one in outcomes] == ["failed", "ok"]
    assert word in outcomes[0].reason
    assert time.monotonic() - began < 10
    assert not any("sleep" in line or "worker.py" in line for line in left_behind())


def test_an_installation_that_lacks_something_ends_the_batch(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no ffmpeg"):
        run(tmp_path, "a", "setup", "b", "c", workers=2)
    assert not any("worker.py" in line for line in left_behind())


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    jobs = [Job(Path(f"{name}.mp4"), tmp_path / name) for name in ("hang", "slow")]
    events = Batch(jobs, Task(Settings()), 2).events()
    assert isinstance(next(events), Advance)
    began = time.monotonic()
    events.close()
    assert time.monotonic() - began < 3
    assert not any("sleep" in line or "worker.py" in line for line in left_behind())
