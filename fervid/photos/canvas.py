"""Puts photos of any size on canvases of a few sizes, as each input size is compiled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.photos.reading import Photo
from fervid.records import PAD_MULTIPLE, Detections

Shape = tuple[int, int]
"""Height and width in pixels."""

_LEAST = 320


@dataclass(frozen=True)
class Canvas:
    """A photo scaled for the search, in the upper left corner of a canvas.

    Attributes:
        image: (H, W) uint8 luma; the photo's last row and column are repeated to the edges.
        used: height and width of the photo on the canvas.
    """

    image: NDArray[np.uint8]
    used: Shape

    def displayed(self, found: Detections, displayed: tuple[int, int]) -> Detections:
        """Convert faces from pixels of the canvas to pixels of the photo.

        Args:
            found: N faces in pixels of the canvas, all in one frame.
            displayed: width and height of the photo in pixels.

        Returns:
            The faces that are at least partly in the photo.
        """
        corners = np.concatenate([found.xywh[:, :2], found.xywh[:, :2] + found.xywh[:, 2:]], axis=1)
        working = self.used[::-1]
        inside = np.clip(corners, 0, np.array([*working, *working], np.float32))
        frame = np.zeros(len(found), np.int32)
        return Detections.displayed(
            frame, inside, found.score, found.points, (working[0], working[1]), displayed
        )


def lay_out(photo: Photo, longest: int, scale: float | None = None) -> Canvas:
    """Scale a photo for the search, and pad it to a canvas.

    Args:
        photo: a photo of any size.
        longest: longer side in pixels to scale down to; smaller photos are not enlarged.
        scale: factor to scale by instead.
    """
    factor = scale or min(1.0, longest / max(photo.displayed))
    width, height = (max(1, round(side * factor)) for side in photo.displayed)
    luma, used = photo.luma, (height, width)
    if used != luma.shape:
        luma = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    shape = _shape(used, longest)
    below, right = shape[0] - height, shape[1] - width
    return Canvas(np.pad(luma, ((0, below), (0, right)), mode="edge"), used)


def _shape(used: Shape, longest: int) -> Shape:
    """The smallest canvas that fits: upright (3:4), flat (4:3) or square, and `longest` halved any
    number of times."""
    long, short = max(used), min(used)
    side = longest
    while side % 2 == 0 and long <= side // 2 >= _LEAST:
        side //= 2
    side = max(side, long)
    other = side if 4 * short > 3 * side else 3 * side // 4
    more, less = (-(-length // PAD_MULTIPLE) * PAD_MULTIPLE for length in (side, other))
    return (more, less) if used[0] > used[1] else (less, more)
