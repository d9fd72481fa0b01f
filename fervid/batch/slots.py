"""A slot for one worker process, which is watched, and replaced if it dies or exceeds a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fervid.batch.agenda import Advance, Step
from fervid.batch.jobs import Outcome
from fervid.batch.processes import WorkerProcess
from fervid.batch.worker import Task
from fervid.inputs.plan import Job
from fervid.results.atomic_folder import remove_abandoned

_POLL_S = 0.25
_TRIES = 2
_PAUSE_S = 2.0
"""Pause before another try: a network drive may come back."""


@dataclass(frozen=True)
class Limits:
    """Limits beyond which the analysis of a recording is stopped.

    Attributes:
        time_s: seconds; None: no limit.
        memory_bytes: memory of the worker and its decoder together; None: no limit.
        stall_s: seconds in which no batch of frames is finished, including compilation.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    stall_s: float = 600.0


class Slot:
    """A worker process, started when first needed and restarted after it dies.

    Args:
        number: the worker's number, for `Advance`.
        task: how to analyse.
        limits: limits for each recording.
        on_advance: called from time to time during a step.
        stop: when this is set, the current step is abandoned.
        alone: whether this is the only worker on this machine.
    """

    def __init__(
        self,
        number: int,
        task: Task,
        limits: Limits,
        on_advance: Callable[[Step, Advance], None],
        stop: threading.Event,
        *,
        alone: bool,
    ) -> None:
        self._number = number
        self._task = task
        self._limits = limits
        self._on_advance = on_advance
        self._stop = stop
        self._alone = alone
        self._process: WorkerProcess | None = None

    def close(self) -> None:
        """End the worker, if it runs."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def do(self, step: Step) -> Outcome:
        """The outcome of a step; it is tried again if the failure may pass."""
        began = time.monotonic()
        outcome, tries = self._once(step), 1
        while outcome.transient and tries < _TRIES and not self._stop.wait(_PAUSE_S):
            outcome, tries = self._once(step), tries + 1
        if tries > 1 and not outcome.has_result:
            outcome = replace(outcome, reason=f"{outcome.reason} (tried {tries} times)")
        return replace(outcome, elapsed_s=time.monotonic() - began)

    def _once(self, step: Step) -> Outcome:
        if self._process is None:
            self._process = WorkerProcess(self._task, alone=self._alone)
        self._process.ask(step)
        outcome = self._wait_for_outcome(step, self._process)
        if outcome.process_is_lost:
            self.close()
            remove_abandoned(step.job.folder.parent)
        return outcome

    def _wait_for_outcome(self, step: Step, process: WorkerProcess) -> Outcome:
        """Wait for the outcome, within the limits."""
        job = step.job
        began = moved = time.monotonic()
        while not self._stop.is_set():
            answer, now = process.answer(_POLL_S), time.monotonic()
            if answer is None:
                return _lost(job, process.last_words(), transient=True)
            if "outcome" in answer:
                return Outcome.of_json(answer["outcome"])
            if "progress" in answer:
                moved = now
                self._on_advance(step, Advance(job, self._number, **answer["progress"]))
            if reason := self._exceeded(process, now - began, now - moved):
                return _lost(job, reason)
        return _lost(job, "stopped")

    def _exceeded(self, process: WorkerProcess, elapsed_s: float, still_s: float) -> str:
        limits = self._limits
        if limits.time_s is not None and elapsed_s > limits.time_s:
            return f"took longer than the limit of {limits.time_s:g} s"
        if still_s > limits.stall_s:
            return f"made no progress for {limits.stall_s:g} s"
        most = limits.memory_bytes
        if most is not None and (used := process.memory()) > most:
            return f"used {used / 1e6:,.0f} MB of memory; the limit is {most / 1e6:,.0f} MB"
        return ""


def _lost(job: Job, reason: str, *, transient: bool = False) -> Outcome:
    """The outcome of a job whose worker has died or must be ended."""
    return Outcome(
        job.recording, job.folder, "failed", reason, transient=transient, process_is_lost=True
    )
