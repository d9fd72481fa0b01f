"""Collect what the detector takes for faces in recordings that show none.

    python -m training.detector.mine_negatives empty_hall.mp4 \\
        --candidate runs/detector/candidate.npz --output mined.parquet

The output is one more data file for `training.detector.train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.detector import FaceDetector
from fervid.video import VideoReader
from training.detector.evaluate import load_candidate
from training.detector.faces import MINED_SOURCE

_CONTEXT = 3.0


def false_alarms(
    detector: FaceDetector, recording: Path, fps: float
) -> Iterator[NDArray[np.uint8]]:
    """Surroundings of each false box, three times its size, as (H, W) uint8 luma."""
    with VideoReader(recording, fps=fps) as reader:
        for batch in reader:
            _, height, width = batch.images.shape
            found = detector.detect(batch, (width, height), batch_size=16)
            for frame, (x, y, w, h) in zip(found.frame, found.xywh, strict=True):
                side = _CONTEXT * max(w, h)
                left, top = max(0, int(x + w / 2 - side / 2)), max(0, int(y + h / 2 - side / 2))
                yield batch.images[frame, top : top + int(side), left : left + int(side)]


@click.command(help=__doc__)
@click.argument("recordings", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--candidate", type=click.Path(path_type=Path), help="Default: the shipped one.")
@click.option("--min-score", default=0.2, show_default=True)
@click.option("--fps", default=2.0, show_default=True, help="Frames a second to search.")
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(
    recordings: tuple[Path, ...],
    candidate: Path | None,
    min_score: float,
    fps: float,
    output: Path,
) -> None:
    """Search the recordings, none of which may show a face, and write the Parquet file."""
    detector = (
        load_candidate(candidate, min_score=min_score)
        if candidate
        else FaceDetector.load(min_score=min_score)
    )
    images = [image for path in recordings for image in false_alarms(detector, path, fps)]
    empty: list[float] = []
    rows = [
        {"source": MINED_SOURCE, "image": cv2.imencode(".png", image)[1].tobytes(),
         "boxes": empty, "scores": empty}
        for image in images
    ]  # fmt: skip
    pd.DataFrame(rows, columns=["source", "image", "boxes", "scores"]).to_parquet(output)
    click.echo(f"{len(rows)} false boxes from {len(recordings)} recordings")


if __name__ == "__main__":
    main()
