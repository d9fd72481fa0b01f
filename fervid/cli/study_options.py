"""Options of studies. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fervid.cli.options import Seconds

Command = Callable[..., Any]

STUDY_GROUPS = {
    "One recording": ("--people", "--no-faces"),
    "Many recordings": ("--groups", "--group-by"),
    "Events": ("--events", "--label", "--before", "--after"),
    "Audiences and pairs": ("--stimulus", "--audience", "--together"),
    "Measure and confounds": ("--measure", "--speech", "--area"),
    "What to ignore": (
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
        help="Times of events: a CSV with a column `start` (and `end`, `label`, `recording`, "
        "`participant`, condition…), an ELAN, BORIS, Praat, SRT, WebVTT or RTTM file, or a "
        "folder of such files. Writes study/study.html and tables. Can be given several times.",
    ),
    click.option(
        "--label", "labels", multiple=True, metavar="LABEL", help="Use only events with this label."
    ),
    click.option(
        "--before",
        type=Seconds(),
        default=2.0,
        show_default=True,
        metavar="SECONDS",
        help="Length of the baseline before each event.",
    ),
    click.option(
        "--after",
        type=Seconds(),
        default=8.0,
        show_default=True,
        metavar="SECONDS",
        help="Length of the curves after an event, and of the response to an event without an end.",
    ),
    click.option(
        "--stimulus",
        type=_FILE,
        metavar="FILE",
        help="Film or sound that everyone watched or heard. Recordings are aligned by its sound, "
        "or by a column `offset` of --groups. Writes audience/audience.html and tables: the mean "
        "curve, and when expressions changed together.",
    ),
    click.option(
        "--audience",
        is_flag=True,
        help="Like --stimulus, but without a file: recordings are aligned by each other's sound.",
    ),
    click.option(
        "--together",
        is_flag=True,
        help="Test whether the expressions of people in the same recording change together, and "
        "who follows whom. Writes together/together.html and a table.",
    ),
    click.option(
        "--measure",
        type=click.Choice(["change", "probability"]),
        help="change: the change from a person's resting face; probability: the model's answer "
        "for single frames.  [default: change, if the resting face of at least half of the people "
        "is known]",
    ),
    click.option(
        "--speech",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="A file that says who speaks when, in a format of --events. The study then repeats "
        "all results without the frames in which the person speaks.",
    ),
    click.option(
        "--area",
        "areas",
        multiple=True,
        metavar="NAME=X,Y,W,H",
        help="Use only people in this part of the frame: its left edge, top edge, width and height "
        "as fractions of the frame. left=0,0,0.5,1 is the left half. Can be given several times; "
        "--group-by area then compares the areas.",
    ),
    click.option(
        "--min-face",
        type=float,
        default=0.0,
        metavar="PIXELS",
        help="Ignore faces shorter than this, in pixels of the recording.",
    ),
    click.option(
        "--min-frontality",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="Ignore faces that are turned away further than this: 1 faces the camera, 0.7 is "
        "turned by 45 degrees.",
    ),
    click.option(
        "--min-sharpness",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="Ignore faces that are less sharp than this: 1 is as sharp as a typical photo.",
    ),
    click.option(
        "--min-seen",
        type=Seconds(),
        default=0.0,
        metavar="SECONDS",
        help="Ignore people whose face is usable for less time than this in a recording.",
    ),
    click.option(
        "--min-coverage",
        type=float,
        default=0.5,
        show_default=True,
        metavar="SHARE",
        help="Ignore a person's response if the face is usable in less than this share of the "
        "event or of its baseline.",
    ),
    click.option(
        "-o",
        "--out",
        type=_FILE,
        metavar="FOLDER",
        help="Folder for the files of the study.  [default: study/, audience/ or together/ in "
        "RESULTS]",
    ),
    click.option(
        "--seed",
        type=int,
        default=0,
        show_default=True,
        metavar="NUMBER",
        help="Seed of the random numbers used for intervals.",
    ),
)


def kind_of_study(given: dict[str, Any]) -> str:
    """The kind of study that the options ask for; empty for none.

    Raises:
        click.UsageError: the options ask for several kinds, or an option would have no effect.
    """
    asked = {
        "study": bool(given["events"]),
        "audience": bool(given["stimulus"]) or given["audience"],
        "together": given["together"],
    }
    kinds = [kind for kind, is_asked in asked.items() if is_asked]
    if len(kinds) > 1:
        raise click.UsageError("give only one of --events, --stimulus, --audience and --together")
    kind = kinds[0] if kinds else ""
    unused = {"": (*_OF_EVENTS, *_OF_STUDIES), "study": ()}.get(kind, _OF_EVENTS)
    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in unused and source is click.core.ParameterSource.COMMANDLINE:
            every = "--events, --stimulus, --audience or --together"
            needs = "--events" if option.name in _OF_EVENTS else every
            raise click.UsageError(f"{option.opts[-1]} needs {needs}")
    return kind
