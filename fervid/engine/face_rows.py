"""Makes rows, with everything about a face, of what was found in frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.detection.framing import frontality
from fervid.expressions.covered import without_covered
from fervid.expressions.smoothing import weights
from fervid.records import Expressions, FrameBatch, TrackedFaces
from fervid.results.rows import ROW


def face_rows(
    batch: FrameBatch,
    tracked: TrackedFaces,
    expressions: Expressions,
    sharpness: NDArray[np.float32],
    scale: float,
) -> NDArray[Any]:
    """One `ROW` for each face, ordered by frame, and one for each frame without a face.

    Args:
        batch: T frames.
        tracked: N faces in them, with their tracks.
        expressions: N expressions, row for row with `tracked`.
        sharpness: (N,) sharpness of the same faces.
        scale: pixels of the working frame per pixel of the displayed frame.

    Raises:
        ValueError: the number of probabilities is not the number of faces.
    """
    faces = tracked.faces
    if len(faces) != len(expressions):
        raise ValueError(f"{len(faces)} faces, {len(expressions)} expressions")
    faceless = np.setdiff1d(np.arange(len(batch)), faces.frame)
    row = np.concatenate([faces.frame, faceless])
    rows = np.zeros(len(row), ROW)
    rows["frame"], rows["time_s"] = batch.index[row], batch.time_s[row]
    mine = rows[: len(faces)]
    mine["face_id"], mine["filled"] = tracked.face_id, tracked.filled
    mine["score"], mine["xywh"] = faces.score, faces.xywh
    mine["probs"], mine["frontality"] = expressions.probs, frontality(faces.points)
    mine["sharpness"], mine["covered"] = sharpness, expressions.covered
    mine["adjusted"] = without_covered(expressions.probs, expressions.covered)
    height = faces.xywh[:, 3] * scale
    mine["weight"] = weights(
        *(faces.score, height, sharpness, mine["frontality"]),
        *(tracked.filled, expressions.is_covered),
    )
    return rows[np.argsort(row, kind="stable")]
