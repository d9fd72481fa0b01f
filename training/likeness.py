"""Fits the likeness model, which distinguishes people without labels or a network.

    python -m training.likeness fer2013.parquet faces-*.parquet

The model is the mean and the main components of the textures of many faces, which
`fervid.tracking.likeness` uses. Takes half a minute on two cores.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fervid.detection.crops import crop
from fervid.errors import FervidError
from fervid.records import Detections, FrameBatch
from fervid.tracking.appearance import textures
from training import fer2013
from training.answers import NO_FACES
from training.command_line import PATH
from training.detector.pictures import Picture, held_out_part, load, training_part
from training.release import WEIGHTS, today, write_files

COMPONENTS = 256
_LEAST_HEIGHT = 40.0
_TELEVISION = "youtube-faces"
_LEFT_OUT = {_TELEVISION, "mask-detection", "mask-observations"}
"""Collections that are not used: for testing, and faces behind masks."""
_FER_EVERY = 4


def fit(looks: NDArray[np.float32], count: int = COMPONENTS) -> dict[str, NDArray[Any]]:
    """The arrays of the model.

    Args:
        looks: (N, P) textures of faces.
        count: components to keep.

    Returns:
        `mean` (P,) float16, `components` (P, D) int8, and `scale` (D,) float32 to multiply these
        by, so that the components of faces have unit variance.
    """
    mean = looks.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(looks - mean, rowvar=False).astype(np.float64))
    axes, variance = axes[:, ::-1][:, :count], variance[::-1][:count]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    step = np.abs(axes).max(axis=0) / 127
    return {
        "mean": mean.astype(np.float16),
        "components": np.rint(axes / step).astype(np.int8),
        "scale": (step / np.sqrt(variance)).astype(np.float32),
    }


def crops_of(pictures: Iterable[Picture]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(N, 48, 48) certain and large enough faces, and the number of each one's picture."""
    found = [NO_FACES]
    number = [np.zeros(0, np.int64)]
    for k, picture in enumerate(pictures):
        good = picture.sure & (picture.boxes[:, 3] >= _LEAST_HEIGHT)
        good &= np.isfinite(picture.points).all(axis=(1, 2))
        rows = np.zeros(good.sum(), np.int32)
        faces_there = Detections(
            rows, picture.boxes[good], picture.scores[good], picture.points[good]
        )
        batch = FrameBatch(picture.image[None], np.zeros(1, np.int64), np.zeros(1))
        height, width = picture.image.shape
        if len(rows):
            found.append(crop(batch, faces_there, (width, height)).images)
            number.append(np.full(len(rows), k))
    return np.concatenate(found), np.concatenate(number)


def _metrics(model: dict[str, NDArray[Any]], pictures: list[Picture]) -> dict[str, Any]:
    """Likeness of two faces in one picture, and of faces in two random pictures from television."""
    crops, picture = crops_of(pictures)
    looks = (textures(crops) - model["mean"]) @ (model["components"] * model["scale"])
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    alike = looks @ looks.T
    television = np.array([pictures[k].source == _TELEVISION for k in picture], np.bool_)
    pair = np.triu(np.ones(alike.shape, np.bool_), 1)
    chosen = {
        "in_one_picture": pair & (picture[:, None] == picture),
        "on_television": pair & television & television[:, None] & (picture[:, None] != picture),
    }
    return {name: _spread(alike[mask]) for name, mask in chosen.items()}


def _spread(alike: NDArray[np.float32]) -> dict[str, Any]:
    shares = (0.5, 0.99, 0.999)
    values = np.quantile(alike, shares).round(3).tolist()
    return {"pairs": len(alike), **dict(zip(map(str, shares), values, strict=True))}


@click.command()
@click.argument("fer", type=PATH)
@click.argument("parts", type=PATH, nargs=-1, required=True)
@click.option(
    "--out",
    type=PATH,
    default=WEIGHTS / "face_likeness",
    help="Path of the model without suffix.  [default: the package's own]",
)
def main(fer: Path, parts: tuple[Path, ...], out: Path) -> None:
    """Fit the model to FER-2013 (FER) and pictures with face boxes (PARTS, Parquet)."""
    try:
        posed = fer2013.load(fer).split("Training").images[::_FER_EVERY]
        everything = load(parts)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    used = [one for one in training_part(everything) if one.source not in _LEFT_OUT]
    television = [one for one in everything if one.source == _TELEVISION]
    held_out = [*held_out_part(everything), *television]
    found, _ = crops_of(used)
    model = fit(textures(np.concatenate([posed, found])))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **model)
    card = {
        "version": "0.1",
        "task": "compare two faces of one recording",
        "data": f"Faces without labels: {len(posed):,} from FER-2013's split Training (every "
        f"fourth one), and {len(found):,} from the pictures that the face detector is trained on, "
        "without those from television and from two collections of masks. None of them is "
        "distributed here.",
        "splits": "Held out: pictures from television, and those on which the detector is scored.",
        "metrics": _metrics(model, held_out),
        "metrics_note": "Likeness of two faces: the median, and the values that 1% and 0.1% of the "
        "pairs exceed. A few pairs show the same person, mostly those from television.",
        "limits": "Distinguishes the people in one recording. It does not say who they are, and "
        "must not be used to recognise anyone in another recording. Not evaluated by age, gender "
        "or skin colour. Faces shorter than 40 pixels, and profiles, all look similar to it.",
        "date": today(),
        "command": "python -m training.likeness fer2013.parquet faces-*.parquet",
        "license": "MIT",
    }
    write_files(out, buffer.getvalue(), card)


if __name__ == "__main__":
    main()
