"""Parallel workers that share a list of jobs; one that dies or hangs costs only its recording."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from fervid.batch.agenda import Advance, Agenda, Step
from fervid.batch.jobs import Outcome
from fervid.batch.slots import Limits, Slot
from fervid.batch.worker import Task
from fervid.errors import SetupError
from fervid.inputs.plan import Job

_POLL_S = 0.25


@dataclass(frozen=True)
class Finish:
    """A finished recording: its place in the list, the outcome, and the worker now free."""

    job: Job
    outcome: Outcome
    place: int
    worker: int


Event = Advance | Finish


class Batch:
    """Does jobs in several processes.

    Args:
        jobs: the recordings.
        task: how to analyse them.
        workers: number of parallel processes.
        limits: limits for each recording.
    """

    def __init__(
        self, jobs: Sequence[Job], task: Task, workers: int = 1, limits: Limits | None = None
    ) -> None:
        self._agenda = Agenda(jobs)
        self._left = len(jobs)
        self._task = task
        self._workers = workers if task.part_s is not None else min(workers, len(jobs))
        self._limits = limits or Limits()
        self._events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        self._stop = threading.Event()

    def events(self) -> Generator[Event]:
        """Yield events as they happen, until all jobs are finished; leaving early ends the workers.

        Raises:
            SetupError: something is missing from the installation.
        """
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(self._workers)
        ]
        try:
            for thread in threads:
                thread.start()
            while self._left:
                # With a timeout, because a wait without one ignores signals on some systems.
                try:
                    event = self._events.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, Finish):
                    self._left -= 1
                    if event.outcome.setup:
                        raise SetupError(event.outcome.reason)
                yield event
        finally:
            self._stop.set()
            self._agenda.close()
            for thread in threads:
                if thread.ident is not None:  # a signal may arrive before all have started
                    thread.join()

    def _advance(self, step: Step, made: Advance) -> None:
        self._events.put(self._agenda.progress(step, made))

    def _work(self, number: int) -> None:
        try:
            alone = self._workers == 1
            slot = Slot(number, self._task, self._limits, self._advance, self._stop, alone=alone)
            try:
                while (step := self._agenda.next()) is not None:
                    outcome = self._agenda.done(step, slot.do(step))
                    if outcome is not None and not self._stop.is_set():
                        self._events.put(Finish(step.job, outcome, step.place, number))
            finally:
                slot.close()
        except BaseException as error:  # re-raised in the thread that reads the events
            self._events.put(error)
