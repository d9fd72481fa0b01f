"""How help is laid out: options under headings, commands in the order in which one meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

_OTHERS = "Other options"
_WIDEST = 28


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


class OrderedGroup(click.Group):
    """Commands that help lists in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in that order."""
        return list(self.commands)
