"""What tracking needs from frames, so that it can run again without their pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch
from fervid.tracking.appearance import patches

_SIZE = (64, 36)
_MEAN, _SPREAD, _LEAST_SPREAD = 128.0, 50.0, 8.0


@dataclass(frozen=True)
class FrameFaces:
    """T frames and the faces in them, with everything that tracking needs.

    Attributes:
        batch: the frames; their pictures may be of size 0.
        faces: N faces.
        looks: (N, 16) float32 patches of the faces; see `fervid.tracking.appearance.patches`.
        changes: (T,) float64; see `Changes`.
    """

    batch: FrameBatch
    faces: Detections
    looks: NDArray[np.float32]
    changes: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        batch: FrameBatch,
        faces: Detections,
        displayed: tuple[int, int],
        changes: NDArray[np.float64],
    ) -> FrameFaces:
        """Make this from frames with pictures; `displayed` is the size of the frame that boxes are
        in."""
        looks = patches(batch.images, faces.frame, faces.xywh, displayed)
        return cls(batch, faces, looks, changes)


class Changes:
    """Measures how much each frame differs from the one before.

    Pictures of 64 x 36 pixels are compared after equalising mean and contrast, so that flashes and
    fades matter little.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def of(self, batch: FrameBatch) -> NDArray[np.float64]:
        """(T,) mean difference of grey values of the next frames; 0 for the first frame."""
        changes = np.zeros(len(batch))
        for row, image in enumerate(batch.images):
            now, before = _small(image), self._before
            changes[row] = 0.0 if before is None else cv2.norm(now, before, cv2.NORM_L1) / now.size
            self._before = now
        return changes


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame as a small picture (36, 64) with mean 128 and standard deviation 50."""
    small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_LINEAR)
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(small))
    scale = _SPREAD / max(spread, _LEAST_SPREAD)
    return np.asarray(cv2.addWeighted(small, scale, small, 0.0, _MEAN - scale * mean), np.uint8)
