"""Signals that ask the program to stop. Imports nothing heavy."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

_AGAIN_S = 0.05


class Interruption:
    """Signals that ask the program to stop, turned into KeyboardInterrupt at most one batch late.

    A callback of the runtime swallows the exception of a signal that arrives inside it, so `check`
    is called after each batch. A signal that arrives during an import waits for the end of the
    import: an exception there could leave the import lock taken for ever.

    Attributes:
        signal: number of the latest signal, 0 before any.
        patient: if True, the first signal is only noted in `signal`, so that the program can finish
            its work; a second one ends it at once.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.patient = False
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._stop)
        self._report = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def _unraisable(self, what: Any) -> None:
        """Keep quiet about our own exception when a callback swallows it."""
        if not (self.signal and isinstance(what.exc_value, KeyboardInterrupt)):
            self._report(what)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        is_first, self.signal = not self.signal, number
        if self.patient and is_first:
            return
        if _imports(frame):
            again = threading.Timer(_AGAIN_S, _send, [number])
            again.daemon = True
            again.start()
            return
        raise KeyboardInterrupt

    def check(self) -> None:
        """Stop now if the exception of a signal was swallowed."""
        if self.signal:
            raise KeyboardInterrupt

    def leave(self) -> NoReturn:
        """Exit at once, because shutting the runtime down while it compiles can crash."""
        sys.stdout.flush()
        sys.stderr.write("fervid: interrupted\n")
        sys.stderr.flush()
        os._exit(128 + (self.signal or signal.SIGINT))


def _send(number: int) -> None:
    """Send a signal to the main thread, which also interrupts a wait."""
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _imports(frame: FrameType | None) -> bool:
    """Whether an import is in progress in this frame or one of its callers."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
