"""A batch on a Ray cluster: an actor per GPU or per few cores, with results on shared storage.

Each actor runs the same supervised worker process as a batch on one machine, so limits and retries
are the same. If an actor or its machine is lost, its recording goes to another one.
"""

from __future__ import annotations

import importlib
import os
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fervid.batch.agenda import Agenda, Step
from fervid.batch.jobs import Outcome
from fervid.batch.slots import Limits, Slot
from fervid.batch.supervisor import Event, Finish
from fervid.batch.worker import Task
from fervid.errors import SetupError
from fervid.inputs.plan import Job
from fervid.settings.choices import EXPRESSION_MODELS

_POLL_S = 0.5
_CORES_AN_ACTOR = 2
_TRIES = 3
_CONNECT_S = 10


class _WorkerActor:
    """An actor with one supervised worker process, which does one step after another."""

    def __init__(self, task: dict[str, Any], limits: dict[str, Any]) -> None:
        stop = threading.Event()
        self._slot = Slot(
            0, Task.of_json(task), Limits(**limits), lambda *_: None, stop, alone=False
        )

    def do(self, step: dict[str, Any]) -> dict[str, Any]:
        """Do a step; return the outcome as JSON."""
        return self._slot.do(Step.of_json(step)).to_json()


class ClusterBatch:
    """Does jobs on a Ray cluster; see `fervid.batch.supervisor.Batch`.

    Args:
        jobs: the recordings. All machines must see them and the result folders under the same
            absolute paths.
        task: how to analyse them.
        workers: number of actors; None: as many as fit.
        limits: limits for each recording.
        address: address of the cluster, as `ray.init` takes it; None: a cluster on this machine
            only.

    Raises:
        SetupError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        task: Task,
        workers: int | None = None,
        limits: Limits | None = None,
        address: str | None = None,
    ) -> None:
        self._ray = _connected(address)
        self._jobs = list(jobs)
        self._agenda, self._left = Agenda(self._jobs), len(self._jobs)
        self._tries: Counter[Step] = Counter()
        room, needs = self._room(task.settings.device, workers)
        workers = workers or room
        self._workers = workers if task.part_s is not None else min(workers, len(self._jobs))
        actor = self._ray.remote(**needs)(_WorkerActor)
        given = _everywhere(task).to_json(), asdict(limits or Limits())
        self._new_actor: Callable[[], Any] = lambda: actor.remote(*given)

    def _room(self, device: str, wanted: int | None) -> tuple[int, dict[str, Any]]:
        """How many actors fit on the cluster, and the resources of each; those wanted do fit."""
        resources = self._ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        if gpus and device in ("auto", "gpu"):
            return gpus, {"num_gpus": 1, "num_cpus": 1}
        cores = int(resources.get("CPU", 1))
        # An actor that does not fit waits for ever, and its recordings with it.
        each = min(_CORES_AN_ACTOR, cores / (wanted or 1))
        return max(1, int(cores // each)), {"num_cpus": each}

    def events(self) -> Generator[Event]:
        """Yield a `Finish` for each job as it ends; leaving early ends the actors.

        Raises:
            SetupError: something is missing from the installation on a machine.
        """
        self._actors: dict[int, Any] = {}
        running: dict[Any, tuple[Step, int]] = {}
        try:
            free = deque(range(self._workers))
            while self._left:
                while free and (step := self._agenda.next(wait=False)) is not None:
                    worker = free.popleft()
                    given = step.to_json(absolute=True)
                    running[self._actor(worker).do.remote(given)] = (step, worker)
                done, _ = self._ray.wait(list(running), timeout=_POLL_S)
                for reference in done:
                    step, worker = running.pop(reference)
                    free.appendleft(worker)
                    outcome = self._outcome(reference, step, worker)
                    ended = None if outcome is None else self._agenda.done(step, outcome)
                    if ended is not None:
                        self._left -= 1
                        yield Finish(step.job, ended, step.place, worker)
        finally:
            self._ray.shutdown()

    def _actor(self, worker: int) -> Any:
        """The actor of a worker, started when first needed."""
        if worker not in self._actors:
            self._actors[worker] = self._new_actor()
        return self._actors[worker]

    def _outcome(self, reference: Any, step: Step, worker: int) -> Outcome | None:
        """The outcome of a step; None if its actor was lost, so that it goes to another one."""
        job = step.job
        self._tries[step] += 1
        try:
            outcome = Outcome.of_json(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            del self._actors[worker]
            if self._tries[step] < _TRIES:
                self._agenda.again(step)
                return None
            reason = f"its machine or worker was lost {_TRIES} times ({type(error).__name__})"
            return Outcome(job.recording, job.folder, "failed", reason)
        if outcome.setup:
            raise SetupError(outcome.reason)
        return replace(outcome, recording=job.recording, folder=job.folder)


def _connected(address: str | None) -> Any:
    """Ray, connected to the cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = (
        "0"  # Ray would otherwise send usage statistics to its makers
    )
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise SetupError(
            "Ray is not installed; install it with: pip install 'fervid[cluster]'"
        ) from error
    _check(address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    alone = {"include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", **quiet, **alone)
    except Exception as error:  # a node that starts too slowly is a plain Exception
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SetupError(f"no Ray cluster at {address or 'local'!a}: {reason}") from error
    return ray


def _check(address: str | None) -> None:
    """Raise SetupError if nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or error
        raise SetupError(f"no Ray cluster at {address!a}: {reason}") from error


def _everywhere(task: Task) -> Task:
    """The same task with absolute paths, as actors run in other folders."""
    settings = task.settings
    kind, colon, file = settings.detector.partition(":")
    detector = f"{kind}:{Path(file).absolute()}" if colon else kind
    weights = settings.weights
    if str(weights) not in EXPRESSION_MODELS:
        weights = str(Path(weights).absolute())
    return replace(task, settings=replace(settings, detector=detector, weights=weights))
