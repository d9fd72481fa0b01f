"""Small pictures of people where they show an expression most clearly, for the report."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS, FACE_SIZE, FaceCrops, FrameBatch, Thumbnail

SIDE = 96
"""Pixels."""

_AROUND = 1.5
"""Side of the picture in heights of the face."""

_LEAST_HEIGHT = 40.0
_MOST = 600
"""Pictures that are kept at a time, the best of all tracks: about 3 MB."""

_QUALITY = [int(cv2.IMWRITE_JPEG_QUALITY), 80]


@dataclass(order=True, frozen=True)
class _Picture:
    """The best one so far of an expression of a track."""

    quality: float
    track: int
    expression: int
    time_s: float = field(compare=False)
    jpeg: bytes = field(compare=False)
    crop: NDArray[np.uint8] = field(compare=False)


class Portraits:
    """Keeps a picture of each expression of each track, in bounded memory.

    Args:
        certain_from: least probability of the expression in that frame.
    """

    def __init__(self, certain_from: float) -> None:
        self._certain_from = certain_from
        self._best: dict[tuple[int, int], _Picture] = {}

    def add(self, batch: FrameBatch, rows: NDArray[Any], crops: FaceCrops, shrunk: float) -> None:
        """Look at the next frames.

        Args:
            batch: T of them.
            rows: their rows, of `fervid.results.rows.ROW`.
            crops: of the faces in these rows, in their order.
            shrunk: pixels of the working frame a pixel of the displayed one.
        """
        probs = rows["probs"]
        quality = probs.max(axis=1) * rows["weight"]
        fit = (rows["face_id"] > 0) & ~rows["filled"] & (probs.max(axis=1) >= self._certain_from)
        fit &= rows["xywh"][:, 3] * shrunk >= _LEAST_HEIGHT
        best_first = np.flatnonzero(fit)[np.argsort(-quality[fit], kind="stable")]
        crop_of = np.cumsum(rows["face_id"] > 0) - 1
        keys = rows["face_id"][best_first] * len(EXPRESSIONS) + probs[best_first].argmax(axis=1)
        for row in best_first[np.unique(keys, return_index=True)[1]].tolist():
            key = int(rows["face_id"][row]), int(probs[row].argmax())
            if key in self._best and self._best[key].quality >= quality[row]:
                continue
            frame = batch.images[int(np.searchsorted(batch.index, rows["frame"][row]))]
            jpeg = _cut(frame, rows["xywh"][row] * shrunk)
            time_s = float(rows["time_s"][row])
            crop = crops.images[crop_of[row]].copy()
            self._best[key] = _Picture(float(quality[row]), *key, time_s, jpeg, crop)
        if len(self._best) > 2 * _MOST:
            kept = heapq.nlargest(_MOST, self._best.values())
            self._best = {(picture.track, picture.expression): picture for picture in kept}

    def chosen(
        self, person: Mapping[int, int], episodes: pd.DataFrame
    ) -> tuple[list[Thumbnail], FaceCrops]:
        """The best picture of each expression of each person that lies in such an episode.

        Args:
            person: the person that each track shows.
            episodes: the table of episodes.

        Returns:
            The pictures, and for each of them the crop that was classified.
        """
        spans = {
            key: mine[["onset", "offset"]].to_numpy(np.float64)
            for key, mine in episodes.groupby(["face_id", "expression"])
        }
        chosen: dict[tuple[int, str], _Picture] = {}
        for picture in sorted(self._best.values()):
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


def _cut(frame: NDArray[np.uint8], xywh: NDArray[np.float32]) -> bytes:
    """The JPEG around a box in pixels of the frame."""
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
