r"""Turn the best epoch of a run into a model with a full model card.

    python -m training.export runs/cpu/best fer2013.csv \
        --votes fer2013new.csv --name expression

The model is calibrated and scored on PublicTest. `--final` scores PrivateTest too: do so once, for
a model that is released.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from fervid.errors import FervidError
from fervid.expressions.classifier import ExpressionClassifier, load_model
from fervid.models.cards import read_card
from fervid.records import EXPRESSIONS
from training import fer2013
from training.command_line import PATH, fer2013_argument, help_of, votes_option
from training.evaluate import evaluate, fit_calibration, predict_logits
from training.release import WEIGHTS, today, write_model

_TASK = (
    "classify a 48x48 luma face as one of seven expressions; one trunk with two heads, for "
    "FER-2013 and FER+"
)
_DATA = (
    "Labels of FER-2013 (Goodfellow et al. 2013) and votes of FER+ (Barsoum et al. 2016). The "
    "photographs were collected from the web. The data set itself is not distributed here."
)
_SPLITS = (
    "Trained on Training without the images that are also in a test split ({kept:,} of {all:,} "
    "rows are left). Choices and calibration used PublicTest. PrivateTest was scored once. "
    "Deduplicated accuracy leaves out images that are also in another split. FER+ majority "
    "accuracy follows the rule of Barsoum et al., applied to the seven classes."
)
_LIMITS = (
    "Trained on web photographs, mostly posed or acted and frontal. The labels are noisy opinions "
    "of many people. Weak on disgust and fear. Often confuses sad and neutral. Accuracy by age, "
    "gender and ethnicity was measured only for smiles, on fifty people. An expression is what a "
    "face shows, not what a person feels (Barrett et al. 2019). Not for decisions about people. In "
    "the EU, inferring emotions at work and in education is banned except for medical or safety "
    "reasons (AI Act, Art. 5(1)(f)), and people exposed to such a system must be informed (Art. "
    "50(3))."
)


def export(
    source: str | Path,
    data: fer2013.Fer2013,
    stem: Path,
    *,
    command: str,
    final: bool = False,
    mirrored: bool = True,
) -> dict[str, Any]:
    """Calibrate, score and write a model; returns its card without name and digest.

    Args:
        source: path or name of the model to export; for a run, RUN/best.
        data: all splits.
        stem: path of the new model without suffix.
        command: how the model was trained, for the card.
        final: score PrivateTest too.
        mirrored: whether the model is to be used with mirror images.

    Raises:
        FervidError: there is no such model, or it is damaged.
    """
    model, before = load_model(source)
    _round_to_half(model)
    public = data.split("PublicTest")
    calibration = fit_calibration(predict_logits(model, public.images), public, mirrored=mirrored)
    splits = ["PublicTest", "PrivateTest"] if final else ["PublicTest"]
    training = data.split("Training")
    card: dict[str, Any] = {
        "version": version("fervid"),
        "task": _TASK,
        "config": before["config"],
        "classes": ", ".join(EXPRESSIONS) + " (the order of all lists and tables below)",
        "calibration": asdict(calibration),
        "data": _DATA,
        "splits": _SPLITS.format(kept=len(fer2013.without_leaks(data)), all=len(training)),
        "metrics": {name: evaluate(model, data, name, calibration) for name in splits},
        "limits": _LIMITS,
        "recipe": before.get("recipe", {}),
        "license": "MIT",
        "date": today(),
        "command": command,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("jax", "flax", "optax", "numpy")},
        },
    }
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_model(stem, model, card, np.float16)
    return card


def _round_to_half(model: nnx.Module) -> None:
    """Round weights to the half precision of the file, so that the shipped values are scored."""
    state = nnx.state(model)
    nnx.update(model, jax.tree.map(lambda x: x.astype(jnp.float16).astype(jnp.float32), state))


@click.command(help=help_of(__doc__))
@click.argument("source", metavar="MODEL")
@fer2013_argument
@votes_option
@click.option("--name", default="expression", show_default=True, help="Name of the new model.")
@click.option(
    "--out",
    type=PATH,
    default=WEIGHTS,
    help="Folder of the new model.  [default: the package's own]",
)
@click.option("--command", help="How it was trained, for the card.  [default: from the run]")
@click.option("--one-pass", is_flag=True, help="Use the model without mirror images.")
@click.option("--final", is_flag=True, help="Also score PrivateTest: once for each released model.")
def main(
    source: str, data: Path, votes: Path | None, name: str, out: Path, command: str | None,
    final: bool, one_pass: bool,
) -> None:  # fmt: skip
    """Export, read the result back, and print its scores."""
    try:
        stem = out / name
        done = command or read_card(source).get("command", "unknown")
        given = fer2013.load(data, votes)
        card = export(source, given, stem, command=done, final=final, mirrored=not one_pass)
        ExpressionClassifier(str(stem))
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(card["metrics"], indent=1))


if __name__ == "__main__":
    main()
