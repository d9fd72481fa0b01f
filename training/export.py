"""Turn the best epoch of a run into a model with a full model card.

    python -m training.export runs/cpu/best fer2013.csv --votes fer2013new.csv --name expression

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
from training.evaluate import evaluate, fit_calibration, predict_logits
from training.release import WEIGHTS, today, write_model

_DATA = (
    "FER-2013 (Goodfellow et al. 2013) labels and FER+ (Barsoum et al. 2016) votes. The "
    "photographs were gathered from the web; the data set itself is not distributed here."
)
_SPLITS = (
    "Training without every image that is also in a test split ({kept:,} of {all:,} rows); choices "
    "and calibration on PublicTest; PrivateTest scored once. De-duplicated means images in no "
    "other split. FER+ majority is the rule of Barsoum et al. over the seven classes."
)
_LIMITS = (
    "Trained on posed and acted web photographs, mostly frontal; labels are noisy and crowd "
    "opinions. Weak on disgust, fear and on sad against neutral; smiles alone were evaluated by "
    "age, gender and ethnicity, on fifty people. An expression is what a face shows, not what a "
    "person feels (Barrett et al. 2019). Not for decisions about people. In the EU, inferring "
    "emotions at work and in education is banned except for medical or safety reasons (AI Act, "
    "Art. 5(1)(f)); people exposed must be told (Art. 50(3))."
)


def export(
    source: str | Path, data: fer2013.Fer2013, stem: Path, *, command: str, final: bool = False
) -> dict[str, Any]:
    """Calibrate, score and write a model; returns its card without name and digest.

    Args:
        source: model to export, by path or name; a run's is RUN/best.
        data: all splits.
        stem: path of the new model without suffix.
        command: how the model was trained, for the card.
        final: score PrivateTest too.

    Raises:
        FervidError: there is no such model, or it is damaged.
    """
    model, before = load_model(source)
    _round_to_half(model)
    public = data.split("PublicTest")
    calibration = fit_calibration(predict_logits(model, public.images), public)
    splits = ["PublicTest", "PrivateTest"] if final else ["PublicTest"]
    training = data.split("Training")
    card: dict[str, Any] = {
        "version": version("fervid"),
        "task": "seven expressions of a 48x48 luma face; FER-2013 and FER+ heads on one trunk",
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
    """Give the weights the values that a file of half precision gives back: these are scored."""
    state = nnx.state(model)
    nnx.update(model, jax.tree.map(lambda x: x.astype(jnp.float16).astype(jnp.float32), state))


@click.command(help=__doc__)
@click.argument("source", metavar="MODEL")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--votes", type=click.Path(path_type=Path), help="FER+'s fer2013new.csv.")
@click.option("--name", default="expression", show_default=True, help="Name of the new model.")
@click.option("--out", type=click.Path(path_type=Path), default=WEIGHTS, help="Its folder.")
@click.option("--command", help="How it was trained, for the card.  [default: from the run]")
@click.option("--final", is_flag=True, help="Score PrivateTest: once for each released model.")
def main(
    source: str, data: Path, votes: Path | None, name: str, out: Path, command: str | None,
    final: bool,
) -> None:  # fmt: skip
    """Export, read the result back, and print its scores."""
    try:
        stem = out / name
        done = command or read_card(source).get("command", "unknown")
        card = export(source, fer2013.load(data, votes), stem, command=done, final=final)
        ExpressionClassifier(str(stem))
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(card["metrics"], indent=1))


if __name__ == "__main__":
    main()
