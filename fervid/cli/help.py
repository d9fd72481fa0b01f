"""Layout of help: options under headings, commands in the order in which they were added."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

_OTHERS = "Other options"
_WIDEST = 28
_NAME = re.compile(r"-[^-].*\.\w{2,5}", re.DOTALL)
"""Matches what is more likely a file name than an option."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class GroupedCommand(click.Command):
    """A command whose help lists its options under headings.

    `groups` maps each heading to the long names of its options, in the order of the help. Options
    without a heading, such as --help, come last.
    """

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading, with columns of the same width."""
        left = self._records(ctx)
        width = min(max(len(record[0]) for record in left.values()), _WIDEST)
        sections = {
            title: [left.pop(name) for name in names] for title, names in self.groups.items()
        }
        for title, records in {**sections, _OTHERS: [*left.values()]}.items():
            with formatter.section(title):
                rows = [(shown.ljust(width), text) for shown, text in records]
                formatter.write_dl(rows, col_max=width)

    def _records(self, ctx: click.Context) -> dict[str, tuple[str, str]]:
        """The help record of each option, by its long name."""
        return {
            parameter.opts[-1]: record
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx))
        }


def _discard_output() -> None:
    """Discard what is left in the buffer, which would fail again when Python exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class OrderedGroup(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; if standard output is full, print one line instead of a traceback."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None or error.errno not in _FULL:
                raise
            _discard_output()
            click.echo(f"fervid: standard output: {error.strerror}", err=True)
            raise SystemExit(1) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the named command; if a file name was taken for an option, add a hint."""
        names = [*ctx._protected_args, *ctx.args]
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            hint = next((name for name in names if _NAME.fullmatch(name)), None)
            if hint is not None and isinstance(error, click.NoSuchOption | click.BadOptionUsage):
                text = f"{error.format_message()} If {hint!r} is a file, write {'./' + hint!r}."
                raise click.UsageError(text, error.ctx) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which they were added."""
        return list(self.commands)
