"""A worker process as seen by its parent: start, ask, watch, and end it with all its children."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from typing import IO, Any

import psutil

from fervid.batch.agenda import Step
from fervid.batch.worker import Task

_KEPT_LINES = 20
_COMMAND = (sys.executable, "-P", "-m", "fervid.batch.worker")
"""-P: a file in the current folder must not be imported instead of a module."""

_GRACE_S = 1.2
"""Seconds that a worker gets to tidy up when it is asked to stop."""

_DYING_S = 0.5
"""Seconds that killed decoders get to disappear."""


class WorkerProcess:
    """A running `fervid.batch.worker`.

    Args:
        task: how to analyse.
        alone: whether it is the only worker; several must share a GPU's memory.
    """

    def __init__(self, task: Task, *, alone: bool) -> None:
        environment = dict(os.environ)
        if not alone:
            environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=sys.platform != "win32",
        )
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._errors: deque[str] = deque(maxlen=_KEPT_LINES)
        self._threads = [
            threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._send(task.to_json())

    def ask(self, step: Step) -> None:
        """Ask it to do a step."""
        self._send(step.to_json())

    def answer(self, timeout_s: float) -> dict[str, Any] | None:
        """Its next line; empty if none comes in time, None when it has ended."""
        try:
            return self._answers.get(timeout=timeout_s)
        except queue.Empty:
            return {}

    def memory(self) -> int:
        """Bytes of memory that it and its children use."""
        resident = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                resident += process.memory_info().rss
        return resident

    def last_words(self) -> str:
        """Why it ended, as far as is known, on one line."""
        code = self._process.wait()
        for thread in self._threads:
            thread.join(timeout=1)
        said = self._errors[-1] if self._errors else ""
        if code < 0:
            name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
            short = "; the system may have run out of memory" if -code == signal.SIGKILL else ""
            return f"the process was ended by {name}{short}"
        return f"the process ended with code {code}" + (f": {said}" if said else "")

    def stop(self) -> None:
        """Ask it to end, and make sure that it does, with all its children."""
        family = self._family()
        with contextlib.suppress(OSError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        family += self._family()  # it may have started a decoder in the meantime
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=_DYING_S)
        for thread in self._threads:
            thread.join(timeout=1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except (psutil.Error, OSError, ValueError):  # entries of /proc vanish while they are read
            return []

    def _send(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # a dead worker is noticed because no answer comes
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with contextlib.suppress(
                ValueError
            ):  # the last line of a killed process may be cut off
                self._answers.put(json.loads(line))
        self._answers.put(None)

    def _drain(self, stream: IO[bytes]) -> None:
        for line in stream:
            if text := line.decode("utf-8", "backslashreplace").strip():
                self._errors.append(text)
