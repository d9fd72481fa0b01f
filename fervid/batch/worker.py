"""A process that analyses one recording after another for its parent.

    python -m fervid.batch.worker

Standard input is a line of JSON that says how to analyse (`Task`), then a line for each job.
Standard output is {"progress": ...} lines and an {"outcome": ...} line for each job. The process
ends when standard input ends, as it does when the parent dies.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fervid.batch.interruption import Interruption
from fervid.batch.jobs import run
from fervid.inputs.plan import Job
from fervid.settings import Settings

if TYPE_CHECKING:
    from fervid.pipeline import Progress

_PARENT_IS_GONE = 1


@dataclass(frozen=True)
class Task:
    """How to analyse every recording of a batch.

    Attributes:
        settings: settings of the analysis.
        overwrite: analyse again even if an equal result exists.
        exports: formats to write beside the tables, names in `fervid.exports.FORMATS`.
    """

    settings: Settings
    overwrite: bool = False
    exports: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `of_json` reads it back."""
        settings = {**asdict(self.settings), "weights": str(self.settings.weights)}
        return {**asdict(self), "settings": settings}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Task:
        """Read what `to_json` returned."""
        settings = dict(told["settings"])
        if isinstance(settings["baseline"], list):
            settings["baseline"] = tuple(settings["baseline"])
        return cls(Settings(**settings), told["overwrite"], tuple(told["exports"]))

    def export(self, folder: Path) -> None:
        """Write the exports into a result folder."""
        from fervid.exports import FORMATS, export

        for to in FORMATS:
            if to in self.exports:
                export(folder, to, overwrite=True)


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # anything that libraries print
    interruption = Interruption()
    try:
        _serve(_Lines(sys.stdin), answers, interruption)
    except KeyboardInterrupt:
        interruption.leave()


class _Lines:
    """Lines of JSON, read by a thread that ends the process when its input ends."""

    def __init__(self, file: IO[str]) -> None:
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(file,), daemon=True).start()

    def next(self) -> dict[str, Any]:
        """Wait for the next line."""
        return self._lines.get()

    def _read(self, file: IO[str]) -> None:
        for line in file:
            self._lines.put(json.loads(line))
        os._exit(_PARENT_IS_GONE)


def _serve(lines: _Lines, answers: IO[str], interruption: Interruption) -> None:
    def answer(**told: Any) -> None:
        answers.write(json.dumps(told) + "\n")

    def progress(done: Progress) -> None:
        interruption.check()
        answer(progress=asdict(done))

    from fervid.pipeline import Analyzer

    task = Task.of_json(lines.next())
    analyzer = Analyzer(task.settings)
    while True:
        told = lines.next()
        job = Job(Path(told["recording"]), Path(told["folder"]))
        outcome = run(
            analyzer, job, overwrite=task.overwrite, exports=task.export, progress=progress
        )
        answer(outcome=outcome.to_json())


if __name__ == "__main__":
    main()
