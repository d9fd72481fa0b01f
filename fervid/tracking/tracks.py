"""Follows faces from frame to frame by position, motion and appearance, but never across a cut."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.tracking.frame_faces import FrameFaces

_MIN_OVERLAP = 0.25
_MAX_GAP_S = 1.0

_REACH, _REACH_PER_S, _MOST_REACH = 0.5, 3.0, 1.5
"""If it looks the same, a face may move by this multiple of its size, plus more per second."""

_SAME_SIZE = 1.6
_SAME_LOOKS = 0.8
_OTHER_LOOKS = 0.0
"""Correlations of two patches at which they show the same face, and at most which another."""

_STEADY_S, _COAST_S = 0.25, 0.5
"""Seconds over which motion is averaged, and for which it is trusted while the face is not seen."""


_BOX, _MOTION, _SEEN, _ID, _LOOKS = slice(0, 4), slice(4, 8), 8, 9, slice(10, 26)
"""Columns of a track as it was last seen: box xywh, its motion in pixels per second, time in
seconds, id and patch. It is one array for speed, as frames in which faces meet are handled one by
one."""

_COLUMNS = 26


class Tracker:
    """Assigns ids to faces, batch by batch; ids count from 1 by first appearance.

    Args:
        fps: sampled frames per second; None: every frame. A face keeps its id over gaps of up to a
            second, and always from one sampled frame to the next.
        start_score: lowest score of a new face; a followed face keeps its id at lower scores
            (hysteresis).
        lenient_until_s: before this time, a new face may have any score, as it may have been
            followed before the first frame.

    Attributes:
        longest_gap_s: seconds for which a face keeps its id while it is not seen.
    """

    def __init__(
        self,
        fps: float | None = None,
        start_score: float = 0.0,
        lenient_until_s: float = -math.inf,
    ) -> None:
        self._lenient_until_s = lenient_until_s
        self._start_score = start_score
        self.longest_gap_s = max(_MAX_GAP_S, 1.5 / fps) if fps else _MAX_GAP_S
        self._tracks = np.zeros((0, _COLUMNS))
        self._next = 1

    def update(self, seen: FrameFaces, cuts: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Ids of the faces of the next batch.

        Args:
            seen: T frames, in time order and later than those of earlier calls, with N faces.
            cuts: (T,) whether a frame is the first of a new shot, where all tracks end.

        Returns:
            (N,) int64, unique in a frame; 0 for a face that belongs to no track.
        """
        batch, detections, looks = seen.batch, seen.faces, seen.looks
        ids = np.zeros(len(detections), np.int64)
        edges = np.searchsorted(detections.frame, np.arange(len(batch) + 1))
        for first, end in _runs(np.diff(edges), cuts):
            if cuts[first]:
                self._tracks = np.zeros((0, _COLUMNS))
            if edges[first] == edges[end]:
                continue
            run, times = slice(edges[first], edges[end]), batch.time_s[first:end]
            known = self._continue(detections.xywh[run], looks[run], times)
            ids[edges[first] : edges[first + len(known)]] = known.ravel()
            for frame in range(first + len(known), end):
                faces = slice(edges[frame], edges[frame + 1])
                ids[faces] = self._assign(
                    detections.xywh[faces],
                    detections.score[faces],
                    looks[faces],
                    float(batch.time_s[frame]),
                )
        return ids

    def _alive(self, time_s: float) -> NDArray[np.float64]:
        """The tracks that faces may continue."""
        return self._tracks[time_s - self._tracks[:, _SEEN] <= self.longest_gap_s]

    def _continue(
        self, boxes: NDArray[np.float32], looks: NDArray[np.float32], times: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """(K, N) ids in the first K of T frames with N faces each, where matches are unambiguous.

        A match is unambiguous if the track fits no other face, and the face no other track.
        `_assign` would give the same at several times the cost.
        """
        tracks, faces = self._alive(times[0]), len(boxes) // len(times)
        if len(tracks) != faces:
            return np.zeros((0, faces), np.int64)
        rows = np.zeros((len(times) + 1, faces, _COLUMNS))
        rows[0] = tracks
        rows[1:, :, _BOX] = boxes.reshape(-1, faces, 4)
        rows[1:, :, _LOOKS] = looks.reshape(-1, faces, looks.shape[1])
        rows[1:, :, _SEEN] = times[:, None]
        order = _likely_order(rows)
        rows = np.take_along_axis(rows, order[..., None], axis=1)
        rows[..., _ID] = tracks[:, _ID]
        weight, speed = _weight_and_speed(rows[:-1], rows[1:, :, _BOX], times[:, None])
        for frame in range(len(times)):
            motion = rows[frame, :, _MOTION]
            rows[frame + 1, :, _MOTION] = motion + weight[frame] * (speed[frame] - motion)
        _, may = _fit(rows[1:, :, _BOX], rows[1:, :, _LOOKS], rows[:-1], times[:, None])
        plain = (may == np.eye(faces, dtype=bool)).all(axis=(1, 2))
        plain &= (np.diff(rows[..., _SEEN], axis=0) <= self.longest_gap_s).all(axis=1)
        count = int(np.argmin(np.append(plain, False)))
        as_given = np.take_along_axis(rows, np.argsort(order, axis=1)[..., None], axis=1)
        self._tracks = as_given[count]
        return as_given[1 : count + 1, :, _ID].astype(np.int64)

    def _assign(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        looks: NDArray[np.float32],
        time_s: float,
    ) -> NDArray[np.int64]:
        """Ids of the faces in one frame: those of the tracks they continue best, else new ones."""
        tracks = self._alive(time_s)
        mine, theirs = _pairs(*_fit(boxes, looks, tracks, time_s))
        now = np.zeros((len(boxes), _COLUMNS))
        now[:, _BOX], now[:, _SEEN], now[:, _LOOKS] = boxes, time_s, looks
        now[mine, _ID] = tracks[theirs, _ID]
        now[mine, _MOTION] = _motion(tracks[theirs], boxes[mine], time_s)
        if len(mine) < len(boxes):
            is_sure = scores >= self._start_score
            new = (now[:, _ID] == 0) & (is_sure | (time_s < self._lenient_until_s))
            now[new, _ID] = np.arange(self._next, self._next + new.sum())
            self._next += int(new.sum())
        unseen = np.delete(tracks, theirs, axis=0)
        self._tracks = np.concatenate([unseen, now[now[:, _ID] > 0]])
        return now[:, _ID].astype(np.int64)


def _runs(counts: NDArray[np.integer[Any]], cuts: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each stretch of frames in one shot with the same number of faces."""
    starts = np.flatnonzero((np.diff(counts, prepend=-1) != 0) | cuts).tolist()
    return list(pairwise([*starts, len(counts)]))


def _likely_order(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """(T, N) face of each frame that seems to continue each face of the first frame."""
    boxes, looks = rows[..., _BOX], rows[..., _LOOKS]
    fit = iou(boxes[1:], boxes[:-1]) + looks[1:] @ looks[:-1].swapaxes(-1, -2)
    order = [np.arange(rows.shape[1])]
    for best in fit.argmax(axis=-2):
        order.append(best[order[-1]])
    return np.array(order)


def _fit(
    boxes: NDArray[np.floating[Any]],
    looks: NDArray[np.floating[Any]],
    tracks: NDArray[np.float64],
    time_s: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How well (..., N) faces continue (..., M) tracks, and whether they may."""
    passed = time_s - tracks[..., _SEEN]
    expected = tracks[..., _BOX] + tracks[..., _MOTION] * np.minimum(passed, _COAST_S)[..., None]
    overlap, likeness = iou(boxes, expected), looks @ tracks[..., _LOOKS].swapaxes(-1, -2)
    way = _centers(boxes)[..., :, None, :] - _centers(expected)[..., None, :, :]
    size, before = boxes[..., 3:4], tracks[..., None, :, 3]
    reach = np.minimum(_REACH + _REACH_PER_S * passed, _MOST_REACH)[..., None, :]
    near = (way * way).sum(axis=-1) <= reach * reach * size * before
    same_size = (size <= _SAME_SIZE * before) & (before <= _SAME_SIZE * size)
    alike = near & same_size & (likeness >= _SAME_LOOKS)
    return overlap + likeness, (overlap >= _MIN_OVERLAP) & (likeness >= _OTHER_LOOKS) | alike


def _centers(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return boxes[..., :2] + boxes[..., 2:4] / 2


def _motion(
    before: NDArray[np.float64], boxes: NDArray[np.floating[Any]], time_s: float
) -> NDArray[np.float64]:
    """(M, 4) motion in pixels per second: a running mean with time constant `_STEADY_S`."""
    weight, speed = _weight_and_speed(before, boxes, time_s)
    motion = before[:, _MOTION]
    return np.asarray(motion + weight * (speed - motion))


def _weight_and_speed(
    before: NDArray[np.float64],
    boxes: NDArray[np.floating[Any]],
    time_s: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (..., M, 1) and speed (..., M, 4) of the latest step of tracks to boxes."""
    passed = np.maximum(time_s - before[..., _SEEN], 1e-3)[..., None]
    return 1 - np.exp(-passed / _STEADY_S), (boxes - before[..., _BOX]) / passed


def _pairs(
    fit: NDArray[np.float64], may: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of (N, M) that match: as many as may, with the best total fit."""
    mine, theirs = np.nonzero(may)
    rivals = len({*mine.tolist()}), len({*theirs.tolist()})
    if rivals == (len(mine), len(mine)):
        return mine, theirs
    if min(rivals) == 1:
        best = [fit[mine, theirs].argmax()]
        return mine[best], theirs[best]
    # Loaded only where several faces meet, because it takes half a second.
    from scipy.optimize import linear_sum_assignment

    mine, theirs = linear_sum_assignment(np.where(may, fit - fit.min() + 1.0, 0.0), maximize=True)
    good = may[mine, theirs]
    return mine[good], theirs[good]


def iou(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Intersection over union (..., N, M) of (..., N, 4) and (..., M, 4) boxes, given as xywh."""
    a, b = a[..., :, None, :], b[..., None, :, :]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return np.asarray(shared / np.maximum(union, 1e-6))
