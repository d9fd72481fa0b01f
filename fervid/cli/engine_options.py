"""Options that several commands share: what is searched and how, and which model answers."""

from __future__ import annotations

from typing import Any

import click

from fervid.cli.options import WorkingSize, complete_detector, complete_model
from fervid.settings import Settings
from fervid.settings.choices import DETECTORS, DEVICES, EXPRESSION_MODELS, LABELS

detector = click.option(
    "--detector",
    metavar="|".join(DETECTORS),
    default=DETECTORS[0],
    show_default=True,
    shell_complete=complete_detector,
    help="Find faces by fervid's own detector, or by a YuNet file of yours through OpenCV.",
)

min_score = click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Detector score of a new face; one that is followed is kept down to half of it.  "
    "[default: see `fervid models`]",
)

working_size = click.option(
    "--working-size",
    type=WorkingSize(),
    metavar="PX|auto",
    default="auto",
    show_default=True,
    help="Search frames scaled down to this many pixels on the longer side; more finds smaller "
    "faces and takes longer. auto: the smallest of 640, 1280 and 1920 that finds the faces in some "
    "frames of the recording; 640 for streams.",
)

smooth = click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Time constant of the smoothed probabilities; 0 leaves them as they are.",
)

device = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=DEVICES[0],
    show_default=True,
    help="Where the networks run, on all devices of that kind; auto is what JAX prefers.",
)

weights = click.option(
    "--weights",
    metavar="MODEL",
    default=EXPRESSION_MODELS[0],
    show_default=True,
    shell_complete=complete_model,
    help="Expression model: a shipped one (see `fervid models`), or NAME for your own NAME.npz "
    "with its model card NAME.json.",
)

labels = click.option(
    "--labels",
    type=click.Choice(LABELS),
    default=LABELS[0],
    show_default=True,
    help="Answer as FER-2013's labels (one a face), as FER+'s votes (ten people a face), or as a "
    "mixture of both.",
)


def chosen(**settings: Any) -> Settings:
    """What is asked for; a setting or model that cannot be is refused here."""
    from fervid.results.reuse import digests_of_models

    try:
        made = Settings(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    digests_of_models(made)
    return made
