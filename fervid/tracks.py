"""Tracks: faces followed from frame to frame by place, motion and looks, never across a cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

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


_BOX, _MOTION, _SEEN, _ID, _LOOKS = slice(0, 4), slice(4, 8), 8, 9, slice(10, 26)
"""Columns of a track as it was last seen: box xywh, its motion in pixels a second, seconds, id and
patch. One array for all of it: this is the only work that is done frame by frame."""

_COLUMNS = 26


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
        self._tracks = np.zeros((0, _COLUMNS))
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
                self._tracks = np.zeros((0, _COLUMNS))
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
        tracks = self._tracks[time_s - self._tracks[:, _SEEN] <= self._max_gap_s]
        mine, theirs = _pairs(*_fit(boxes, looks, tracks, time_s))
        now = np.zeros((len(boxes), _COLUMNS))
        now[:, _BOX], now[:, _SEEN], now[:, _LOOKS] = boxes, time_s, looks
        now[mine, _ID] = tracks[theirs, _ID]
        now[mine, _MOTION] = _motion(tracks[theirs], boxes[mine], time_s)
        if len(mine) < len(boxes):
            new = (now[:, _ID] == 0) & (scores >= self._start_score)
            now[new, _ID] = np.arange(self._next, self._next + new.sum())
            self._next += int(new.sum())
        unseen = np.delete(tracks, theirs, axis=0)
        self._tracks = np.concatenate([unseen, now[now[:, _ID] > 0]])
        return now[:, _ID].astype(np.int64)


def _fit(
    boxes: NDArray[np.float32],
    looks: NDArray[np.float32],
    tracks: NDArray[np.float64],
    time_s: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How well (N, M) faces continue tracks, and whether they may at all."""
    passed = time_s - tracks[:, _SEEN]
    expected = tracks[:, _BOX] + tracks[:, _MOTION] * np.minimum(passed, _COAST_S)[:, None]
    overlap, likeness = iou(boxes, expected), looks @ tracks[:, _LOOKS].T
    way = _centers(boxes)[:, None] - _centers(expected)
    size, before = boxes[:, 3:], tracks[:, 3]
    reach = np.minimum(_REACH + _REACH_PER_S * passed, _MOST_REACH)
    near = (way * way).sum(axis=-1) <= reach * reach * size * before
    same_size = (size <= _SAME_SIZE * before) & (before <= _SAME_SIZE * size)
    alike = near & same_size & (likeness >= _SAME_LOOKS)
    return overlap + likeness, (overlap >= _MIN_OVERLAP) & (likeness >= _OTHER_LOOKS) | alike


def _centers(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return boxes[:, :2] + boxes[:, 2:4] / 2


def _motion(
    before: NDArray[np.float64], boxes: NDArray[np.float32], time_s: float
) -> NDArray[np.float64]:
    """(M, 4) pixels a second: a running mean that forgets in `_STEADY_S`."""
    passed = np.maximum(time_s - before[:, _SEEN, None], 1e-3)
    weight = 1 - np.exp(-passed / _STEADY_S)
    motion = before[:, _MOTION]
    return np.asarray(motion + weight * ((boxes - before[:, _BOX]) / passed - motion))


def _pairs(
    fit: NDArray[np.float64], may: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of (N, M) that belong together: all that may, the best fit in sum."""
    mine, theirs = np.nonzero(may)
    if len({*mine.tolist()}) == len({*theirs.tolist()}) == len(mine):
        return mine, theirs
    # Loaded where faces meet only: it takes half a second.
    from scipy.optimize import linear_sum_assignment

    mine, theirs = linear_sum_assignment(np.where(may, fit - fit.min() + 1.0, 0.0), maximize=True)
    good = may[mine, theirs]
    return mine[good], theirs[good]


def iou(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Intersection over union of (N, 4) and (M, 4) boxes given as xywh, (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a[:, 2:].prod(-1)[:, None] + b[:, 2:].prod(-1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6))
