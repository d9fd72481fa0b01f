"""What a terminal shows: errors on one line, safe text, a progress bar. Imports nothing heavy."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fervid.cli.interruption import Interruption
from fervid.errors import FervidError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fervid.pipeline import Progress


@contextmanager
def one_line_errors() -> Iterator[Interruption]:
    """Errors that fervid raises on purpose become one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interruption = Interruption()
    try:
        yield interruption
    except FervidError as error:
        click.echo(f"fervid: {printable(str(error))}", err=True)
        raise SystemExit(3 if isinstance(error, SetupError) else 1) from error
    except KeyboardInterrupt:
        interruption.leave()


def printable(text: str) -> str:
    """The text on one line, without anything a terminal would act on."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@contextmanager
def progress_bar(name: str, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr with frames done, speed and time left; only on a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed} frames, {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(escape(ascii(name)[1:-1]), total=None, rate=0.0)

        def show(progress: Progress) -> None:
            rate = progress.frames / max(progress.elapsed_s, 1e-6)
            bar.update(task, completed=progress.frames, total=progress.expected, rate=rate)

        yield show
