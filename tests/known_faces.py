"""Faces for tests: boxes with the points that a frontal face has in them."""

from collections.abc import Sequence

import numpy as np

from fervid.records import Detections, TrackedFaces

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
