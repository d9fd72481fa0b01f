r"""Collect what the detector mistakes for faces in pictures without faces.

    python -m training.detector.mine_negatives empty_hall.mp4 cats/ \
        --output mined.parquet

The sources are recordings, pictures and folders of pictures, none of which may show a face or be
used for evaluation, or data files of the training, of which the pictures without boxes that are not
held out are used. The output is another data file for `training.detector.train`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.detection.detector import FaceDetector
from fervid.errors import FervidError
from fervid.records import FrameBatch
from fervid.video.reader import VideoReader
from training.command_line import PATH, help_of, model_option
from training.detector.pictures import MINED_SOURCE, load, training_part

_CONTEXT = 3.0
_WORKING_SIZE = 640
_BATCH = 16
_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


def false_alarms(
    detector: FaceDetector, batches: Iterable[FrameBatch]
) -> Iterator[NDArray[np.uint8]]:
    """Yield the surroundings of each false box, three times its size, as (H, W) uint8 luma."""
    for batch in batches:
        _, height, width = batch.images.shape
        found = detector.detect(batch, (width, height))
        for frame, (x, y, w, h) in zip(found.frame, found.xywh, strict=True):
            side = _CONTEXT * max(w, h)
            left, top = max(0, int(x + w / 2 - side / 2)), max(0, int(y + h / 2 - side / 2))
            yield batch.images[frame, top : top + int(side), left : left + int(side)]


def frames_of(path: Path, fps: float) -> Iterator[FrameBatch]:
    """Frames of a recording, or pictures of a file or folder, at 640 pixels.

    Raises:
        FervidError: the path is neither a recording nor pictures.
    """
    if path.suffix == ".parquet":
        for known in training_part(load([path])):
            if not len(known.boxes):
                yield _laid_out(known.image)
        return
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    pictures = [file for file in files if file.suffix.lower() in _PICTURES]
    for file in pictures:
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise FervidError(f"not a picture: {file}")
        yield _laid_out(np.asarray(image, np.uint8))
    if not pictures and not path.is_dir():
        with VideoReader(path, working_size=_WORKING_SIZE, fps=fps) as reader:
            yield from reader


def _laid_out(image: NDArray[np.uint8]) -> FrameBatch:
    """A picture (H, W) scaled to 640 pixels, in the upper left of a square."""
    canvas = np.zeros((1, _WORKING_SIZE, _WORKING_SIZE), np.uint8)
    scale = _WORKING_SIZE / max(image.shape)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas[0, : small.shape[0], : small.shape[1]] = small[:_WORKING_SIZE, :_WORKING_SIZE]
    return FrameBatch(canvas, np.zeros(1, np.int64), np.zeros(1))


@click.command(help=help_of(__doc__))
@click.argument("sources", nargs=-1, required=True, type=PATH)
@model_option("face_detector")
@click.option("--min-score", default=0.1, show_default=True)
@click.option("--fps", default=2.0, show_default=True, help="Frames per second to search.")
@click.option("--output", type=PATH, required=True)
def main(sources: tuple[Path, ...], model: str, min_score: float, fps: float, output: Path) -> None:
    """Search the sources and write the Parquet file."""
    empty: list[float] = []
    try:
        if not output.parent.is_dir():
            raise FervidError(f"no such folder: {output.parent}")
        detector = FaceDetector(model, min_score=min_score)
        rows = [
            {
                "source": MINED_SOURCE,
                "image": cv2.imencode(".png", image)[1].tobytes(),
                "boxes": empty,
                "scores": empty,
            }
            for path in sources
            for image in false_alarms(detector, frames_of(path, fps))
        ]
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    pd.DataFrame(rows, columns=["source", "image", "boxes", "scores"]).to_parquet(output)
    click.echo(f"{len(rows)} false boxes from {len(sources)} sources")


if __name__ == "__main__":
    main()
