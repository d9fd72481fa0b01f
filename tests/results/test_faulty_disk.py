"""Each disk call fails in turn: a result is whole or not there, and an earlier one stays."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.clips import MakeClip

pytestmark = pytest.mark.slow

HELPERS = Path(__file__).parents[1] / "helpers"
STEP = int(os.environ.get("FERVID_TEST_DISK_STEP", "4"))
"""Every so many calls fail; 1 takes a minute."""

WHOLE = {
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
}


@pytest.fixture(scope="module")
def faulty_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets disk calls fail."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("faults") / "faulty_disk.so"
    source = HELPERS / "faulty_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def test_a_result_is_whole_or_not_there(
    faulty_disk: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip("faults.gif", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=12:d=2")
    command = [sys.executable, "-m", "tests.helpers.faulty_runs", clip, tmp_path, str(STEP), "400"]
    environment = {**os.environ, "LD_PRELOAD": str(faulty_disk)}
    done = subprocess.run(
        command,
        env=environment,
        cwd=HELPERS.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert max(run["calls"] for run in runs) > 15
    for run in runs:
        about = run["call"], run["kind"], run["earlier"], run["reason"]
        names = {Path(name).name for name in run["left"]}
        mine = {"mine.txt"} if run["earlier"] else set()
        assert names == WHOLE | mine or run["left"] == run["before"], about
        if run["status"] == "ok":
            assert names == WHOLE | mine, about
        else:
            assert "cannot be written" in run["reason"], about
            assert "\n" not in run["reason"], about
    failed = [run for run in runs if run["status"] == "failed"]
    assert len(failed) > len(runs) / 2
