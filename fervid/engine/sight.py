"""What pictures tell of faces: all that an analysis asks of them once it knows where faces are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, Expressions, FrameBatch
from fervid.tracking.portraits import portrait

if TYPE_CHECKING:
    from fervid.engine.engine import Engine


@dataclass(frozen=True)
class Reading:
    """What N faces of some frames show.

    Attributes:
        expressions: (N, 7) probabilities.
        sharpness: (N,) float32, see `fervid.tracking.appearance.sharpness`.
        crops_of: gives the (K, 48, 48) uint8 crops of some of the faces, by their rows.
        portrait_of: gives the JPEG around one of the faces, by its row.
    """

    expressions: Expressions
    sharpness: NDArray[np.float32]
    crops_of: Callable[[list[int]], NDArray[np.uint8]]
    portrait_of: Callable[[int], bytes]


class Sight(Protocol):
    """Reads faces."""

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """What the faces of some frames show."""


class DirectSight:
    """Reads faces in the pictures of the frames.

    Args:
        engine: classifies them.
        displayed: width and height in pixels of the displayed frame.
        shrunk: height of the searched frames over that of the displayed one.
    """

    def __init__(self, engine: Engine, displayed: tuple[int, int], shrunk: float) -> None:
        self._engine, self._displayed, self._shrunk = engine, displayed, shrunk

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """What the faces of some frames show."""
        (readings,) = self._engine.read((batch, faces, self._displayed))

        def portrait_of(face: int) -> bytes:
            return portrait(batch.images[faces.frame[face]], faces.xywh[face] * self._shrunk)

        crops = readings.crops.images
        return Reading(readings.expressions, readings.sharpness, crops.__getitem__, portrait_of)
