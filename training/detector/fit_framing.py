"""Fit the crop rule: where a detected box lies in FER-2013's own frame.

    python -m training.detector.fit_framing fer2013.csv

Training images are pasted, scaled up, into larger canvases; the detector finds the faces, and the
constants of `fervid.faces` are the medians that turn its boxes back into the images' squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detector import FaceDetector
from fervid.records import FrameBatch
from training import fer2013

_CANVAS = 256
_BATCH = 16


@dataclass(frozen=True)
class Framing:
    """Boxes found on pasted FER-2013 images.

    Attributes:
        xywh: (N, 4) float32 boxes found, in pixels of the canvas.
        square: (N, 3) float32 left, top and side of the pasted images.
        n_images: images pasted, found or not.
    """

    xywh: NDArray[np.float32]
    square: NDArray[np.float32]
    n_images: int

    def constants(self) -> dict[str, float]:
        """Medians of side, shift right and shift down, as shares of the box's height."""
        x, y, w, h = self.xywh.T
        left, top, side = self.square.T
        return {
            "SIDE_BY_HEIGHT": float(np.median(side / h)),
            "SHIFT_X": float(np.median((left + side / 2 - x - w / 2) / h)),
            "SHIFT_Y": float(np.median((top + side / 2 - y - h / 2) / h)),
        }


def detect_pasted(detector: FaceDetector, images: NDArray[np.uint8], *, seed: int = 0) -> Framing:
    """Paste (N, 48, 48) uint8 images at 1.5 to 3.5 times their size and detect the faces."""
    rng = np.random.default_rng(seed)
    boxes, squares = [], []
    for start in range(0, len(images) - len(images) % _BATCH, _BATCH):
        canvas = np.empty((_BATCH, _CANVAS, _CANVAS), np.uint8)
        placed = np.empty((_BATCH, 3), np.float32)
        for row, image in enumerate(images[start : start + _BATCH]):
            canvas[row], placed[row] = _paste(rng, image)
        index = np.arange(_BATCH)
        batch = FrameBatch(canvas, index, index.astype(np.float64))
        found = detector.detect(batch, (_CANVAS, _CANVAS))
        # Detections come by falling score within a frame: the first of each frame is the best.
        frames, first = np.unique(found.frame, return_index=True)
        boxes.append(found.xywh[first])
        squares.append(placed[frames])
    return Framing(np.concatenate(boxes), np.concatenate(squares), len(images))


def _paste(
    rng: np.random.Generator, image: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    side = int(rng.integers(72, 169))
    left, top = rng.integers(20, _CANVAS - side - 20, 2)
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    # Blurred replication continues the picture without inventing edges or faces.
    frame = cv2.copyMakeBorder(
        large, int(top), _CANVAS - side - int(top), int(left), _CANVAS - side - int(left),
        cv2.BORDER_REPLICATE,
    )  # fmt: skip
    frame = cv2.blur(frame, (15, 15))
    frame[top : top + side, left : left + side] = large
    return np.asarray(frame, np.uint8), np.array([left, top, side], np.float32)


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--images", default=2048, show_default=True)
@click.option("--candidate", type=click.Path(path_type=Path), help="Default: the shipped one.")
def main(data: Path, images: int, candidate: Path | None) -> None:
    """Print the constants for `fervid.faces`."""
    from training.detector.evaluate import load_candidate

    detector = load_candidate(candidate, min_score=0.4) if candidate else FaceDetector.load()
    framing = detect_pasted(detector, fer2013.load(data).split("Training").images[:images])
    click.echo(f"found on {len(framing.xywh)} of {framing.n_images} images")
    for name, value in framing.constants().items():
        click.echo(f"{name} = {value:.3f}")


if __name__ == "__main__":
    main()
