"""Face ids over time: a face keeps its id while its box overlaps the one before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch

_MIN_OVERLAP = 0.25
_MAX_GAP_S = 1.0


class Tracker:
    """Gives ids to faces, batch after batch; ids count from 1 by first appearance.

    Args:
        fps: frames a second that are looked at, None for every frame. A face keeps its id over
            gaps of up to a second, and always from one sampled frame to the next.
        start_score: least score of a face that is new; one that is followed keeps its id at lower
            scores (hysteresis).
    """

    def __init__(self, fps: float | None = None, start_score: float = 0.0) -> None:
        self._start_score = start_score
        self._max_gap_s = max(_MAX_GAP_S, 1.5 / fps) if fps else _MAX_GAP_S
        self._ids = np.zeros(0, np.int64)
        self._boxes = np.zeros((0, 4), np.float32)
        self._seen_s = np.zeros(0, np.float64)
        self._next = 1

    def update(self, batch: FrameBatch, detections: Detections) -> NDArray[np.int64]:
        """Ids of the faces of the next batch.

        Args:
            batch: the frames, in time order and later than those of earlier calls.
            detections: their N faces.

        Returns:
            (N,) int64, unique within a frame; 0 for what starts no track.
        """
        ids = np.zeros(len(detections), np.int64)
        edges = np.searchsorted(detections.frame, np.arange(len(batch) + 1)).tolist()
        for (start, stop), time_s in zip(pairwise(edges), batch.time_s.tolist(), strict=True):
            if start < stop:
                faces = slice(start, stop)
                ids[faces] = self._assign(detections.xywh[faces], detections.score[faces], time_s)
        return ids

    def _assign(
        self, boxes: NDArray[np.float32], scores: NDArray[np.float32], time_s: float
    ) -> NDArray[np.int64]:
        """Ids of one frame's faces: those of recent faces they overlap best, else new ones."""
        recent = time_s - self._seen_s <= self._max_gap_s
        rows = np.flatnonzero(recent)
        mine, theirs = _pairs(iou(boxes, self._boxes[rows]))
        ids = np.zeros(len(boxes), np.int64)
        ids[mine] = self._ids[rows[theirs]]
        if len(mine) < len(boxes):
            new = (ids == 0) & (scores >= self._start_score)
            ids[new] = np.arange(self._next, self._next + new.sum())
            self._next += int(new.sum())
        keep = recent
        keep[rows[theirs]] = False
        tracked = ids > 0
        self._ids = np.concatenate([self._ids[keep], ids[tracked]])
        self._boxes = np.concatenate([self._boxes[keep], boxes[tracked]])
        self._seen_s = np.concatenate([self._seen_s[keep], np.full(tracked.sum(), time_s)])
        return ids


def _pairs(overlap: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of (N, M) that belong together: enough overlap each, the most in sum."""
    enough = overlap >= _MIN_OVERLAP
    if enough.sum(axis=0).max(initial=0) > 1 or enough.sum(axis=1).max(initial=0) > 1:
        # Loaded where faces meet only: it takes half a second.
        from scipy.optimize import linear_sum_assignment

        mine, theirs = linear_sum_assignment(np.where(enough, -overlap, 0.0))
        good = enough[mine, theirs]
        return mine[good], theirs[good]
    rows, columns = np.nonzero(enough)
    return rows, columns


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of (N, 4) and (M, 4) boxes given as xywh, (N, M) float32."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)
