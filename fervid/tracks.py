"""Face ids over time: a face keeps its id while its box overlaps the one before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

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
        for row, time_s in enumerate(batch.time_s):
            faces = np.flatnonzero(detections.frame == row)
            if len(faces):
                ids[faces] = self._assign(detections[faces], float(time_s))
        return ids

    def _assign(self, faces: Detections, time_s: float) -> NDArray[np.int64]:
        """Ids of one frame's faces: those of recent faces they overlap best, else new ones."""
        boxes = faces.xywh
        recent = time_s - self._seen_s <= self._max_gap_s
        overlap = iou(boxes, self._boxes[recent])
        mine, theirs = linear_sum_assignment(np.where(overlap >= _MIN_OVERLAP, -overlap, 0.0))
        good = overlap[mine, theirs] >= _MIN_OVERLAP
        ids = np.zeros(len(boxes), np.int64)
        ids[mine[good]] = self._ids[recent][theirs[good]]
        new = (ids == 0) & (faces.score >= self._start_score)
        ids[new] = np.arange(self._next, self._next + new.sum())
        self._next += int(new.sum())
        keep = recent & ~np.isin(self._ids, ids)
        mine = ids > 0
        self._ids = np.concatenate([self._ids[keep], ids[mine]])
        self._boxes = np.concatenate([self._boxes[keep], boxes[mine]])
        self._seen_s = np.concatenate([self._seen_s[keep], np.full(mine.sum(), time_s)])
        return ids


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of (N, 4) and (M, 4) boxes given as xywh, (N, M) float32."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)
