"""Analyses one recording again and again while each disk call fails in turn; tells what is left.

    LD_PRELOAD=faulty_disk.so python -m tests.helpers.faulty_runs RECORDING FOLDER STEP MOST

Prints a line of JSON for each run: which call failed, the outcome, and what lies in FOLDER.
"""

import ctypes
import errno
import hashlib
import json
import shutil
import sys
from pathlib import Path

from fervid.batch.jobs import run
from fervid.inputs.plan import Job
from fervid.pipeline import Analyzer
from fervid.settings import Settings

FOREVER = 1 << 30


def state(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, by its place."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    recording, folder, step, most = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
    disk = ctypes.CDLL(None)
    analyzer = Analyzer(Settings(working_size=96, fps=4))
    job = Job(recording, folder / "results" / "r.fervid")

    def attempt(first: int, last: int, number: int) -> dict[str, object]:
        disk.faults_set(str(folder / "results").encode(), first, last, number)
        outcome = run(analyzer, job, overwrite=True)
        calls = disk.faults_calls()
        disk.faults_set(b"", 0, 0, 0)
        left = state(folder)
        return {"status": outcome.status, "reason": outcome.reason, "calls": calls, "left": left}

    for earlier in (False, True):
        for first in range(1, most, step):
            for name, last, number in (("once", first, errno.EIO), ("full", FOREVER, errno.ENOSPC)):
                shutil.rmtree(folder / "results", ignore_errors=True)
                before = {}
                if earlier:
                    attempt(0, 0, 0)
                    (job.folder / "mine.txt").write_text("mine")
                    before = state(folder)
                told = attempt(first, last, number)
                about = {"call": first, "kind": name, "earlier": earlier, "before": before}
                print(json.dumps({**about, **told}), flush=True)
                last_call = first > int(str(told["calls"]))
            if last_call:
                break


if __name__ == "__main__":
    main()
