r"""Evaluate teachers on PublicTest, one by one and averaged.

    python -m training.evaluate.teachers fer2013.csv --votes fer2013new.csv \
        --teacher A --teacher B

The average is that of the calibrated distributions of each head. PrivateTest is not used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration, load_model
from training import fer2013
from training.atomic import whole_file
from training.beginning import LoadedModel
from training.command_line import PATH, fer2013_argument, help_of, teachers_option, votes_option
from training.evaluate.predict import predict_logits
from training.evaluate.scores import Floats, accuracy, macro_recall

AVERAGE = "all averaged"


def evaluate_teachers(
    teachers: dict[str, LoadedModel], public: fer2013.Fer2013
) -> dict[str, dict[str, Any]]:
    """Accuracy and macro recall, in percent, of each teacher and of all of them averaged.

    Args:
        teachers: models and their cards, by name.
        public: the images of PublicTest.

    Returns:
        By name, and for `AVERAGE`: fer_accuracy, fer_macro_recall, fer_accuracy_one_pass and, if
        there are votes, ferplus_accuracy and ferplus_macro_recall (against the majority). All but
        fer_accuracy_one_pass include the mirror image.
    """
    probs = {name: _heads(teacher, public.images) for name, teacher in teachers.items()}
    if len(probs) > 1:
        probs[AVERAGE] = np.mean(list(probs.values()), axis=0)
    majority = public.ferplus_majority()
    found = {}
    for name, (fer, ferplus, one_pass) in probs.items():
        found[name] = _scores("fer", fer, public.labels)
        found[name]["fer_accuracy_one_pass"] = _scores("", one_pass, public.labels)["_accuracy"]
        if (majority >= 0).any():
            found[name] |= _scores("ferplus", ferplus[majority >= 0], majority[majority >= 0])
    return found


def _heads(teacher: LoadedModel, images: NDArray[np.uint8]) -> Floats:
    """(3, N, 7) distributions: both heads with the mirror image, the first without."""
    model, card = teacher
    logits, calibration = predict_logits(model, images), Calibration.of_card(card)
    fer, ferplus = (calibration.of_labels(labels) for labels in ("fer2013", "ferplus"))
    return np.stack([logits.probs(fer), logits.probs(ferplus), logits.probs(fer, mirrored=False)])


def _scores(head: str, probs: Floats, labels: NDArray[Any]) -> dict[str, Any]:
    predicted = probs.argmax(axis=1)
    return {
        f"{head}_accuracy": accuracy(predicted == labels),
        f"{head}_macro_recall": round(100 * macro_recall(probs, labels), 2),
    }


def table_of(found: dict[str, dict[str, Any]]) -> str:
    """The figures as a Markdown table, accuracies with half of their 95% interval."""
    keys = list(next(iter(found.values())))
    titles = [key.replace("ferplus", "FER+").replace("fer", "FER-2013") for key in keys]
    head = ["| teacher | " + " | ".join(title.replace("_", " ") for title in titles) + " |"]
    head.append("|---" * (len(keys) + 1) + "|")
    return "\n".join(
        head
        + [
            f"| {name} | " + " | ".join(_cell(figures[key]) for key in keys) + " |"
            for name, figures in found.items()
        ]
    )


def _cell(figure: Any) -> str:
    if isinstance(figure, dict):
        return f"{figure['percent']:.2f} ± {figure['plus_minus']:.2f}"
    return f"{figure:.2f}"


def named(names: Sequence[str]) -> dict[str, LoadedModel]:
    """Load the models; the keys are the given names.

    Raises:
        FervidError: there is no such model.
    """
    return {name: load_model(name) for name in dict.fromkeys(names)}


@click.command(help=help_of(__doc__))
@fer2013_argument
@votes_option
@teachers_option
@click.option("--out", type=PATH, help="JSON file for the figures.")
def main(data: Path, votes: Path | None, teachers: tuple[str, ...], out: Path | None) -> None:
    """Evaluate all teachers, print a Markdown table, and write the figures to --out if given."""
    try:
        found = evaluate_teachers(named(teachers), fer2013.load(data, votes).split("PublicTest"))
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(table_of(found))
    if out:
        with whole_file(out) as file:
            file.write((json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
