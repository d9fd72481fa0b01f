"""Faces for tests: boxes with the points that a frontal face has in them, and rows of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.engine.face_rows import face_rows
from fervid.expressions.durations import Durations
from fervid.expressions.episodes import EpisodeFinder
from fervid.expressions.smoothing import Smoother
from fervid.records import Detections, Expressions, FrameBatch, TrackedFaces

PLACES = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.8]], np.float32)
"""Right eye, left eye and mouth as shares of the box."""


def faces_at(
    frames: Sequence[int], boxes: np.ndarray | Sequence[Sequence[float]], score: float = 0.9
) -> Detections:
    """Detections in these frames with these (n, 4) boxes x, y, w, h."""
    xywh = np.array(boxes, np.float32).reshape(-1, 4)
    points = xywh[:, None, :2] + PLACES * xywh[:, None, 2:]
    scores = np.full(len(xywh), score, np.float32)
    return Detections(np.array(frames, np.int32), xywh, scores, points)


def tracked(faces: Detections, ids: Sequence[int], filled: Sequence[bool] = ()) -> TrackedFaces:
    """The same with who they are; none is filled in unless told."""
    marks = np.array(filled or [False] * len(faces), np.bool_)
    return TrackedFaces(faces, np.array(ids, np.int64), marks)


NO_EPISODES = EpisodeFinder(0.5, 0.0).table({})


def rows_of(batch: FrameBatch, tracked: TrackedFaces, expressions: Expressions) -> NDArray[Any]:
    """Rows of sharp faces as large as they come."""
    sharp = np.ones(len(expressions), np.float32)
    return face_rows(batch, tracked, expressions, sharp, scale=100.0)


def settled(
    rows: NDArray[Any],
    *,
    frame_s: float = 0.1,
    smooth: float = 0.0,
    min_confidence: float = 0.5,
    min_episode: float = 0.0,
) -> tuple[NDArray[Any], pd.DataFrame]:
    """The rows with all that is known once they are complete, and their episodes."""
    rows = rows.copy()
    finder = EpisodeFinder(min_confidence, min_episode)
    Durations(frame_s, 1.0).back(rows)
    smoother = Smoother(smooth)
    smoother.back(rows)
    smoother.forth(rows)
    finder.find(rows)
    rows["state"] = finder.states(rows)
    return rows, finder.table({i: i for i in rows["face_id"].tolist()})
