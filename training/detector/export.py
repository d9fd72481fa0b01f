r"""Turn a finished detector run into shipped weights with their model card.

    python -m training.detector.export faces-*.parquet \
        --run runs/detector --version 0.2 \
        --command "python -m training.detector.train faces-*.parquet"
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from fervid.detection.detector import FaceDetector
from fervid.errors import FervidError
from training.command_line import PATH, help_of, pictures_argument
from training.detector.evaluate.calibration import fit_scores
from training.detector.evaluate.matching import Band, Match
from training.detector.evaluate.scores import LEAST_SCORE, detect_pictures, score_results
from training.detector.pictures import (
    HELD_OUT_SHARES,
    HELD_OUT_SOURCES,
    Picture,
    held_out_part,
    load,
    training_part,
)
from training.release import WEIGHTS, today, write_model

NAME = "face_detector"

_CALIBRATED_FROM = Band(12)


@click.command(help=help_of(__doc__))
@pictures_argument
@click.option(
    "--run",
    type=PATH,
    default=Path("runs/detector"),
    show_default=True,
    help="Folder of the finished run.",
)
@click.option("--version", "number", required=True, help="Version of the model, for its card.")
@click.option("--min-score", default=0.5, show_default=True, help="Calibrated score of a new face.")
@click.option(
    "--min-score-photos",
    default=0.9,
    show_default=True,
    help="The same for photos, which are seen once.",
)
@click.option("--note", default="", help="One more sentence on the data.")
@click.option("--command", required=True, help="The command of the training, for the card.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=WEIGHTS,
    help="Folder to write face_detector.npz and .json into.  [default: the package's own]",
)
def main(
    data: tuple[Path, ...],
    run: Path,
    number: str,
    min_score: float,
    min_score_photos: float,
    note: str,
    command: str,
    out: Path,
) -> None:
    """Calibrate and score on the held-out part, and write the face detector and its card."""
    try:
        card = ship(data, run, number, min_score, min_score_photos, note, command, out)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(card, indent=1))


def ship(
    data: tuple[Path, ...],
    run: Path,
    number: str,
    min_score: float,
    min_score_photos: float,
    note: str,
    command: str,
    out: Path,
) -> dict[str, Any]:
    """Write `out`/face_detector; return its card.

    Raises:
        FervidError: data or run are missing or malformed, or no picture is held out.
    """
    pictures = load(data)
    held_out = held_out_part(pictures)
    if not held_out:
        raise FervidError("no picture of a held-out collection in the data")
    try:
        recipe = json.loads((run / "recipe.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FervidError(f"{run} contains no training run") from error
    del recipe["net"]
    trained = FaceDetector(run / "candidate", start_score=min_score, min_score=LEAST_SCORE)
    raw = Match.of(list(detect_pictures(trained, held_out)), _CALIBRATED_FROM)
    card = {
        "version": number,
        "task": "find faces, eyes and mouths in luma frames, in one pass at three strides",
        "config": trained.card["config"],
        "min_score": min_score,
        "min_score_photos": min_score_photos,
        "calibration": fit_scores(raw),
        "data": _data(training_part(pictures)) + (f" {note}" if note else ""),
        "splits": (
            f"Held out and never trained on: all of {', '.join(HELD_OUT_SOURCES)}; "
            f"{'; '.join(_shares())}."
        ),
        "limits": (
            "Often misses faces shorter than about 16 px at the working size, and people seen "
            "from behind or from far above. Sometimes mistakes statues, drawings, animals and "
            "printed pictures of faces for faces."
        ),
        "recipe": recipe,
        "license": "MIT",
        "date": today(),
        "command": command,
    }
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, NAME)
        write_model(whole, trained.network, card, np.float16)
        rounded = FaceDetector(whole, min_score=LEAST_SCORE)
        scores = score_results(list(detect_pictures(rounded, held_out)), min_score)
    for band in scores["bands"]:
        del band["curve"]
    card["metrics"] = scores
    write_model(out / NAME, trained.network, card, np.float16)
    return card


def _shares() -> list[str]:
    """The held-out shares of collections that are trained on, in words."""
    shares = sorted(set(HELD_OUT_SHARES.values()))
    return [
        f"one in {share} of "
        + ", ".join(source for source, own in HELD_OUT_SHARES.items() if own == share)
        for share in shares
    ]


def _data(pictures: list[Picture]) -> str:
    """The training data, in words."""
    sources = sorted({picture.source for picture in pictures})
    return (
        f"{len(pictures):,} grey pictures from the collections {', '.join(sources)}. A teacher "
        "(YuNet-n at two scales) labelled boxes, eyes and mouths. The labels of collections "
        "without people were checked by eye. The other labels contain the teacher's mistakes and "
        "lack the faces that it misses. The pictures are not distributed here."
    )


if __name__ == "__main__":
    main()
