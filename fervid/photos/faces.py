"""The faces of photos and their expressions: many photos a call, each network compiled once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fervid.detection.crops import crop
from fervid.detection.framing import frontality
from fervid.photos.canvas import Canvas, Shape, lay_out
from fervid.photos.reading import Photo
from fervid.pipeline import Analyzer
from fervid.records import FACE_SIZE, Detections, Expressions, FaceCrops, FrameBatch
from fervid.settings import Settings
from fervid.tracking.appearance import sharpness

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
    """Both models, for any number of photos.

    Args:
        settings: those that are about time do not count.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._models = Analyzer(settings)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The model cards of detector and classifier."""
        return [self._models.detector.card, self._models.classifier.card]

    @property
    def warnings(self) -> Sequence[str]:
        """What a reader of the probabilities should know, one line each."""
        return self._models.classifier.warnings

    @property
    def start_score(self) -> float:
        """Detector score from which a face counts."""
        return self._models.detector.start_score

    def classify(self, crops: NDArray[np.uint8]) -> Expressions:
        """(N, 48, 48) uint8 luma of framed faces -> (N, 7) probabilities."""
        row = np.arange(len(crops), dtype=np.int32)
        return self._models.classifier.classify(FaceCrops(crops, row))

    def find(self, photos: Sequence[Photo]) -> list[PhotoFaces]:
        """The faces of some photos.

        What is found in a photo does not depend on the others.

        Raises:
            ModelError, SetupError: see `fervid.pipeline.Analyzer`.
        """
        if not photos:
            return []
        found = self._search(photos)
        crops = [_crops(photo, one) for photo, one in zip(photos, found, strict=True)]
        images = np.concatenate([np.zeros((0, FACE_SIZE, FACE_SIZE), np.uint8), *crops])
        probs = self.classify(images).probs
        ends = np.cumsum([len(one) for one in found])[:-1]
        return [
            PhotoFaces(one, Expressions(own), frontality(one.points), sharpness(cut))
            for one, own, cut in zip(found, np.split(probs, ends), crops, strict=True)
        ]

    def _search(self, photos: Sequence[Photo]) -> list[Detections]:
        """The faces of each photo, from left to right."""
        longest, scale = FINER * self.settings.working_size, self.settings.scale
        canvases = [lay_out(photo, longest, scale) for photo in photos]
        found = [Detections.empty()] * len(photos)
        for shape, places in _by_shape(canvases):
            images = np.stack([canvases[place].image for place in places])
            count = np.arange(len(places), dtype=np.int64)
            batch = FrameBatch(images, count, np.zeros(len(places)))
            together = self._wanted(self._models.detector.detect(batch, shape[::-1]))
            for row, place in enumerate(places):
                own = together[together.frame == row]
                placed = canvases[place].displayed(own, photos[place].displayed)
                found[place] = placed[np.argsort(placed.xywh[:, 0], kind="stable")]
        return found

    def _wanted(self, found: Detections) -> Detections:
        tall = found.xywh[:, 3] >= self.settings.min_face
        return found[tall & (found.score >= self.start_score)]


def _by_shape(canvases: Sequence[Canvas]) -> Iterator[tuple[Shape, list[int]]]:
    """The shapes of canvases, and which ones have each."""
    places: dict[Shape, list[int]] = defaultdict(list)
    for place, canvas in enumerate(canvases):
        height, width = canvas.image.shape
        places[height, width].append(place)
    yield from places.items()


def _crops(photo: Photo, found: Detections) -> NDArray[np.uint8]:
    return crop(photo.as_frame(), found, photo.displayed).images
