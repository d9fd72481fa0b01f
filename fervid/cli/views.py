"""What is printed while many recordings are analysed: bars, lines, JSON or nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fervid.batch.agenda import Advance
from fervid.batch.jobs import Outcome
from fervid.batch.supervisor import Event, Finish
from fervid.cli.console import Verbosity, printable
from fervid.inputs.plan import Job

View = Callable[[Event], None]

_SCREEN = 20
"""Lines that are surely still on the screen when the last one is printed."""


@contextmanager
def view_of(jobs: Sequence[Job], verbosity: Verbosity) -> Iterator[View]:
    """A function that takes the events of a batch and shows them as the user wants."""
    console = Console(stderr=True)
    if verbosity.as_json:
        yield _json
    elif verbosity.quiet:
        yield lambda _: None
    elif console.is_terminal:
        with _bars(jobs, console) as view:
            yield view
    else:
        yield _lines(len(jobs))


def still_seen(recordings: int) -> bool:
    """Whether the lines of this many recordings are still visible above the summary."""
    try:
        out, err = (os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr))
    except OSError:  # a stream without a file
        return False
    return recordings <= _SCREEN and os.path.samestat(out, err)


def line_of(outcome: Outcome) -> str:
    """The outcome of a recording in one line."""
    text = f"{outcome.status:<8}{outcome.recording}"
    if outcome.has_result:
        rate = outcome.frames_with_face / outcome.frames if outcome.frames else 0.0
        text += f": {outcome.frames:,} frames, {rate:.0%} show a face"
        text += ", kept from earlier" if outcome.reused else f", {outcome.elapsed_s:.1f} s"
        text += f"; analysed again: {outcome.redone}" if outcome.redone else ""
        text += f"; parts of an earlier run not used: {outcome.anew}" if outcome.anew else ""
        text += f"; {outcome.reason}" if outcome.reason else ""
    else:
        text += f": {outcome.reason}"
    return printable(text)


def _json(event: Event) -> None:
    if isinstance(event, Finish):
        click.echo(json.dumps(event.outcome.public_json()))


def _lines(count: int) -> View:
    """Print a line for each finished recording."""
    done = 0

    def view(event: Event) -> None:
        nonlocal done
        if isinstance(event, Finish):
            done += 1
            click.echo(f"[{done:,}/{count:,}] {line_of(event.outcome)}", err=True)

    return view


@contextmanager
def _bars(jobs: Sequence[Job], console: Console) -> Iterator[View]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars, jobs)


class _Bars:
    """One bar for all recordings, measured in bytes, and one for each recording in progress."""

    def __init__(self, bars: Progress, jobs: Sequence[Job]) -> None:
        self._bars = bars
        self._sizes = {job: _size(job.recording) for job in jobs}
        total = sum(self._sizes.values())
        self._whole = bars.add_task("all", total=total, done=f"0 of {len(jobs):,}")
        self._current: dict[Job, TaskID] = {}
        self._finished = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Advance):
            self._advance(event)
        else:
            self._finish(event)

    def _advance(self, event: Advance) -> None:
        if event.job not in self._current:
            name = escape(printable(event.job.recording.name))
            self._current[event.job] = self._bars.add_task(name, total=event.expected, done="")
        task = self._current[event.job]
        rate = event.frames / max(event.elapsed_s, 1e-6)
        done = f"{event.frames:,} frames, {rate:,.0f}/s"
        self._bars.update(task, completed=event.frames, total=event.expected, done=done)

    def _finish(self, event: Finish) -> None:
        self._finished += 1
        if event.job in self._current:
            self._bars.remove_task(self._current.pop(event.job))
        done = f"{self._finished:,} of {len(self._sizes):,}"
        self._bars.update(self._whole, advance=self._sizes[event.job], done=done)
        self._bars.console.print(line_of(event.outcome), highlight=False, markup=False)


def _size(recording: Path) -> int:
    try:
        return recording.stat().st_size
    except OSError:
        return 0
