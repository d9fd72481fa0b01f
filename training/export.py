"""Turn a finished classifier run into shipped weights with their model card.

python -m training.export fer2013.csv --votes fer2013new.csv --run runs/classifier
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from fervid.classifier import ExpressionClassifier
from fervid.model_cards import load_npz
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import restore
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate import evaluate, fit_calibration, predict_logits
from training.presets import PRESETS
from training.release import ship, today

_RESPONSIBLE = (
    "An expression is what a face shows, not what a person feels (Barrett et al. 2019). Not for "
    "decisions about people. In the EU, inferring emotions at work and in education is banned "
    "except for medical or safety reasons (AI Act, Art. 5(1)(f)); people exposed must be told "
    "(Art. 50(3))."
)


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--votes", type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(list(PRESETS)), default="cpu")
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/classifier"))
@click.option("--final", is_flag=True, help="Score PrivateTest: once for each released model.")
def main(data: Path, votes: Path | None, preset: str, run: Path, final: bool) -> None:
    """Calibrate on PublicTest, score, and ship the expression classifier."""
    recipe = PRESETS[preset]
    candidate = run / "candidate.npz"
    model = restore(lambda rngs: ExpressionNet(recipe.net, rngs=rngs), load_npz(candidate))
    whole = fer2013.load(data, votes)
    public = whole.split("PublicTest")
    calibration = fit_calibration(predict_logits(model, public.images), public)
    metrics = {"PublicTest": evaluate(model, whole, "PublicTest", calibration)}
    if final:
        metrics["PrivateTest"] = evaluate(model, whole, "PrivateTest", calibration)
    card: dict[str, Any] = {
        "version": "0.1",
        "task": "seven expressions of a 48x48 luma face; FER-2013 and FER+ heads on one trunk",
        "config": asdict(recipe.net),
        "classes": ", ".join(EXPRESSIONS) + " (the order of all lists and tables below)",
        "calibration": asdict(calibration),
        "data": (
            "FER-2013 (Goodfellow et al. 2013) labels and FER+ (Barsoum et al. 2016) votes. The "
            "photographs were gathered from the web; the data set itself is not distributed here."
        ),
        "splits": (
            "Training without every image that is also in a test split (28,006 of 28,709); choices "
            "and calibration on PublicTest; PrivateTest scored once. De-duplicated means images in "
            "no other split. FER+ majority is the rule of Barsoum et al. over the seven classes. "
            "Each image and its mirror image are averaged, as in use."
        ),
        "metrics": metrics,
        "limits": (
            "Trained on posed and acted web photographs, mostly frontal; labels are noisy and "
            "crowd opinions. Weak on disgust, fear and on sad against neutral; not evaluated by "
            "age, gender or skin colour. " + _RESPONSIBLE
        ),
        "recipe": {name: v for name, v in asdict(recipe).items() if name != "net"},
        "license": "MIT",
        "date": today(),
        "command": (
            f"python -m training.train fer2013.csv --votes fer2013new.csv --preset {preset}"
        ),
    }
    ship("expression", candidate, card)
    ExpressionClassifier.load()
    click.echo(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
