"""Small pictures of people where their expressions are clearest, for the report."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS, FACE_SIZE, FaceCrops, Thumbnail

SIDE = 96
"""Side of a picture in pixels."""

_AROUND = 1.5
"""Side of the picture as a multiple of the face's height."""

_LEAST_HEIGHT = 40.0
_MOST = 100
"""Pictures kept per expression, the best of all tracks. Up to twice as many are held at a time,
about 8 MB in all. Which are kept at the end does not depend on how frames come in batches."""

_QUALITY = [int(cv2.IMWRITE_JPEG_QUALITY), 80]


@dataclass(order=True, frozen=True)
class _Picture:
    """The best picture so far of a track and expression."""

    quality: float
    track: int
    expression: int
    time_s: float = field(compare=False)
    jpeg: bytes = field(compare=False)
    crop: NDArray[np.uint8] = field(compare=False)


class Portraits:
    """Keeps a picture of each track and expression, in bounded memory.

    Which expressions a person shows is known only at the end, when their resting face is known. But
    the clearest frame of a person is the same, whatever the face is compared with.

    Args:
        clarity: turns (N, 7) probabilities into (N, 7) clarity of each expression in nats,
            comparable between frames of one person.
    """

    def __init__(self, clarity: Callable[[NDArray[np.float32]], NDArray[np.float64]]) -> None:
        self._clarity = clarity
        self._best: dict[tuple[int, int], _Picture] = {}
        self._least = np.full(len(EXPRESSIONS), -np.inf)
        """Quality, for each expression, that enough pictures exceed already."""

    def add(
        self,
        rows: NDArray[Any],
        shrunk: float,
        crops_of: Callable[[list[int]], NDArray[np.uint8]],
        portrait_of: Callable[[int], bytes],
    ) -> None:
        """Add the next frames.

        Args:
            rows: their rows (`fervid.results.rows.ROW`).
            shrunk: pixels of the working frame per pixel of the displayed frame.
            crops_of: gives the (K, 48, 48) crops of some faces in these rows, by their numbers.
            portrait_of: gives the JPEG around one of these faces, see `portrait`.
        """
        fit = (rows["face_id"] > 0) & ~rows["filled"]
        fit &= rows["xywh"][:, 3] * shrunk >= _LEAST_HEIGHT
        face_of = np.cumsum(rows["face_id"] > 0) - 1
        rows, face_of = rows[fit], face_of[fit]
        quality = self._clarity(rows["probs"]) + np.log(rows["weight"])[:, None]
        pictures: dict[int, tuple[bytes, NDArray[np.uint8]]] = {}
        for row, key in self._better(rows["face_id"], quality):
            if row not in pictures:
                face = int(face_of[row])
                pictures[row] = portrait_of(face), crops_of([face])[0]
            value = float(quality[row, key[1]])
            self._best[key] = _Picture(value, *key, float(rows["time_s"][row]), *pictures[row])
        self._bound()

    def _better(
        self, track: NDArray[np.integer[Any]], quality: NDArray[np.float64]
    ) -> Iterator[tuple[int, tuple[int, int]]]:
        """Rows that are clearer than the kept pictures, with track and expression."""
        for one in np.unique(track).tolist():
            mine = np.flatnonzero(track == one)
            for expression, row in enumerate(mine[quality[mine].argmax(axis=0)].tolist()):
                kept = self._best.get((one, expression))
                least = self._least[expression] if kept is None else kept.quality
                if least < quality[row, expression]:
                    yield row, (one, expression)

    def _bound(self) -> None:
        """Drop pictures if there are too many."""
        if len(self._best) > 2 * _MOST * len(EXPRESSIONS):
            self._drop()

    def _drop(self) -> None:
        """Drop the least clear pictures of each expression if there are too many."""
        for expression in range(len(EXPRESSIONS)):
            mine = [one for one in self._best.values() if one.expression == expression]
            for picture in heapq.nsmallest(len(mine) - _MOST, mine):
                del self._best[picture.track, expression]
                self._least[expression] = picture.quality

    def chosen(
        self, person: Mapping[int, int], episodes: pd.DataFrame
    ) -> tuple[list[Thumbnail], FaceCrops]:
        """The best picture of each person and expression that lies in an episode of that
        expression.

        Args:
            person: the person of each track; other tracks are left out.
            episodes: the table of episodes.

        Returns:
            The pictures, and the classified crop of each.
        """
        spans = {
            key: mine[["onset", "offset"]].to_numpy(np.float64)
            for key, mine in episodes.groupby(["face_id", "expression"])
        }
        self._drop()
        chosen: dict[tuple[int, str], _Picture] = {}
        for picture in sorted(self._best.values()):
            if picture.track not in person:
                continue
            key = person[picture.track], EXPRESSIONS[picture.expression]
            inside = spans.get(key, np.zeros((0, 2)))
            if ((inside[:, 0] <= picture.time_s) & (picture.time_s < inside[:, 1])).any():
                chosen[key] = picture
        pictures = [chosen[key] for key in sorted(chosen)]
        thumbnails = [
            Thumbnail(*key, picture.time_s, picture.jpeg)
            for key, picture in zip(sorted(chosen), pictures, strict=True)
        ]
        images = np.array([picture.crop for picture in pictures], np.uint8)
        images = images.reshape(-1, FACE_SIZE, FACE_SIZE)
        return thumbnails, FaceCrops(images, np.arange(len(images), dtype=np.int32))


def portrait(frame: NDArray[np.uint8], xywh: NDArray[np.float32]) -> bytes:
    """The JPEG around the box of a face, in pixels of the (H, W) frame."""
    x, y, width, height = (float(value) for value in xywh)
    step = _AROUND * height / SIDE
    middle = (SIDE - 1) / 2
    matrix = np.array(
        [
            [step, 0, x + width / 2 - 0.5 - step * middle],
            [0, step, y + height / 2 - 0.5 - step * middle],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=flags)
    return cv2.imencode(".jpg", picture, _QUALITY)[1].tobytes()
