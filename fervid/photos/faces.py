"""The faces of photos and their expressions: many photos a call, each network compiled once."""

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
"""A photo is seen once: it is searched so many times as finely as a recording's frames."""


@dataclass(frozen=True)
class PhotoFaces:
    """The N faces of one photo, from left to right.

    Attributes:
        faces: where they are, in pixels of the photo as displayed.
        expressions: (N, 7) probabilities.
        frontality: (N,) float32, see `fervid.detection.framing.frontality`.
        sharpness: (N,) float32, see `fervid.tracking.appearance.sharpness`.
    """

    faces: Detections
    expressions: Expressions
    frontality: NDArray[np.float32]
    sharpness: NDArray[np.float32]

    @classmethod
    def empty(cls) -> Self:
        """No face at all."""
        none = np.zeros(0, np.float32)
        return cls(Detections.empty(), Expressions.empty(), none, none)

    def __len__(self) -> int:
        return len(self.faces)


class PhotoAnalyzer:
    """Finds and reads the faces of any number of photos.

    Args:
        settings: those that are about time do not count.

    Attributes:
        engine: with both models.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)

    def find(self, photos: Sequence[Photo]) -> list[PhotoFaces]:
        """The faces of some photos.

        What is found in a photo does not depend on the others.

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
        """The faces of each photo, from left to right."""
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
    """The shapes of canvases, and which ones have each."""
    places: dict[Shape, list[int]] = defaultdict(list)
    for place, canvas in enumerate(canvases):
        height, width = canvas.image.shape
        places[height, width].append(place)
    yield from places.items()
