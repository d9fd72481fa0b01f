"""Reads located faces in the pictures of frames: expressions, sharpness, crops and portraits."""

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
    """Readings of N faces in some frames.

    Attributes:
        expressions: the expressions.
        sharpness: (N,) float32, see `fervid.tracking.appearance.sharpness`.
        crops_of: returns the (K, 48, 48) uint8 crops of some of the faces, given their rows.
        portrait_of: returns the portrait of one of the faces as JPEG, given its row.
    """

    expressions: Expressions
    sharpness: NDArray[np.float32]
    crops_of: Callable[[list[int]], NDArray[np.uint8]]
    portrait_of: Callable[[int], bytes]


class FaceReader(Protocol):
    """The interface of classes that read faces."""

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """Read the faces of some frames."""


class PictureReader:
    """Reads faces in the pictures of the frames.

    Args:
        engine: classifies the faces.
        displayed: width and height in pixels of the displayed frame.
        shrunk: height of the searched frames divided by that of the displayed frame.
    """

    def __init__(self, engine: Engine, displayed: tuple[int, int], shrunk: float) -> None:
        self._engine, self._displayed, self._shrunk = engine, displayed, shrunk

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """Read the faces of some frames."""
        (readings,) = self._engine.read((batch, faces, self._displayed))

        def portrait_of(face: int) -> bytes:
            return portrait(batch.images[faces.frame[face]], faces.xywh[face] * self._shrunk)

        crops = readings.crops.images
        return Reading(readings.expressions, readings.sharpness, crops.__getitem__, portrait_of)
