"""Types of command-line values: times, batch sizes, shards. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from fervid.settings import baseline_of, seconds_of
from fervid.settings.choices import DETECTORS, EXPRESSION_MODELS


class Seconds(click.ParamType[float]):
    """A time in a recording: seconds, m:ss or h:mm:ss, with decimals."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The time in seconds."""
        if isinstance(value, float):
            return value
        try:
            return seconds_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Baseline(click.ParamType[tuple[float, float] | str]):
    """Two times separated by a hyphen, or a file."""

    name = "baseline"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float] | str:
        """Start and end in seconds, or the path."""
        if isinstance(value, tuple):
            return value
        try:
            return baseline_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class BatchSize(click.ParamType[int | None]):
    """A whole number from 1, or "auto" (None)."""

    name = "batch size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """The number, or None for auto."""
        if value is None or value == "auto" or isinstance(value, int):
            return None if value == "auto" else value
        try:
            return int(click.IntRange(1).convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is neither auto nor a whole number of at least 1", param, ctx)


class WorkingSize(click.ParamType[int | None]):
    """Pixels from 96 to 4096, or "auto" (None)."""

    name = "working size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """The number, or None for auto."""
        if value is None or value == "auto":
            return None
        try:
            return int(click.IntRange(96, 4096).convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is neither auto nor a whole number from 96 to 4096", param, ctx)


class Parts(click.ParamType[float | str]):
    """Minutes of a part, or "off" or "auto"."""

    name = "parts"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """The number that was typed, or the word."""
        if value in ("off", "auto"):
            return str(value)
        try:
            return float(click.FloatRange(0, 600, min_open=True).convert(value, param, ctx))
        except click.BadParameter:
            self.fail(
                f"{value!r} is neither off, auto nor a number of minutes up to 600", param, ctx
            )


class Shard(click.ParamType[tuple[int, int]]):
    """Two whole numbers separated by a slash, as in 3/16."""

    name = "shard"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The number of the share, from 1, and the number of shares."""
        if isinstance(value, tuple):
            return value
        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            self.fail(f"{value!r} is not a share; write K/N with K from 1 to N, as in 3/16")
        return int(number), int(of)


def complete_model(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the names of shipped expression models, or else file names."""
    names = [name for name in EXPRESSION_MODELS if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def complete_detector(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete `fervid` and `yunet:`; the user adds the path."""
    names = [name.removesuffix("FILE") for name in DETECTORS]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
