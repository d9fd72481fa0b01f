"""Options of commands about studies. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fervid.cli.options import Seconds

Command = Callable[..., Any]

STUDY_GROUPS = {
    "One recording": ("--no-faces",),
    "Many recordings": ("--groups", "--group-by"),
    "Events": ("--events", "--label", "--before", "--after"),
    "Together": ("--stimulus", "--audience", "--together"),
    "Measure and confounds": ("--measure", "--speech", "--area"),
    "What counts": (
        *("--min-face", "--min-frontality", "--min-sharpness", "--min-seen", "--min-coverage"),
    ),
    "Output": ("--out", "--seed"),
}
"""Headings of `fervid report --help`."""

_OF_EVENTS = ("labels", "before", "after", "speech")
_OF_STUDIES = (
    *("measure", "areas", "min_face", "min_frontality", "min_sharpness", "min_seen"),
    *("min_coverage", "out", "seed"),
)

_FILE = click.Path(path_type=Path)


def study_options(command: Command) -> Command:
    """Add the options of a study."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--events",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="What happened when: a CSV with columns `start` (and `end`, `label`, `recording`, "
        "`participant`, condition…), or a file of ELAN, BORIS, Praat, SRT, WebVTT or RTTM, or a "
        "folder of them. Writes study/study.html and tables. May be given several times.",
    ),
    click.option(
        "--label", "labels", multiple=True, metavar="WORDS", help="Use only events with this label."
    ),
    click.option(
        "--before",
        type=Seconds(),
        default=2.0,
        show_default=True,
        metavar="SECONDS",
        help="Baseline before an event.",
    ),
    click.option(
        "--after",
        type=Seconds(),
        default=8.0,
        show_default=True,
        metavar="SECONDS",
        help="Length of curves, and of the response to an event without an end.",
    ),
    click.option(
        "--stimulus",
        type=_FILE,
        metavar="FILE",
        help="A film or sound that everyone watched or heard: recordings are aligned on its sound, "
        "or by a column `offset` of --groups. Writes audience/audience.html and tables: the mean "
        "curve, and when people moved together.",
    ),
    click.option(
        "--audience",
        is_flag=True,
        help="The same without its file: recordings are aligned on each other's sound.",
    ),
    click.option(
        "--together",
        is_flag=True,
        help="Do people in the same recording move together, and who follows whom? Writes "
        "together/together.html and a table.",
    ),
    click.option(
        "--measure",
        type=click.Choice(["change", "probability"]),
        help="Change from a person's resting face, or the model's answer for single frames.  "
        "[default: change, if at least half of the people have a known resting face]",
    ),
    click.option(
        "--speech",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="Who speaks when, in a file as for --events: figures come without speech, too.",
    ),
    click.option(
        "--area",
        "areas",
        multiple=True,
        metavar="NAME=X,Y,W,H",
        help="Only people in this part of the frame, in shares of its width and height, as in "
        "left=0,0,0.5,1. Of several, people get the first that they are in, as a column `area`.",
    ),
    click.option(
        "--min-face",
        type=float,
        default=0.0,
        metavar="PIXELS",
        help="Height of a face from which it counts.",
    ),
    click.option(
        "--min-frontality",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="1 is a face seen from the front, .7 one turned by 45 degrees.",
    ),
    click.option(
        "--min-sharpness",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="1 is a face as sharp as in typical photos.",
    ),
    click.option(
        "--min-seen",
        type=Seconds(),
        default=0.0,
        metavar="SECONDS",
        help="For how long a person's face must be usable in a recording.",
    ),
    click.option(
        "--min-coverage",
        type=float,
        default=0.5,
        show_default=True,
        metavar="SHARE",
        help="Share of an event and of its baseline in which the face must be usable.",
    ),
    click.option(
        "-o",
        "--out",
        type=_FILE,
        metavar="FOLDER",
        help="Folder for the files of a study.  [default: study/ in RESULTS]",
    ),
    click.option(
        "--seed",
        type=int,
        default=0,
        show_default=True,
        metavar="NUMBER",
        help="Of the random numbers of intervals.",
    ),
)


def kind_of_study(given: dict[str, Any]) -> str:
    """Which study is asked for; empty for none.

    Raises:
        click.UsageError: several are, or an option would have no effect.
    """
    asked = {
        "study": bool(given["events"]),
        "audience": bool(given["stimulus"]) or given["audience"],
        "together": given["together"],
    }
    kinds = [kind for kind, is_asked in asked.items() if is_asked]
    if len(kinds) > 1:
        raise click.UsageError("give one of --events, --stimulus or --audience, and --together")
    kind = kinds[0] if kinds else ""
    unused = {"": (*_OF_EVENTS, *_OF_STUDIES), "study": ()}.get(kind, _OF_EVENTS)
    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in unused and source is click.core.ParameterSource.COMMANDLINE:
            needs = (
                "--events" if option.name in _OF_EVENTS else "--events, --stimulus or --together"
            )
            raise click.UsageError(f"{option.opts[-1]} needs {needs}")
    return kind
