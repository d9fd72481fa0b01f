"""Each person's box over time as few points, between which it moves linearly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.figures import typed
from fervid.results.codebook import BOX_COLUMNS

MAX_POINTS = 48_000
"""Most points of all people together: 14 bytes each, 0.9 MB in the page."""

TICKS_A_SECOND = 10_000

_TOLERANCE = 0.04
"""Largest deviation of an edge from the detected box, as a share of the box's longer side."""

_COARSER = 1.5
_LEAST_HOLD_S = 1e-3
_FIRST_STEP = 64
_WHOLE = 65_535


def sizes_of(recording: dict[str, Any]) -> list[tuple[float, int, int]]:
    """(start_s, width, height) of the pictures, from the recording's entry in `meta.json`."""
    parts = recording.get("sizes") or [{"start_s": 0.0, **recording}]
    known = [part for part in parts if part.get("width") and part.get("height")]
    return [(part["start_s"], part["width"], part["height"]) for part in known]


class BoxPoints:
    """Collects the boxes of some people in one pass over a frame table.

    Args:
        people: face ids, in the order of the lanes.
        sizes: (start_s, width, height) of the pictures, ascending; most recordings have one.
    """

    def __init__(self, people: Sequence[int], sizes: Sequence[tuple[float, int, int]]) -> None:
        self._people = list(people)
        self._sizes = np.array(sizes, np.float64).reshape(-1, 3)
        self._pieces: list[NDArray[np.float64]] = []

    def watch(self, tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass the pieces of the table on unchanged, and learn from them."""
        for table in tables:
            self._add(table)
            yield table

    def _add(self, table: pd.DataFrame) -> None:
        frames = np.unique(table["frame"].to_numpy(np.int64))
        mine = table[table["face_id"].isin(self._people)]
        if mine.empty or not len(self._sizes):
            return
        place = np.searchsorted(frames, mine["frame"].to_numpy(np.int64))
        face_id = mine["face_id"].to_numpy(np.int64)
        order = np.lexsort([place, face_id])
        place, face_id = place[order], face_id[order]
        time_s = mine["timestamp"].to_numpy(np.float64)[order]
        box = mine[list(BOX_COLUMNS)].to_numpy(np.float64)[order]
        lasts_s = np.nan_to_num(mine["duration"].to_numpy(np.float64)[order])
        begins = (np.diff(face_id, prepend=-1) != 0) | (np.diff(place, prepend=-1) != 1)
        ends = np.append(begins[1:], True)
        corners = self._shares(time_s, box)
        kept = points_kept(np.cumsum(begins), time_s, corners, _TOLERANCE)
        hold_s = np.where(ends, np.maximum(lasts_s, _LEAST_HOLD_S), 0.0)
        self._pieces.append(np.column_stack([face_id, time_s, hold_s, corners])[kept])

    def _shares(self, time_s: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
        """Left, top, right and bottom (N, 4) as shares of the picture at that time."""
        part = np.searchsorted(self._sizes[:, 0], time_s + 1e-6, side="right") - 1
        size = self._sizes[np.maximum(part, 0), 1:]
        corners = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
        return np.asarray((corners / np.tile(size, 2)).clip(0, 1))

    def packed(self) -> list[dict[str, Any]]:
        """Typed arrays for each person: `t` (N,) times in ticks, ascending; `hold` (N,)
        milliseconds for which a box stays if no other follows at once, else 0; `box` (4 N,) left,
        top, right, bottom in units of 1/65535 of the picture."""
        rows = np.concatenate([np.zeros((0, 7)), *self._pieces])
        rows, tolerance = rows[np.lexsort([rows[:, 1], rows[:, 0]])], _TOLERANCE
        while len(rows) > MAX_POINTS:
            tolerance *= _COARSER
            ended = np.concatenate([[True], rows[:-1, 2] > 0]) if len(rows) else np.zeros(0, bool)
            kept = points_kept(np.cumsum(ended), rows[:, 1], rows[:, 3:], tolerance)
            if kept.all():
                break  # only short appearances, which are all needed
            rows = rows[kept]
        return [self._packed(rows[rows[:, 0] == face_id]) for face_id in self._people]

    def _packed(self, rows: NDArray[np.float64]) -> dict[str, Any]:
        hold = np.where(rows[:, 2] > 0, np.maximum(1, np.round(rows[:, 2] * 1000)), 0)
        return {
            "t": typed(np.round(rows[:, 1] * TICKS_A_SECOND).astype(np.uint32)),
            "hold": typed(hold.clip(0, _WHOLE).astype(np.uint16)),
            "box": typed(np.round(rows[:, 3:] * _WHOLE).astype(np.uint16).ravel()),
        }


def points_kept(
    run: NDArray[np.int64],
    time_s: NDArray[np.float64],
    corners: NDArray[np.float64],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Which of N boxes are enough to interpolate the others linearly.

    Args:
        run: (N,) number of the gapless stretch of each box, ascending.
        time_s: (N,) seconds, ascending within a run.
        corners: (N, 4) left, top, right, bottom.
        tolerance: largest deviation of an edge, as a share of the longer side.

    Returns:
        (N,) whether each box is kept; the first and last of each run are.
    """
    rows = np.arange(len(run))
    kept: NDArray[np.bool_] = rows % _FIRST_STEP == 0
    kept |= (np.diff(run, prepend=-1) != 0) | (np.diff(run, append=-1) != 0)
    limit = tolerance * (corners[:, 2:] - corners[:, :2]).max(axis=1, initial=0.0)
    while True:
        points = np.flatnonzero(kept)
        before = (np.searchsorted(points, rows, side="right") - 1).clip(0, max(0, len(points) - 2))
        a, b = points[before], points[np.minimum(before + 1, len(points) - 1)]
        span = np.where(time_s[b] > time_s[a], time_s[b] - time_s[a], 1.0)
        share = ((time_s - time_s[a]) / span)[:, None]
        off = np.abs(corners[a] + share * (corners[b] - corners[a]) - corners).max(axis=1)
        far = (off > limit) & ~kept
        if not far.any():
            return kept
        kept[(a[far] + b[far]) // 2] = True
