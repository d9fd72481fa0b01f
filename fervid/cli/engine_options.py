"""Options that several commands share: how faces are searched for, and which model is used."""

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
    help="Face detector: fervid's own, or your own YuNet file, run by OpenCV.",
)

min_score = click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Start following a face at this detector score, and stop below half of it.  [default: "
    "see `fervid models`]",
)

working_size = click.option(
    "--working-size",
    type=WorkingSize(),
    metavar="PX|auto",
    default="auto",
    show_default=True,
    help="Search frames at this size, in pixels of the longer side. A larger size finds smaller "
    "faces but takes longer. auto: the smallest of 640, 1280 and 1920 that finds the faces in a "
    "sample of frames; 640 for streams.",
)

smooth = click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Time constant for smoothing probabilities; 0 turns smoothing off.",
)

device = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=DEVICES[0],
    show_default=True,
    help="Run the models on all devices of this kind; auto lets JAX choose.",
)

weights = click.option(
    "--weights",
    metavar="MODEL",
    default=EXPRESSION_MODELS[0],
    show_default=True,
    shell_complete=complete_model,
    help="Expression model: one that fervid ships (see `fervid models`), or NAME for your own "
    "NAME.npz with its card NAME.json.",
)

labels = click.option(
    "--labels",
    type=click.Choice(LABELS),
    default=LABELS[0],
    show_default=True,
    help="Imitate FER-2013's labels (one per face), FER+'s votes (ten people per face), or a "
    "mixture of both.",
)


def chosen(**settings: Any) -> Settings:
    """The settings that the options name, checked together with the models that they need."""
    from fervid.results.reuse import digests_of_models

    try:
        made = Settings(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    digests_of_models(made)
    return made
