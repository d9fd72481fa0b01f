"""Finds and classifies the faces of many photos per call, with each network compiled once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fervid.engine.engine import Engine
from fervid.photos.canvas import Canvas, Shape, lay_out
from fervid.photos.reading import Photo
from fervid.records import Detections, Expressions, FrameBatch
from fervid.settings import Settings

FINER = 2
"""Factor by which photos are searched at a larger size than frames, as each is seen only once."""


@dataclass(frozen=True)
class PhotoFaces:
    """The N faces of one photo, from left to right.

    Attributes:
        faces: the faces, in pixels of the displayed photo.
        expressions: the expressions.
        frontality: (N,) float32, see `fervid.detection.framing.frontality`.
        sharpness: (N,) float32, see `fervid.tracking.appearance.sharpness`.
    """

    faces: Detections
    expressions: Expressions
    frontality: NDArray[np.float32]
    sharpness: NDArray[np.float32]

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        none = np.zeros(0, np.float32)
        return cls(Detections.empty(), Expressions.empty(), none, none)

    def __len__(self) -> int:
        return len(self.faces)


class PhotoAnalyzer:
    """Finds and classifies the faces of any number of photos.

    Args:
        settings: settings; those that concern time have no effect.

    Attributes:
        engine: the engine with both models.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)

    def find(self, photos: Sequence[Photo]) -> list[PhotoFaces]:
        """Find the faces in some photos.

        The faces found in a photo do not depend on the other photos.

        Raises:
            ModelError, SetupError: see `fervid.engine.engine.Engine`.
        """
        if not photos:
            return []
        found = self._search(photos)
        readings = self.engine.read(
            *(
                (photo.as_frame(), one, photo.displayed)
                for photo, one in zip(photos, found, strict=True)
            )
        )
        return [
            PhotoFaces(faces, one.expressions, one.frontality, one.sharpness)
            for faces, one in zip(found, readings, strict=True)
        ]

    def _search(self, photos: Sequence[Photo]) -> list[Detections]:
        """Search each photo; faces go from left to right."""
        longest, scale = FINER * self.settings.search_size, self.settings.scale
        canvases = [lay_out(photo, longest, scale) for photo in photos]
        found = [Detections.empty()] * len(photos)
        for shape, places in _by_shape(canvases):
            images = np.stack([canvases[place].image for place in places])
            count = np.arange(len(places), dtype=np.int64)
            batch = FrameBatch(images, count, np.zeros(len(places)))
            together = self.engine.detect(batch, shape[::-1], 1.0)
            together = together[together.score >= self.engine.detector.photo_score]
            for row, place in enumerate(places):
                own = together[together.frame == row]
                placed = canvases[place].displayed(own, photos[place].displayed)
                found[place] = placed[np.argsort(placed.xywh[:, 0], kind="stable")]
        return found


def _by_shape(canvases: Sequence[Canvas]) -> Iterator[tuple[Shape, list[int]]]:
    """The indices of the canvases of each shape."""
    places: dict[Shape, list[int]] = defaultdict(list)
    for place, canvas in enumerate(canvases):
        height, width = canvas.image.shape
        places[height, width].append(place)
    yield from places.items()
