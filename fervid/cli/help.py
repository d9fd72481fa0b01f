"""How help is laid out: options under headings, commands in the order in which one meets them."""

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
"""What is more likely the name of a file than an option."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class GroupedCommand(click.Command):
    """A command whose help lists its options under headings.

    `groups` has the options' long names by heading, in the order in which help shows them; what is
    in none of them, such as --help, comes last.
    """

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading, all with columns of the same width."""
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
        """What help says of each option, by its long name."""
        return {
            parameter.opts[-1]: record
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx))
        }


def _let_go_of_output() -> None:
    """What is left in the buffer must not fail once more when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class OrderedGroup(click.Group):
    """Commands that help lists in the order in which they were added."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; a standard output that takes no more is one line, not a traceback."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None or error.errno not in _FULL:
                raise
            _let_go_of_output()
            click.echo(f"fervid: standard output: {error.strerror}", err=True)
            raise SystemExit(1) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is named; a file taken for an option gets a hint."""
        names = [*ctx._protected_args, *ctx.args]
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            hint = next((name for name in names if _NAME.fullmatch(name)), None)
            if hint is not None and isinstance(error, click.NoSuchOption | click.BadOptionUsage):
                text = f"{error.format_message()} If {hint!a} is a file, write {'./' + hint!a}."
                raise click.UsageError(text, error.ctx) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in that order."""
        return list(self.commands)
