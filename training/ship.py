"""Turn finished runs into shipped weights with their model cards.

python -m training.ship classifier fer2013.csv --votes fer2013new.csv --run runs/classifier
python -m training.ship detector faces-*.parquet --run runs/detector
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fervid.classifier import ExpressionClassifier
from fervid.detector import FaceDetector
from fervid.model_cards import load_npz
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import restore
from fervid.records import EXPRESSIONS
from training import faces, fer2013, train_classifier, train_detector
from training.evaluate_classifier import evaluate, fit_calibration, predict_logits
from training.evaluate_detector import evaluate as evaluate_detector
from training.evaluate_detector import load_candidate
from training.export import ship

_RESPONSIBLE = (
    "An expression is what a face shows, not what a person feels (Barrett et al. 2019). Not for "
    "decisions about people. In the EU, inferring emotions at work and in education is banned "
    "except for medical or safety reasons (AI Act, Art. 5(1)(f)); people exposed must be told "
    "(Art. 50(3))."
)


@click.group(help=__doc__)
def main() -> None:
    """The two networks."""


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--votes", type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(list(train_classifier.PRESETS)), default="cpu")
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/classifier"))
@click.option("--final", is_flag=True, help="Score PrivateTest: once for each released model.")
def classifier(data: Path, votes: Path | None, preset: str, run: Path, final: bool) -> None:
    """Calibrate on PublicTest, score, and ship the expression classifier."""
    recipe = train_classifier.PRESETS[preset]
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
        "config": {"stages": recipe.net.stages},
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
        "date": _today(),
        "command": (
            "python -m training.train_classifier fer2013.csv --votes fer2013new.csv "
            f"--preset {preset}"
        ),
    }
    ship("expression", candidate, card)
    ExpressionClassifier.load()
    click.echo(json.dumps(metrics, indent=1))


@main.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(list(train_detector.PRESETS)), default="cpu")
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/detector"))
@click.option("--min-score", default=0.5, show_default=True)
def detector(data: tuple[Path, ...], preset: str, run: Path, min_score: float) -> None:
    """Score on the held-out sources and ship the face detector."""
    recipe = train_detector.PRESETS[preset]
    candidate = run / "candidate.npz"
    metrics = evaluate_detector(load_candidate(candidate), faces.held_out_part(faces.load(data)))
    card: dict[str, Any] = {
        "version": "0.1",
        "task": "face boxes in luma frames, searched at full and at half size",
        "config": asdict(recipe.net),
        "min_score": min_score,
        "data": (
            "14,956 gray pictures of public collections (YouTube Faces frames, clothing photos, "
            "portraits and crowds with and without masks, Caltech 101, COCO and ImageNet samples, "
            "BSDS500, cats and dogs); boxes by a teacher (YuNet-n at two scales), checked for "
            "collections without people. From step 3,750 on also 313 false boxes mined from 32 s "
            "of a hall where people stand with their backs to the camera. The pictures are not "
            "distributed here."
        ),
        "splits": f"Held out, never trained on: {', '.join(faces.HELD_OUT_SOURCES)}.",
        "metrics": metrics,
        "limits": (
            "Boxes below about 16 px at the working size, profiles and crowds are often missed; "
            "statues, drawings, animals and prints of faces can be taken for faces."
        ),
        "recipe": {name: v for name, v in asdict(recipe).items() if name != "net"},
        "license": "MIT",
        "date": _today(),
        "command": (
            f"python -m training.train_detector faces-*.parquet mined.parquet --preset {preset}"
        ),
    }
    ship("face_detector", candidate, card)
    FaceDetector.load()
    click.echo(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
