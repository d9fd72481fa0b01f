"""Output to a terminal: one-line errors and text that is safe to print. Imports nothing heavy."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from fervid.batch.interruption import Interruption
from fervid.errors import FervidError, PlanError, SetupError

_CODES: dict[type[FervidError], int] = {PlanError: 2, SetupError: 3}


@dataclass(frozen=True)
class Verbosity:
    """What the user wants printed: all, only errors, or a line of JSON for each recording."""

    quiet: bool = False
    as_json: bool = False

    @property
    def plain(self) -> bool:
        """Whether ordinary text is wanted."""
        return not (self.quiet or self.as_json)


@contextmanager
def one_line_errors() -> Iterator[Interruption]:
    """Turn errors that fervid raises on purpose into one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interruption = Interruption()
    try:
        yield interruption
    except FervidError as error:
        click.echo(f"fervid: {printable(str(error))}", err=True)
        raise SystemExit(_CODES.get(type(error), 1)) from error
    except KeyboardInterrupt:
        interruption.leave()


def notify(line: str) -> None:
    """Print a line on stderr."""
    click.echo(f"fervid: {printable(line)}", err=True)


def printable(text: str) -> str:
    """The text on one line, with control characters escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
