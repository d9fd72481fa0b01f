"""Runs commands and measures wall time, processor seconds and memory of all their processes."""

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
    """Cost of a command with all its children.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: user and system seconds of processor time.
        peak_bytes: largest resident memory of all processes together, sampled every 50 ms.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command, ignoring its output.

    Raises:
        subprocess.CalledProcessError: the command failed; the exception has its standard error.
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
    """Processor seconds of all finished children and their descendants."""
    times = os.times()
    return times.children_user + times.children_system


class _Peak:
    """Measures the memory of a process and its descendants in a thread."""

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
