"""The same batch on a Ray cluster: an actor for each GPU or few cores, results on shared storage.

An actor runs the same supervised worker process as a batch on one machine, so limits and second
tries are the same; what Ray adds is where it runs. A recording whose actor or machine is lost goes
to another one.
"""

from __future__ import annotations

import importlib
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

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


class _Recorder:
    """Lives in an actor: one supervised worker process, for one recording after the other."""

    def __init__(self, task: dict[str, Any], limits: dict[str, Any]) -> None:
        stop = threading.Event()
        self._slot = Slot(
            0, Task.of_json(task), Limits(**limits), lambda _: None, stop, alone=False
        )

    def analyze(self, recording: str, folder: str) -> dict[str, Any]:
        """The outcome as JSON."""
        return self._slot.analyze(Job(Path(recording), Path(folder))).to_json()


class ClusterBatch:
    """Jobs that are worked off on a Ray cluster; see `fervid.batch.supervisor.Batch`.

    Args:
        jobs: the recordings; all machines must see them, and the folders of results, under the
            same absolute paths.
        task: how to analyse them.
        workers: actors; None: as many as there is room for.
        limits: for each recording.
        address: of the cluster, as `ray.init` takes it; None: a cluster on this machine alone.

    Raises:
        SetupError: Ray is not installed, or there is no such cluster.
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
        self._waiting = deque(enumerate(self._jobs))
        self._tries = [0] * len(self._jobs)
        room, needs = self._room(task.settings.device)
        self._workers = min(workers or room, len(self._jobs))
        actor = self._ray.remote(**needs)(_Recorder)
        given = _everywhere(task).to_json(), asdict(limits or Limits())
        self._new_actor: Callable[[], Any] = lambda: actor.remote(*given)

    def _room(self, device: str) -> tuple[int, dict[str, Any]]:
        """How many actors the cluster has room for, and what each takes."""
        resources = self._ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        if gpus and device in ("auto", "gpu"):
            return gpus, {"num_gpus": 1, "num_cpus": 1}
        cores = int(resources.get("CPU", 1))
        each = min(_CORES_AN_ACTOR, cores)
        return max(1, cores // each), {"num_cpus": each}

    def events(self) -> Generator[Event]:
        """A `Finish` for each job, in the order of time; leaving early ends the actors.

        Raises:
            SetupError: the installation on some machine lacks something.
        """
        self._actors = [self._new_actor() for _ in range(self._workers)]
        running: dict[Any, tuple[int, int]] = {}
        try:
            free = deque(range(self._workers))
            while self._waiting or running:
                while self._waiting and free:
                    place, job = self._waiting.popleft()
                    worker = free.popleft()
                    paths = str(job.recording.absolute()), str(job.folder.absolute())
                    running[self._actors[worker].analyze.remote(*paths)] = (place, worker)
                done, _ = self._ray.wait(list(running), timeout=_POLL_S)
                for reference in done:
                    place, worker = running.pop(reference)
                    free.append(worker)
                    outcome = self._outcome(reference, place, worker)
                    if outcome is not None:
                        yield Finish(self._jobs[place], outcome, place, worker)
        finally:
            self._ray.shutdown()

    def _outcome(self, reference: Any, place: int, worker: int) -> Outcome | None:
        """What became of a job; None if it was lost with its actor and goes to another one."""
        job = self._jobs[place]
        self._tries[place] += 1
        try:
            told = Outcome.of_json(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            self._actors[worker] = self._new_actor()
            if self._tries[place] < _TRIES:
                self._waiting.appendleft((place, job))
                return None
            reason = f"lost with its machine {_TRIES} times ({type(error).__name__})"
            return Outcome(job.recording, job.folder, "failed", reason)
        if told.setup:
            raise SetupError(told.reason)
        return replace(told, recording=job.recording, folder=job.folder)


def _connected(address: str | None) -> Any:
    """Ray, connected."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would tell its makers about this run
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise SetupError("Ray is not installed; pip install 'fervid[cluster]'") from error
    _check(address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    alone = {"include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", **quiet, **alone)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SetupError(f"no Ray cluster at {address or 'local'!a}: {reason}") from error
    return ray


def _check(address: str | None) -> None:
    """Raise SetupError if nobody listens at HOST:PORT: Ray would try for minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or error
        raise SetupError(f"no Ray cluster at {address!a}: {reason}") from error


def _everywhere(task: Task) -> Task:
    """The same task with files by absolute paths: actors work in other folders."""
    settings = task.settings
    kind, colon, file = settings.detector.partition(":")
    detector = f"{kind}:{Path(file).absolute()}" if colon else kind
    weights = settings.weights
    if str(weights) not in EXPRESSION_MODELS:
        weights = str(Path(weights).absolute())
    return replace(task, settings=replace(settings, detector=detector, weights=weights))
