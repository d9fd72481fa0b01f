"""Commands with what they cost: wall clock, processor seconds and memory of the whole tree."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_EVERY_S = 0.05


@dataclass(frozen=True)
class Cost:
    """Of one command with all of its children.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: seconds of processor time, user and system.
        peak_bytes: largest resident memory of all processes together, seen every 50 ms.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command whose output is of no interest.

    Raises:
        subprocess.CalledProcessError: it failed; its standard error is in there.
    """
    began, before = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    peak = _Peak(process.pid)
    _, errors = process.communicate()
    wall = time.perf_counter() - began
    peak.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors.decode())
    return Cost(wall, _cpu_of_children() - before, peak.bytes)


def _cpu_of_children() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


class _Peak:
    """Watches the memory of a process and its descendants in a thread."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                root = psutil.Process(self._pid)
                tree = [root, *root.children(recursive=True)]
                self.bytes = max(self.bytes, sum(map(_resident, tree)))
            except psutil.NoSuchProcess:
                return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
