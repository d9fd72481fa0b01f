"""What is printed during a live analysis: bars on a terminal, or lines."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

import click
from rich.bar import Bar
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fervid.cli.console import Verbosity, printable
from fervid.settings.choices import EXPRESSIONS

if TYPE_CHECKING:
    from fervid.live.watching import Moment

_EVERY_S = 0.2
_RATE_S = 2.0
_MOST_FACES = 12
_BAR = 8


class View(Protocol):
    """Shows the results of each frame."""

    def show(self, moment: Moment) -> bool:
        """Show a frame; False if the reader of the output has gone."""
        ...

    def notify(self, line: str) -> None:
        """Show a line at once; may be called from any thread."""
        ...

    def notify_end(self) -> None:
        """Say that the result is being written."""
        ...


@contextmanager
def view_of(name: str, verbosity: Verbosity, stopped: Callable[[], bool]) -> Iterator[View]:
    """The view that the user wants.

    Args:
        name: name of the source.
        verbosity: what the user wants printed.
        stopped: says whether the user has asked to stop.
    """
    console = Console(stderr=True)
    if verbosity.as_json:
        yield _Json(stopped, quiet=verbosity.quiet)
    elif verbosity.quiet or not console.is_terminal:
        yield _Lines(quiet=verbosity.quiet)
    else:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield _Bars(name, live)


def echo_json(record: dict[str, Any], stopped: Callable[[], bool]) -> bool:
    """Print a line of JSON on standard output; False if its reader has gone.

    Args:
        record: contents of the line.
        stopped: says whether to stop, so that a reader who does not read is not waited for.
    """
    line = json.dumps(record) + "\n"
    try:
        if _is_pipe(sys.stdout):
            sys.stdout.flush()
            return _write(sys.stdout.fileno(), line.encode(), stopped)
        click.echo(line, nl=False)
    except BrokenPipeError:
        # Python would report the same error again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _is_pipe(stream: IO[str]) -> bool:
    """Whether it is a Unix pipe, which can be asked if it has room."""
    try:
        return sys.platform != "win32" and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # a stream without a file
        return False


def _write(pipe: int, content: bytes, stopped: Callable[[], bool]) -> bool:
    """Write to a pipe; False if `stopped` before all was written."""
    os.set_blocking(pipe, False)
    while content:
        try:
            content = content[os.write(pipe, content) :]
        except BlockingIOError:
            if stopped():
                return False
            select.select([], [pipe], [], _EVERY_S)
    return True


class _Lines:
    """Prints only notices about the source."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def show(self, moment: Moment) -> bool:
        return True

    def notify(self, line: str) -> None:
        if not self._quiet:
            click.echo(f"fervid: {printable(line)}", err=True)

    def notify_end(self) -> None:
        pass


class _Json(_Lines):
    """Prints a line of JSON for each frame."""

    def __init__(self, stopped: Callable[[], bool], *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._stopped = stopped

    def show(self, moment: Moment) -> bool:
        return echo_json(_moment_json(moment), self._stopped)


def _moment_json(moment: Moment) -> dict[str, Any]:
    """A frame as plain JSON."""
    from fervid.results.codebook import STATES

    def by_name(values: Any) -> dict[str, float]:
        rounded = [round(float(value), 4) for value in values]
        return dict(zip(EXPRESSIONS, rounded, strict=True))

    faces = [
        {
            "face_id": int(face["face_id"]),
            "box": [round(float(side), 1) for side in face["xywh"]],
            "confidence": round(float(face["score"]), 4),
            "state": STATES[face["state"]],
            "compared_since": moment.compared_since_s.get(int(face["face_id"])),
            "smooth": by_name(face["smooth"]),
            "probabilities": by_name(face["probs"]),
        }
        for face in moment.faces
    ]
    return {
        "frame": moment.index,
        "timestamp": round(moment.time_s, 6),
        "stamp": moment.stamp_s and round(moment.stamp_s, 6),
        "latency_ms": round(moment.latency_s * 1e3, 1),
        "dropped": moment.dropped,
        "faces": faces,
    }


class _Bars:
    """A table of the visible faces, redrawn five times a second."""

    def __init__(self, name: str, live: Live) -> None:
        self._name, self._live = printable(name), live
        self._times: deque[float] = deque()
        self._drawn = 0.0
        self._live.update(Text(f"{self._name}: waiting for the first frame"), refresh=True)

    def show(self, moment: Moment) -> bool:
        now = time.monotonic()
        self._times.append(now)
        while now - self._times[0] > _RATE_S:
            self._times.popleft()
        if now - self._drawn >= _EVERY_S:
            self._drawn = now
            self._live.update(self._drawing(moment), refresh=True)
        return True

    def notify(self, line: str) -> None:
        self._live.console.print(Text(f"fervid: {printable(line)}"))

    def notify_end(self) -> None:
        self._live.update(
            Text(f"{self._name}: writing the result; press Ctrl-C to quit at once"), refresh=True
        )

    def _drawing(self, moment: Moment) -> Group:
        passed_s = self._times[-1] - self._times[0]
        rate = (len(self._times) - 1) / passed_s if passed_s else 0.0
        late = f"delay {moment.latency_s * 1e3:.0f} ms"
        about = f"{_clock(moment.time_s)}  {rate:.1f} frames/s  {late}"
        head = Text(f"{self._name}  {about}  {moment.dropped:,} dropped  Ctrl-C to stop")
        return Group(head, _table(moment))


def _table(moment: Moment) -> Table:
    from fervid.report.figures import COLOURS
    from fervid.results.codebook import STATES

    table = Table(box=None, pad_edge=False)
    for name in ("face", "state", "resting face", *EXPRESSIONS):
        table.add_column(name, no_wrap=True, min_width=_BAR)
    for face in moment.faces[:_MOST_FACES]:
        bars = [
            Bar(1.0, 0.0, float(value), width=_BAR, color=COLOURS[name])
            for name, value in zip(EXPRESSIONS, face["smooth"], strict=True)
        ]
        since_s = moment.compared_since_s.get(int(face["face_id"]))
        resting = "not known" if since_s is None else f"since {_clock(since_s)}"
        table.add_row(str(face["face_id"]), STATES[face["state"]], resting, *bars)
    return table


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
