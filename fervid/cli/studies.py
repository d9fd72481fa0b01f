"""Writing studies as the options of the command line ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fervid.cli.console import notify, printable


def write_study(
    kind: str, results: Path, people: Path | None, by: str | None, options: dict[str, Any]
) -> None:
    """Write a study of events, of an audience or of pairs, and print where it is."""
    out = options["out"] or results / kind
    shared = {**_checked(options), "people": people, "notify": notify}
    if kind == "study":
        line, page = _study(results, out, by, options, shared)
    elif kind == "audience":
        line, page = _audience(results, out, options["stimulus"], shared)
    else:
        line, page = _together(results, out, shared)
    click.echo(line)
    click.echo(f"{kind}: {printable(str(page))}")


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that all studies share, checked."""
    from fervid.studies.areas import area_of
    from fervid.studies.rules import Rules

    try:
        return {
            "rules": Rules(**{name: options[name] for name in Rules.__dataclass_fields__}),
            "areas": [area_of(area) for area in options["areas"]],
            "measure": options["measure"],
            "seed": options["seed"],
        }
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _study(
    results: Path, out: Path, by: str | None, options: dict[str, Any], shared: dict[str, Any]
) -> tuple[str, Path]:
    from fervid.studies.responses import Window
    from fervid.studies.saving import make_study

    try:
        window = Window(options["before"], options["after"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    own = {name: options[name] for name in ("events", "labels")}
    speech = options["speech"] or None
    made, page = make_study(results, out, by=by, window=window, speech=speech, **own, **shared)
    return made.headline, page


def _audience(
    results: Path, out: Path, stimulus: Path | None, shared: dict[str, Any]
) -> tuple[str, Path]:
    from fervid.studies.stimulus import audience

    made = audience(results, stimulus, **shared)
    people, moments = len(made.curves), made.together.moments
    line = f"{people} people aligned; their expressions change together in {len(moments)} moments"
    return line, made.save(out)


def _together(results: Path, out: Path, shared: dict[str, Any]) -> tuple[str, Path]:
    from fervid.studies.pairs import together

    made = together(results, **shared)
    sure = int((made.table["p_holm"] < 0.05).sum())
    line = (
        f"in {sure} of {len(made.table)} combinations of pair and expression, people change "
        "together more than by chance"
    )
    return line, made.save(out)
