"""The same batch on a Ray cluster of this machine, with an actor that is killed midway."""

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.batch.test_batch import tables
from tests.helpers.clips import X264, MakeClip
from tests.helpers.commands import fervid

pytestmark = pytest.mark.slow

FERVID = (sys.executable, "-m", "fervid.cli")

if find_spec("ray") is None:
    pytest.skip("Ray is not installed", allow_module_level=True)


def analyze(folder: Path, out: Path, *options: str) -> list[str]:
    return ["analyze", str(folder), "-o", str(out), "--working-size", "96", *options]


def processes_with(process: subprocess.Popen[str], word: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if word in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_a_killed_actor_costs_nothing_and_tables_are_those_of_this_machine(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30", "-frames:v", 500)
    clip = make_clip("cluster.mp4", *source, *X264)
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no recording")
    done = fervid(*analyze(tmp_path / "in", tmp_path / "local"))
    assert done.returncode == 1

    run = [*FERVID, *analyze(tmp_path / "in", tmp_path / "ray", "--engine", "ray", "-j", "1")]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("ray/.*.fervid-part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    (actor,) = processes_with(process, "ray::_WorkerActor")
    actor.kill()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "3 ok, 1 refused" in output
    assert "Traceback" not in errors
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")
    assert list((tmp_path / "ray").glob(".*")) == []


def test_a_cluster_that_is_not_there_is_said_at_once(long_clip: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    run = [*FERVID, *analyze(long_clip, tmp_path, "--engine", "ray", "--address", "127.0.0.1:1")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no Ray cluster at '127.0.0.1:1'" in done.stderr
    assert time.monotonic() - began < 10
