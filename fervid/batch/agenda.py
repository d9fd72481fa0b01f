"""The order of work on many recordings, of which some are analysed in parts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fervid.batch.jobs import Outcome
from fervid.inputs.plan import Job

Kind = Literal["begin", "part", "join"]


@dataclass(frozen=True)
class Step:
    """A unit of work.

    Attributes:
        place: index of the job in the list.
        job: the job.
        kind: "begin": analyse the recording as a whole, or plan its parts; "part": analyse a part;
            "join": make the result of the parts.
        number: number of the part.
    """

    place: int
    job: Job
    kind: Kind = "begin"
    number: int = 0

    def to_json(self, *, absolute: bool = False) -> dict[str, Any]:
        """Plain JSON; `of_json` reads it back. `absolute`: for processes in other folders."""
        paths = {"recording": self.job.recording, "folder": self.job.folder}
        places = {name: str(path.absolute() if absolute else path) for name, path in paths.items()}
        return {**places, "place": self.place, "kind": self.kind, "number": self.number}

    @classmethod
    def of_json(cls, given: dict[str, Any]) -> Step:
        """Read what `to_json` returned."""
        job = Job(Path(given["recording"]), Path(given["folder"]))
        return cls(given["place"], job, given["kind"], given["number"])


@dataclass(frozen=True)
class Advance:
    """Progress of a recording: frames done, frames expected if known, and the worker's number."""

    job: Job
    worker: int
    frames: int
    expected: int | None
    elapsed_s: float


class _Parted:
    """A recording whose parts are being analysed."""

    def __init__(self, begun: Outcome) -> None:
        self.begun, self.began = begun, time.monotonic()
        self.left = {*begun.missing}
        self._frames = dict.fromkeys(begun.missing, 0)
        self.expected = sum(begun.parts[number] for number in begun.missing)

    def progress(self, number: int, frames: int) -> int:
        """Frames done in all missing parts, given the number done in one of them."""
        self._frames[number] = frames
        return sum(self._frames.values())

    def ended(self, outcome: Outcome) -> Outcome:
        """Complete the outcome of the recording with what was known at its beginning."""
        begun = self.begun
        return replace(
            outcome,
            redone=begun.redone,
            anew=begun.anew,
            elapsed_s=time.monotonic() - self.began,
            parts=(),
            missing=(),
        )


class Agenda:
    """Hands out steps to threads: joins as soon as possible, then parts, then new recordings.

    Args:
        jobs: the recordings.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._steps = deque(Step(place, job) for place, job in enumerate(jobs))
        self._left = len(jobs)
        self._parted: dict[int, _Parted] = {}
        self._changed = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Hand out no more steps."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def next(self, *, wait: bool = True) -> Step | None:
        """The next step; None if there will be none, or, without `wait`, if there is none now."""
        with self._changed:
            while wait and not (self._steps or self._closed or not self._left):
                self._changed.wait()
            return self._steps.popleft() if self._steps and not self._closed else None

    def again(self, step: Step) -> None:
        """Hand out a step again, because its worker was lost."""
        with self._changed:
            self._steps.appendleft(step)
            self._changed.notify_all()

    def progress(self, step: Step, made: Advance) -> Advance:
        """Progress of the recording, given the progress of one of its steps."""
        with self._changed:
            parted = self._parted.get(step.place)
            if parted is None:
                return made
            is_part = step.kind == "part"
            frames = parted.progress(step.number, made.frames) if is_part else parted.expected
            elapsed_s = time.monotonic() - parted.began
            return replace(made, frames=frames, expected=parted.expected, elapsed_s=elapsed_s)

    def done(self, step: Step, outcome: Outcome) -> Outcome | None:
        """Take the outcome of a step; return that of its recording, or None if it continues."""
        with self._changed:
            finished = self._done(step, outcome)
            if finished is not None:
                self._left -= 1
                self._parted.pop(step.place, None)
                self._steps = deque(one for one in self._steps if one.place != step.place)
            self._changed.notify_all()
            return finished

    def _done(self, step: Step, outcome: Outcome) -> Outcome | None:
        if step.kind == "begin":
            if not (outcome.has_result and outcome.parts):
                return outcome
            self._parted[step.place] = _Parted(outcome)
            self._steps.extendleft(
                replace(step, kind="part", number=number) for number in outcome.missing[::-1]
            )
        parted = self._parted.get(step.place)
        if parted is None:  # another part of it has failed
            return None
        if step.kind == "join" or not outcome.has_result:
            return parted.ended(outcome)
        if step.kind == "part":
            parted.left.discard(step.number)
            parted.progress(step.number, parted.begun.parts[step.number])
        if not parted.left:
            self._steps.appendleft(replace(step, kind="join", number=0))
        return None
