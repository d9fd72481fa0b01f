"""Means over time in a bounded number of bins, from a frame table that streams by once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.columns import SMOOTH_COLUMNS, STATES
from fervid.records import EXPRESSIONS

MAX_BINS = 2000
"""More than a screen has columns; few enough that ten hours draw as fast as ten minutes."""

_FIRST_WIDTH_S = 1e-3
_K, _S = len(EXPRESSIONS), len(STATES)


@dataclass(frozen=True)
class Binned:
    """B time bins that hold at least one sampled frame each, in ascending order.

    Attributes:
        edges: (B + 1,) float64 seconds; bin k spans [edges[k], edges[k + 1]).
        frames: (B,) float64, sampled frames.
        faces: (B,) float64, faces in them.
        mean: (B, 7) float64, mean smoothed probability of each expression over faces; NaN without
            a face.
        valence: (B,) float64, mean smoothed valence; NaN without a face.
        lanes: (L, B, 8) float64, faces of lane l in state k of `STATES`. Lane 0 is everyone, the
            others are the face ids that were asked for.
    """

    edges: NDArray[np.float64]
    frames: NDArray[np.float64]
    faces: NDArray[np.float64]
    mean: NDArray[np.float64]
    valence: NDArray[np.float64]
    lanes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    def dominant(self) -> NDArray[np.float64]:
        """(L, B) index into `STATES` of the most frequent one; NaN without a face."""
        winner = self.lanes.argmax(axis=2).astype(np.float64)
        return np.where(self.lanes.sum(axis=2) > 0, winner, np.nan)


def bin_frames(
    tables: Iterable[pd.DataFrame], *, lanes: Sequence[int] = (), max_bins: int = MAX_BINS
) -> Binned:
    """Bin a frame table that arrives in pieces, in one pass and constant memory.

    All bins have one width, the smallest of 1 ms, 2 ms, 4 ms ... with which at most `max_bins`
    span the recording: nothing needs to be known about its length beforehand.

    Args:
        tables: consecutive pieces of one frame table, frames ascending.
        lanes: face ids that get a lane of their own.
        max_bins: an even number.
    """
    bins = _Bins(list(lanes), max_bins)
    for table in tables:
        if len(table):
            bins.add(table)
    return bins.result()


class _Bins:
    """Sums of each bin. Columns: frames, faces, valence, 7 probabilities, then 8 for each lane."""

    def __init__(self, lanes: list[int], max_bins: int) -> None:
        self._lanes = lanes
        self._max_bins = max_bins
        self._width = _FIRST_WIDTH_S
        self._origin: float | None = None
        self._end = 0.0
        self._last_frame: int | None = None
        self._sums = np.zeros((max_bins, 3 + _K + _S * (1 + len(lanes))))
        self._start = np.full(max_bins, np.inf)

    def add(self, table: pd.DataFrame) -> None:
        time = table["timestamp"].to_numpy(np.float64)
        if self._origin is None:
            self._origin = float(time[0])
        self._widen(float(time.max()) - self._origin)
        self._end = max(self._end, float(time.max()))
        spot = ((time - self._origin) / self._width).astype(np.int64).clip(0, self._max_bins - 1)
        np.minimum.at(self._start, spot, time)

        frame = table["frame"].to_numpy(np.int64)
        before = frame[0] - 1 if self._last_frame is None else self._last_frame
        self._last_frame = int(frame[-1])
        is_new = np.diff(frame, prepend=before) != 0
        np.add.at(self._sums, (spot[is_new], 0), 1.0)

        is_face = table["success"].to_numpy() == 1
        if is_face.any():
            self._add_faces(table[is_face], spot[is_face])

    def _add_faces(self, faces: pd.DataFrame, spot: NDArray[np.int64]) -> None:
        probs = faces[["smooth_valence", *SMOOTH_COLUMNS]].to_numpy(np.float64)
        state = faces["state"].to_numpy(object)
        shows = (state[:, None] == np.array(STATES, object)).astype(np.float64)
        who = faces["face_id"].to_numpy(np.int64)
        lanes = [shows * (who == lane)[:, None] for lane in self._lanes]
        values = np.hstack([np.ones((len(faces), 1)), probs, shows, *lanes])
        np.add.at(self._sums[:, 1:], spot, values)

    def _widen(self, span: float) -> None:
        """Double the width of the bins until they cover `span` seconds."""
        while span / self._width >= self._max_bins:
            half = self._max_bins // 2
            merged = self._sums[0::2] + self._sums[1::2]
            start = np.minimum(self._start[0::2], self._start[1::2])
            self._sums[:half], self._sums[half:] = merged, 0.0
            self._start[:half], self._start[half:] = start, np.inf
            self._width *= 2

    def result(self) -> Binned:
        used = self._sums[:, 0] > 0
        sums, start = self._sums[used], self._start[used]
        frames, faces = sums[:, 0], sums[:, 1]
        with_nan = np.where(faces > 0, faces, np.nan)
        lanes = sums[:, 3 + _K :].reshape(len(sums), 1 + len(self._lanes), _S)
        return Binned(
            edges=_edges(start, frames, self._end),
            frames=frames,
            faces=faces,
            mean=sums[:, 3 : 3 + _K] / with_nan[:, None],
            valence=sums[:, 2] / with_nan,
            lanes=lanes.transpose(1, 0, 2),
        )


def _edges(
    start: NDArray[np.float64], frames: NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """Bins end where the next begins; the last one ends one typical frame after its last frame."""
    if not len(start):
        return np.zeros(1)
    step = (end - start[0]) / (frames.sum() - 1) if end > start[0] else 0.04
    return np.append(start, end + step)
