"""A process that analyses one recording after another for its parent.

    python -m fervid.batch.worker

Standard input is a line of JSON that says how to analyse (`Task`), then a line for each step.
Standard output is {"progress": ...} lines and an {"outcome": ...} line for each step. The process
ends when standard input ends, as it does when the parent dies.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fervid.batch.interruption import Interruption
from fervid.batch.jobs import Outcome, finished, guarded
from fervid.inputs.plan import Job
from fervid.settings import Settings

if TYPE_CHECKING:
    from fervid.pipeline import Analyzer, PartLength, Progress

_PARENT_IS_GONE = 1


@dataclass(frozen=True)
class Task:
    """How to analyse every recording of a batch.

    Attributes:
        settings: settings of the analysis.
        overwrite: analyse again even if an equal result exists.
        exports: formats to write beside the tables, names in `fervid.exports.FORMATS`.
        part_s: seconds of a part of a recording; None: recordings are analysed as wholes.
        parts_from_s: recordings of at least this many seconds are analysed in parts.
    """

    settings: Settings
    overwrite: bool = False
    exports: tuple[str, ...] = ()
    part_s: float | None = None
    parts_from_s: float = 0.0

    @property
    def part_length(self) -> PartLength | None:
        """The length of parts; None if recordings are analysed as wholes."""
        from fervid.pipeline import PartLength

        return None if self.part_s is None else PartLength(self.part_s, self.parts_from_s)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `of_json` reads it back."""
        settings = {**asdict(self.settings), "weights": str(self.settings.weights)}
        return {**asdict(self), "settings": settings}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Task:
        """Read what `to_json` returned."""
        settings = dict(stored["settings"])
        if isinstance(settings["baseline"], list):
            settings["baseline"] = tuple(settings["baseline"])
        exports = tuple(stored["exports"])
        parts = stored["part_s"], stored["parts_from_s"]
        return cls(Settings(**settings), stored["overwrite"], exports, *parts)

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
    def answer(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")

    def progress(done: Progress) -> None:
        interruption.check()
        answer(progress=asdict(done))

    from fervid.pipeline import Analyzer

    task = Task.of_json(lines.next())
    analyzer = Analyzer(task.settings)
    while True:
        step = lines.next()
        answer(outcome=_outcome(analyzer, task, step, progress).to_json())


def _outcome(
    analyzer: Analyzer, task: Task, step: dict[str, Any], progress: Callable[[Progress], None]
) -> Outcome:
    """What became of a step of `fervid.batch.agenda`."""
    job = Job(Path(step["recording"]), Path(step["folder"]))
    paths = job.recording, job.folder

    def begin() -> dict[str, Any]:
        plan = analyzer.begin(*paths, overwrite=task.overwrite, part_length=task.part_length)
        about = {"redone": plan.redone, "anew": plan.anew}
        if plan.parts:
            return about | {"status": "ok", "parts": plan.parts, "missing": plan.missing}
        if plan.done is None:
            analyzer.make_whole(*paths, plan, progress)
        return about | {"reused": plan.done is not None} | finished(job, task.export)

    def part() -> dict[str, Any]:
        analyzer.work(*paths, step["number"], progress)
        return {"status": "ok"}

    def join() -> dict[str, Any]:
        analyzer.join(*paths, progress)
        return finished(job, task.export)

    return guarded(job, {"begin": begin, "part": part, "join": join}[step["kind"]])


if __name__ == "__main__":
    main()
