"""Turn a finished detector run into shipped weights with their model card.

python -m training.detector.export faces-*.parquet --run runs/detector
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from fervid.detector import FaceDetector
from training.detector import faces
from training.detector.evaluate import evaluate, load_net
from training.detector.train import PRESETS
from training.release import WEIGHTS, today, write_model


@click.command(help=__doc__)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(list(PRESETS)), default="cpu")
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/detector"))
@click.option("--min-score", default=0.5, show_default=True)
def main(data: tuple[Path, ...], preset: str, run: Path, min_score: float) -> None:
    """Score on the held-out sources and ship the face detector."""
    recipe = PRESETS[preset]
    model = load_net(run / "candidate.npz", recipe.net)
    detector = FaceDetector(model, {}, min_score=0.05)
    metrics = evaluate(detector, faces.held_out_part(faces.load(data)))
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
        "date": today(),
        "command": (
            f"python -m training.detector.train faces-*.parquet mined.parquet --preset {preset}"
        ),
    }
    write_model(WEIGHTS / "face_detector", model, card)
    FaceDetector.load()
    click.echo(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
