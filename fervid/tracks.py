"""Tracks: faces followed from frame to frame by place, motion and looks, never across a cut."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fervid.appearance import patches
from fervid.records import Detections, FrameBatch

_MIN_OVERLAP = 0.25
_MAX_GAP_S = 1.0

_REACH, _REACH_PER_S, _MOST_REACH = 0.5, 3.0, 1.5
"""A face may move by so many of its own sizes, and more with every second, if it looks the same."""

_SAME_SIZE = 1.6
_SAME_LOOKS = 0.8
_OTHER_LOOKS = 0.0
"""Correlations of two patches: from this one on the same face, down to that one another."""

_STEADY_S, _COAST_S = 0.25, 0.5
"""Motion is a mean over about this long, and is believed for so long without seeing the face."""


@dataclass
class _Tracks:
    """M tracks as last seen: id, box xywh, its motion in pixels a second, when, and the patch."""

    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    motion: NDArray[np.float32]
    seen_s: NDArray[np.float64]
    looks: NDArray[np.float32]

    @classmethod
    def empty(cls) -> Self:
        box = np.zeros((0, 4), np.float32)
        return cls(np.zeros(0, np.int64), box, box, np.zeros(0), np.zeros((0, 16), np.float32))

    def __getitem__(self, rows: NDArray[Any]) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: Self) -> Self:
        names = [field.name for field in fields(self)]
        return type(self)(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))

    def expected(self, time_s: float) -> NDArray[np.float32]:
        """(M, 4) boxes where the motion leads until then."""
        ahead = np.minimum(time_s - self.seen_s, _COAST_S).astype(np.float32)
        return self.boxes + self.motion * ahead[:, None]


class Tracker:
    """Gives ids to faces, batch after batch; ids count from 1 by first appearance.

    Args:
        displayed: width and height of the displayed frame in pixels.
        fps: frames a second that are looked at, None for every frame. A face keeps its id over
            gaps of up to a second, and always from one sampled frame to the next.
        start_score: least score of a face that is new; one that is followed keeps its id at lower
            scores (hysteresis).
    """

    def __init__(
        self, displayed: tuple[int, int], fps: float | None = None, start_score: float = 0.0
    ) -> None:
        self._displayed = displayed
        self._start_score = start_score
        self._max_gap_s = max(_MAX_GAP_S, 1.5 / fps) if fps else _MAX_GAP_S
        self._tracks = _Tracks.empty()
        self._next = 1

    def update(
        self, batch: FrameBatch, detections: Detections, cuts: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Ids of the faces of the next batch.

        Args:
            batch: T frames, in time order and later than those of earlier calls.
            detections: their N faces.
            cuts: (T,) whether a frame is the first of a new shot, where all tracks end.

        Returns:
            (N,) int64, unique within a frame; 0 for what starts no track.
        """
        ids = np.zeros(len(detections), np.int64)
        looks = patches(batch.images, detections.frame, detections.xywh, self._displayed)
        edges = np.searchsorted(detections.frame, np.arange(len(batch) + 1)).tolist()
        times, new_shot = batch.time_s.tolist(), cuts.tolist()
        for (start, stop), time_s, cut in zip(pairwise(edges), times, new_shot, strict=True):
            if cut:
                self._tracks = _Tracks.empty()
            if start < stop:
                faces = slice(start, stop)
                ids[faces] = self._assign(
                    detections.xywh[faces], detections.score[faces], looks[faces], time_s
                )
        return ids

    def _assign(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        looks: NDArray[np.float32],
        time_s: float,
    ) -> NDArray[np.int64]:
        """Ids of one frame's faces: those of recent faces they continue best, else new ones."""
        recent = self._tracks[time_s - self._tracks.seen_s <= self._max_gap_s]
        mine, theirs = _pairs(*_fit(boxes, looks, recent, time_s))
        ids = np.zeros(len(boxes), np.int64)
        ids[mine] = recent.ids[theirs]
        if len(mine) < len(boxes):
            new = (ids == 0) & (scores >= self._start_score)
            ids[new] = np.arange(self._next, self._next + new.sum())
            self._next += int(new.sum())
        motion = np.zeros_like(boxes)
        motion[mine] = _motion(recent[theirs], boxes[mine], time_s)
        unseen = np.ones(len(recent.ids), np.bool_)
        unseen[theirs] = False
        now = _Tracks(ids, boxes, motion, np.full(len(ids), time_s), looks)
        self._tracks = recent[unseen].joined(now[ids > 0])
        return ids


def _fit(
    boxes: NDArray[np.float32], looks: NDArray[np.float32], tracks: _Tracks, time_s: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How well (N, M) faces continue tracks, and whether they may at all."""
    expected = tracks.expected(time_s)
    overlap, likeness = iou(boxes, expected), looks @ tracks.looks.T
    way = (boxes[:, :2] + boxes[:, 2:] / 2)[:, None] - (expected[:, :2] + expected[:, 2:] / 2)
    size, before = boxes[:, 3:], tracks.boxes[None, :, 3]
    apart = np.hypot(way[..., 0], way[..., 1]) / np.sqrt(size * before)
    reach = np.minimum(_REACH + _REACH_PER_S * (time_s - tracks.seen_s), _MOST_REACH)
    near = (apart <= reach) & (np.maximum(size / before, before / size) <= _SAME_SIZE)
    may = (overlap >= _MIN_OVERLAP) & (likeness >= _OTHER_LOOKS) | near & (likeness >= _SAME_LOOKS)
    return np.asarray(overlap + likeness, np.float32), may


def _motion(before: _Tracks, boxes: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
    """(M, 4) pixels a second: a running mean that forgets in `_STEADY_S`."""
    passed = np.maximum(time_s - before.seen_s, 1e-3)[:, None].astype(np.float32)
    weight = 1 - np.exp(-passed / np.float32(_STEADY_S))
    return np.asarray(before.motion + weight * ((boxes - before.boxes) / passed - before.motion))


def _pairs(
    fit: NDArray[np.float32], may: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of (N, M) that belong together: all that may, the best fit in sum."""
    if may.sum(axis=0).max(initial=0) > 1 or may.sum(axis=1).max(initial=0) > 1:
        # Loaded where faces meet only: it takes half a second.
        from scipy.optimize import linear_sum_assignment

        lowest = float(fit.min()) - 1.0
        mine, theirs = linear_sum_assignment(np.where(may, fit - lowest, 0.0), maximize=True)
        good = may[mine, theirs]
        return mine[good], theirs[good]
    rows, columns = np.nonzero(may)
    return rows, columns


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of (N, 4) and (M, 4) boxes given as xywh, (N, M) float32."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)
