"""Numbers the faces of a frame as in a result folder, or else from left to right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fervid.errors import ResultError
from fervid.explanations.moments import RESOLUTION_S, shown_until
from fervid.records import EXPRESSIONS, Detections
from fervid.results.codebook import BOX_COLUMNS, LOST
from fervid.results.files import read_frames
from fervid.tracking.tracks import iou

_LEAST_OVERLAP = 0.5
_PLACES = np.array([[0.26, 0.385], [0.74, 0.385], [0.49, 0.725]], np.float32)
"""Right eye, left eye and mouth as shares of the box; medians over the sample clips' faces."""


@dataclass(frozen=True)
class NumberedFaces:
    """N faces of one frame.

    Attributes:
        faces: the faces.
        number: (N,) int64, the numbers that users give.
        found: (N,) bool, False where eyes and mouth are guessed from the box.
        written: (N, 7) probabilities in the frame table; NaN if there is none.
    """

    faces: Detections
    number: NDArray[np.int64]
    found: NDArray[np.bool_]
    written: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, rows: NDArray[np.integer[Any]]) -> NumberedFaces:
        """Select rows by an index array."""
        return NumberedFaces(
            self.faces[rows], self.number[rows], self.found[rows], self.written[rows]
        )


def left_to_right(faces: Detections) -> NumberedFaces:
    """Number faces from 1 in the order of the boxes' left edges."""
    faces = faces[np.argsort(faces.xywh[:, 0], kind="stable")]
    count = len(faces)
    return NumberedFaces(
        faces,
        np.arange(1, count + 1),
        np.ones(count, np.bool_),
        np.full((count, len(EXPRESSIONS)), np.nan),
    )


def as_in_table(rows: pd.DataFrame, faces: Detections) -> NumberedFaces:
    """The faces of a frame table, with eyes and mouths of those that are found again.

    Args:
        rows: the rows of one frame.
        faces: the faces that a detector finds in that frame.
    """
    rows = rows[rows["success"] == 1]
    boxes = rows[list(BOX_COLUMNS)].to_numpy(np.float32)
    places, found = _relative_points(boxes, faces)
    return NumberedFaces(
        Detections(
            np.zeros(len(rows), np.int32),
            boxes,
            rows["confidence"].to_numpy(np.float32),
            boxes[:, None, :2] + places * boxes[:, None, 2:],
        ),
        rows["face_id"].to_numpy(np.int64),
        found,
        rows[list(EXPRESSIONS)].to_numpy(np.float64),
    )


def _relative_points(
    boxes: NDArray[np.float32], faces: Detections
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(N, 3, 2) eyes and mouth as shares of the boxes, and (N,) whether they were found.

    Boxes may have been interpolated, so the points that are found are moved with the box.
    """
    overlap = iou(boxes, faces.xywh)
    mine, theirs = linear_sum_assignment(overlap, maximize=True)
    close = overlap[mine, theirs] >= _LEAST_OVERLAP
    mine, theirs = mine[close], theirs[close]
    places = np.tile(_PLACES, (len(boxes), 1, 1))
    corner, size = faces.xywh[theirs, None, :2], faces.xywh[theirs, None, 2:]
    places[mine] = (faces.points[theirs] - corner) / size
    return places, np.isin(np.arange(len(boxes)), mine)


def rows_at(
    folder: Path,
    at: float | None,
    *,
    start: float | None = None,
    end: float | None = None,
    length_s: float | None = None,
) -> pd.DataFrame:
    """The rows of the sampled frame nearest to a time: the frame shown then, if it was sampled.

    Args:
        folder: a result folder; its frame table is read only up to that time.
        at: seconds; None: the first frame.
        start, end: the analysed part; None: open.
        length_s: length of the recording, if known.

    Raises:
        ResultError: the table cannot be used, or the time was not analysed.
    """
    if at is not None and not (start or 0.0) <= at < (math.inf if end is None else end):
        raise ResultError(f"{folder}: {at:g} s is outside the analysed part")
    until = -math.inf if at is None else at + RESOLUTION_S
    around: pd.DataFrame | None = None
    for chunk in _decoded(folder):
        known = chunk if around is None else pd.concat([around, chunk], ignore_index=True)
        later = known.loc[known["timestamp"] > until, "frame"]
        last = known["frame"].iloc[-1]
        if len(later) and later.iloc[0] < last:  # all of its rows have been read
            return _nearest(known, until)
        # The rows of a frame may continue in the next chunk.
        around = known if len(later) else known[known["frame"] == last]
    if around is None or (at is not None and around["timestamp"].iloc[0] > until):
        raise ResultError(f"{folder}: no frame was analysed up to {at or 0:g} s")
    last_s = float(around["timestamp"].iloc[-1])
    if at is not None and at > shown_until(last_s, length_s):
        raise ResultError(
            f"{folder}: there is no frame at {at:g} s: the last frame is at {last_s:.2f} s"
        )
    return _nearest(around, until)


def _decoded(folder: Path) -> Iterator[pd.DataFrame]:
    """The frame table without lost frames, with `frame` counting decoded frames only."""
    lost = 0
    for chunk in read_frames(folder):
        is_lost = chunk["status"].eq(LOST)
        rows = chunk.assign(frame=chunk["frame"] - lost - is_lost.cumsum())[~is_lost]
        lost += int(is_lost.sum())
        if len(rows):
            yield rows


def _nearest(rows: pd.DataFrame, until: float) -> pd.DataFrame:
    """The rows of the last frame up to a time or the first one after it, whichever is nearer."""
    is_later = rows["timestamp"] > until
    ends = [part.iloc[k] for part, k in ((rows[~is_later], -1), (rows[is_later], 0)) if len(part)]
    first, second = ends[0], ends[-1]
    # A frame is shown until the next one.
    follows = second["frame"] - first["frame"] <= 1
    near = follows or until - first["timestamp"] <= second["timestamp"] - until
    frame = int((first if near else second)["frame"])
    return rows[rows["frame"] == frame]
