"""Hides faces: those in the tables, and all that a search of every frame finds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.exports.drawing import Image
from fervid.results.codebook import BOX_COLUMNS
from fervid.results.files import read_frames, read_meta
from fervid.tracking.tracks import iou

_HELD_S = 0.3
"""Seconds for which a face is hidden before and after each moment at which it was found."""

_BRIDGED_S = 3.0
"""Between moments no further apart than this many seconds, a face is assumed to move linearly."""

_STEP_S = 0.1
_WIDER = 0.3
"""Share of a box's longer side added on all sides, because hair, ears and chin identify people."""

_CELLS = 2
"""Cells of the mosaic across a face; more cells begin to look like the face."""

_PALER = {"mosaic": 0.5, "soft": 0.8}
"""Weight of the mean colour in each cell, because dark hair over skin still looks like a face. A
soft blur needs more of it, as it lacks the edges of a mosaic."""

_SAME = 0.2
"""Overlap at which a box is the face of a person who stays visible."""


class Hidden:
    """The parts of the picture that are hidden at each time.

    Args:
        time_s: (N,) seconds, ascending.
        xywh: (N, 4) left, top, width, height in pixels of the displayed picture.
        soft: use a blur instead of a mosaic.
    """

    def __init__(self, time_s: NDArray[np.float64], xywh: NDArray[np.float64], soft: bool) -> None:
        self._time_s, self._xywh, self._soft = time_s, xywh, soft

    @classmethod
    def of(cls, folder: Path, recording: Path, keep: Iterable[int], soft: bool) -> Hidden:
        """Hide all faces in a result's recording except those of some people.

        Raises:
            ResultError: a person does not exist, or the tables are damaged.
            MediaError, ModelError, SetupError: see `fervid.detection.everywhere`.
        """
        # Loaded here because JAX takes a second and no other export needs it.
        from fervid.detection.everywhere import faces_everywhere

        columns = ["timestamp", "face_id", *BOX_COLUMNS]
        pieces = [piece.loc[piece["success"] == 1, columns] for piece in read_frames(folder)]
        table = pd.concat(pieces) if pieces else pd.DataFrame(columns=columns)
        kept = set(keep)
        if unknown := kept - set(table["face_id"].tolist()):
            raise ResultError(f"{folder}: has no face {min(unknown)}")
        is_kept = table["face_id"].isin(list(kept))
        track = (read_meta(folder).get("recording") or {}).get("track") or {}
        time_s, xywh = faces_everywhere(recording, track.get("number"))
        others = ~_of_people(time_s, xywh, table[is_kept])
        bridges = [_bridged(one) for _, one in table[~is_kept].groupby("face_id")]
        both = np.column_stack([time_s, xywh])[others], *bridges
        points = np.concatenate(both)
        points = points[np.argsort(points[:, 0], kind="stable")]
        return cls(points[:, 0], points[:, 1:], soft)

    def hide(self, image: Image, time_s: float) -> None:
        """Hide faces at a time in an image (H, W, 3)."""
        edges = np.searchsorted(self._time_s, [time_s - _HELD_S, time_s + _HELD_S + 1e-6])
        boxes = self._xywh[edges[0] : edges[1]]
        if len(boxes):
            _cover(image, boxes, self._soft)


def _bridged(rows: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 5) times and boxes of one person, with short gaps filled."""
    points = rows[["timestamp", *BOX_COLUMNS]].to_numpy(np.float64)
    gap = np.diff(points[:, 0])
    wide = np.flatnonzero((gap > _STEP_S) & (gap <= _BRIDGED_S))
    between = [
        points[k] + share * (points[k + 1] - points[k])
        for k in wide.tolist()
        for share in np.arange(_STEP_S, gap[k], _STEP_S) / gap[k]
    ]
    return np.concatenate([points, np.array(between).reshape(-1, 5)])


def _of_people(
    time_s: NDArray[np.float64], xywh: NDArray[np.float64], people: pd.DataFrame
) -> NDArray[np.bool_]:
    """(N,) whether each box is the face of one of these people at its time."""
    points = people[["timestamp", *BOX_COLUMNS]].sort_values("timestamp").to_numpy(np.float64)
    first = np.searchsorted(points[:, 0], time_s - _STEP_S)
    end = np.searchsorted(points[:, 0], time_s + _STEP_S)
    found = [
        bool((iou(box[None], points[a:b, 1:]) > _SAME).any())
        for box, a, b in zip(xywh, first, end, strict=True)
    ]
    return np.array(found, bool)


def _cover(image: Image, boxes: NDArray[np.float64], soft: bool) -> None:
    """Hide the boxes, each with a margin."""
    height, width = image.shape[:2]
    more = _WIDER * boxes[:, 2:].max(axis=1, keepdims=True)
    low = np.floor(boxes[:, :2] - more).astype(int).clip(0)
    high = np.ceil(boxes[:, :2] + boxes[:, 2:] + more).astype(int).clip(0, [width, height])
    mask = np.zeros((height, width), bool)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[top:bottom, left:right] = True
    cell = max(4, round(boxes[:, 2:].max() / _CELLS))
    coarse = (max(1, round(width / cell)), max(1, round(height / cell)))
    small = cv2.resize(image, coarse, interpolation=cv2.INTER_AREA)
    way = cv2.INTER_LINEAR if soft else cv2.INTER_NEAREST
    cells = cv2.resize(small, (width, height), interpolation=way)[mask]
    mean = cells.mean(axis=0)
    paler = _PALER["soft" if soft else "mosaic"]
    image[mask] = (cells + paler * (mean - cells)).astype(np.uint8)
