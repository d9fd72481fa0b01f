r"""Evaluate a face detector; writes evaluation.json, and evaluation.html to read.

    python -m training.evaluate_detector faces-*.parquet \
        --clips sample_media --compare yunet.onnx

DATA is what `training.detector.train` reads; only the part that is never trained on is used. The
page works offline and contains parts of the pictures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax

import fervid
from fervid.detection.detector import Detector, FaceDetector
from fervid.detection.yunet import YunetDetector
from fervid.errors import FervidError
from training.atomic import whole_file
from training.command_line import PATH, help_of, model_option, out_option, pictures_argument
from training.detector.evaluate.clips import clips_in, score_clip
from training.detector.evaluate.gallery import Mistake, worst
from training.detector.evaluate.page import render
from training.detector.evaluate.scores import LEAST_SCORE, detect_pictures, score_results
from training.detector.evaluate.size_response import clear_faces, load_stills, size_response
from training.detector.pictures import Picture, held_out_part, load, load_wider
from training.release import today

NAMES = ("evaluation.json", "evaluation.html")


@click.command(help=help_of(__doc__))
@pictures_argument
@model_option("face_detector")
@click.option("--wider", type=PATH, help="Folder of WIDER FACE, for its validation part.")
@click.option("--clips", type=PATH, help="Folder of recordings with NAME.truth.csv.")
@click.option("--stills", type=PATH, help="Folder of the Face Research Lab London Set's stills.")
@click.option("--compare", multiple=True, type=PATH, help="YuNet's ONNX file; repeatable.")
@out_option("runs/detector-evaluation", "Folder of the two files.")
def main(
    data: tuple[Path, ...],
    model: str,
    wider: Path | None,
    clips: Path | None,
    stills: Path | None,
    compare: tuple[Path, ...],
    out: Path,
) -> None:
    """Read everything, evaluate, write both files."""
    try:
        document = run(data, model, wider, clips, stills, compare, out)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = error.filename or out
        raise click.ClickException(f"{where}: {error.strerror or error}") from error
    for line in headlines(document):
        click.echo(line)
    click.echo(f"wrote {' and '.join(str(out / name) for name in NAMES)}")


def run(
    data: tuple[Path, ...],
    model: str,
    wider: Path | None,
    clips: Path | None,
    stills: Path | None,
    compare: tuple[Path, ...],
    out: Path,
) -> dict[str, Any]:
    """Evaluate, and write both files into `out`, which is created if needed; return the JSON.

    Raises:
        FervidError: an input is missing or malformed, or no picture is held out.
        OSError: a file cannot be read or written.
    """
    began = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    make: list[Callable[..., Detector]] = [partial(FaceDetector, model)]
    make += [partial(YunetDetector, path) for path in compare]
    usual = [detector() for detector in make]
    pictures = held_out_part(load(data))
    if not pictures:
        raise FervidError("no picture of a held-out collection in the data")
    parts = {"held_out": pictures}
    if wider:
        parts["wider"] = load_wider(wider, "val")
    recordings = clips_in(clips) if clips else []
    tiles = load_stills(stills) if stills else []
    detectors: list[dict[str, Any]] = []
    mistakes: dict[str, list[Mistake]] = {}
    for detector, followed in zip(make, usual, strict=True):
        every = detector(min_score=LEAST_SCORE)
        results = {name: list(detect_pictures(every, part)) for name, part in parts.items()}
        detectors.append(
            {
                **{key: every.card.get(key) for key in ("name", "version", "sha256")},
                "start_score": every.start_score,
                "calibrated": "calibration" in every.card,
                **{
                    name: score_results(found, every.start_score) for name, found in results.items()
                },
                "sizes": _sizes(followed, tiles, pictures),
                "clips": [score_clip(followed, *clip) for clip in recordings],
            }
        )
        mistakes = mistakes or worst(results["held_out"], every.start_score)
    document = {
        "detectors": detectors,
        "made": {
            "data": [path.name for path in data],
            "date": today(),
            "fervid": fervid.__version__,
            "jax": jax.__version__,
            "seconds": round(time.perf_counter() - began, 1),
        },
    }
    texts = (json.dumps(document, indent=1, allow_nan=False) + "\n", render(document, mistakes))
    for name, text in zip(NAMES, texts, strict=True):
        with whole_file(out / name) as file:
            file.write(text.encode())
    return document


def _sizes(
    detector: Detector, stills: list[Picture], pictures: list[Picture]
) -> dict[str, list[dict[str, Any]]]:
    """The response by height of the face, for stills and for held-out pictures, if possible."""
    scenes = [picture for picture in pictures if not len(picture.boxes)]
    parts = {"stills": (stills, []), "pictures": ([], clear_faces(pictures))}
    return {
        name: size_response(detector, *faces, scenes)
        for name, faces in parts.items()
        if scenes and any(faces)
    }


def headlines(document: dict[str, Any]) -> list[str]:
    """Lines for the terminal: each detector's scores on the held-out pictures and the clips."""
    lines = []
    for detector in document["detectors"]:
        scores = detector["held_out"]
        raw = "" if detector["calibrated"] else ", scores not calibrated"
        lines.append(f"{detector['name']}, {scores['pictures']} held-out pictures{raw}:")
        lines += [
            f"  {band['title']}: AP {band['average_precision']:.3f}, recall at 95% precision "
            f"{band['recall_at_95']:.3f} ({band['faces']} faces)"
            for band in scores["bands"]
        ]
        usual, large = scores["default"], scores["bands"][-1]["default"]
        lines.append(
            f"  from score {usual['score']}: precision {usual['precision']:.3f}, recall "
            f"{usual['recall']:.3f}; of 48 px and more {large['precision']:.3f}, "
            f"{large['recall']:.3f}; {usual['false_boxes_per_faceless_picture']:.3f} false boxes a "
            "picture without people"
        )
        lines += [
            f"  {name} of {faces[0]['height']:.0f} to {faces[-1]['height']:.0f} px, found: "
            + " ".join(f"{row['found']:.3f}" for row in faces)
            for name, faces in detector["sizes"].items()
        ]
        if scores["points"]["faces"]:
            lines.append(f"  eyes: median error {scores['points']['eyes']:.3f} eye distances")
        lines += [
            f"  {clip['clip']}: {clip['found']:.1%} of {clip['visible']} visible faces found, "
            f"{clip['false']:.1%} of {clip['boxes']} boxes false"
            for clip in detector["clips"]
        ]
    return lines


if __name__ == "__main__":
    main()
