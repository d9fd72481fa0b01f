"""Means over time in a bounded number of bins, from one pass over a frame table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.results.codebook import CHANGE_COLUMNS, LOST, SMOOTH_COLUMNS
from fervid.results.summaries import weights_in_means

MAX_BINS = 8000
"""Most bins. All are visible when zoomed in; at first, groups are drawn, see `Binned.coarser`."""

SHOWN_BINS = 1200
"""Bins drawn at first: more than a screen has columns, but few enough to draw ten hours fast."""

SLIDER_BINS = 300
"""Bins of the small picture in the slider."""

_FIRST_WIDTH_S = 1e-3
_K = len(EXPRESSIONS)
_FACES, _WEIGHT, _VALENCE, _APART, _PROBS = 0, 1, 2, 3, slice(4, 4 + _K)
_COMPARED, _INTENSITY, _CHANGE = 4 + _K, 5 + _K, slice(6 + _K, 6 + _K + len(CHANGE_COLUMNS))
"""Columns of the sums of a lane: faces, weights; weighted by these: valence, squared deviation of
single frames' valence from the smoothed valence, probabilities; then faces compared with rest,
their intensity and changes."""
_WIDTH = _CHANGE.stop


@dataclass(frozen=True)
class Binned:
    """B time bins in ascending order, each with at least one sampled or lost frame.

    Lane 0 is everyone; the others are the requested face ids.

    Attributes:
        edges: (B + 1,) float64 seconds; bin k spans [edges[k], edges[k + 1]).
        frames: (B,) float64, numbers of sampled frames that could be decoded.
        sums: (L, B, 19) float64, sums over the faces of a lane: number, weight (near 0 for covered
            faces); weighted smoothed valence, squared deviation of single frames' valence from it,
            smoothed probabilities; the number of faces compared with a resting face, their
            intensity and their changes.
    """

    edges: NDArray[np.float64]
    frames: NDArray[np.float64]
    sums: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def faces(self) -> NDArray[np.float64]:
        """(L, B) number of faces."""
        return self.sums[..., _FACES]

    @property
    def mean(self) -> NDArray[np.float64]:
        """(L, B, 7) mean smoothed probability of each expression; NaN without a face."""
        return self._per_face(self.sums[..., _PROBS])

    @property
    def valence(self) -> NDArray[np.float64]:
        """(L, B) mean smoothed valence; NaN without a face."""
        return self._per_face(self.sums[..., _VALENCE, None])[..., 0]

    @property
    def band(self) -> NDArray[np.float64]:
        """(L, B) root mean square deviation of single frames' valence from the smoothed valence."""
        return np.sqrt(self._per_face(self.sums[..., _APART, None])[..., 0])

    @property
    def faces_a_frame(self) -> NDArray[np.float64]:
        """(L, B) mean number of faces per frame; NaN where no frame could be decoded."""
        return np.asarray(self.faces / np.where(self.frames > 0, self.frames, np.nan))

    @property
    def intensity(self) -> NDArray[np.float64]:
        """(L, B) mean intensity; NaN where no face is compared with its resting face."""
        return self._per_compared(self.sums[..., _INTENSITY, None])[..., 0]

    @property
    def change(self) -> NDArray[np.float64]:
        """(L, B, 6) mean change from rest in nats, by `CHANGE_COLUMNS`; NaN if `intensity` is."""
        return self._per_compared(self.sums[..., _CHANGE])

    def _per_compared(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        compared = self.sums[..., _COMPARED]
        return np.asarray(sums / np.where(compared > 0, compared, np.nan)[..., None])

    def _per_face(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        weight = self.sums[..., _WEIGHT]
        return np.asarray(sums / np.where(weight > 0, weight, np.nan)[..., None])

    def coarser(self, most: int = SHOWN_BINS) -> Binned:
        """Merge equal numbers of adjacent bins, so that at most `most` remain."""
        if len(self) <= most:
            return self
        starts = np.arange(0, len(self), -(-len(self) // most))
        return Binned(
            np.append(self.edges[starts], self.edges[-1]),
            np.add.reduceat(self.frames, starts),
            np.add.reduceat(self.sums, starts, axis=1),
        )

    def seen(self, lane: int) -> NDArray[np.float64]:
        """(K, 2) start and end in seconds of the stretches in which a lane shows a face."""
        known = np.concatenate([[False], self.faces[lane] > 0, [False]])
        first, end = (np.flatnonzero(np.diff(known.astype(np.int8)) == way) for way in (1, -1))
        return np.stack([self.edges[first], self.edges[end]], axis=1)


def bin_frames(
    tables: Iterable[pd.DataFrame], *, lanes: Sequence[int] = (), max_bins: int = MAX_BINS
) -> Binned:
    """Bin a frame table that arrives in pieces, in one pass and constant memory.

    All bins have the same width: the smallest of 1 ms, 2 ms, 4 ms ... with which at most `max_bins`
    bins span the recording. Its length need not be known in advance.

    Args:
        tables: consecutive pieces of one frame table, frames ascending.
        lanes: face ids that get their own lane.
        max_bins: an even number.
    """
    bins = Bins(lanes, max_bins)
    for table in tables:
        bins.add(table)
    return bins.result()


class Bins:
    """Sums (bins, lanes, 19) and numbers of frames by bin; see `bin_frames`."""

    def __init__(self, lanes: Sequence[int] = (), max_bins: int = MAX_BINS) -> None:
        self._lanes = list(lanes)
        self._max_bins = max_bins
        self._width = _FIRST_WIDTH_S
        self._origin: float | None = None
        self._end = 0.0
        self._last_frame: int | None = None
        self._frames = np.zeros(max_bins)
        self._lost = np.zeros(max_bins)
        self._sums = np.zeros((max_bins, 1 + len(lanes), _WIDTH))
        self._start = np.full(max_bins, np.inf)

    def add(self, table: pd.DataFrame) -> None:
        """Add the next piece of the frame table."""
        if not len(table):
            return
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
        is_lost = table["status"].eq(LOST).to_numpy()
        np.add.at(self._lost, spot[is_lost], 1.0)
        np.add.at(self._frames, spot[(np.diff(frame, prepend=before) != 0) & ~is_lost], 1.0)

        is_face = table["success"].to_numpy() == 1
        if is_face.any():
            self._add_faces(table[is_face], spot[is_face])

    def _add_faces(self, faces: pd.DataFrame, spot: NDArray[np.int64]) -> None:
        valence, smooth = faces[["valence", "smooth_valence"]].to_numpy(np.float64).T
        probs = faces[list(SMOOTH_COLUMNS)].to_numpy(np.float64)
        weight = weights_in_means(faces["covered"].to_numpy(np.float64))
        own = [np.ones(len(faces)), weight, weight * smooth, weight * (valence - smooth) ** 2]
        rest = faces[["intensity", *CHANGE_COLUMNS]].to_numpy(np.float64)
        compared = ~np.isnan(rest).any(axis=1)
        rest = np.where(compared[:, None], rest, 0.0)
        values = np.column_stack([*own, weight[:, None] * probs, compared, rest])
        who = faces["face_id"].to_numpy(np.int64)
        np.add.at(self._sums[:, 0], spot, values)
        for lane, face_id in enumerate(self._lanes, start=1):
            mine = who == face_id
            np.add.at(self._sums[:, lane], spot[mine], values[mine])

    def _widen(self, span: float) -> None:
        """Double the width of the bins until they cover `span` seconds."""
        half = self._max_bins // 2
        while span / self._width >= self._max_bins:
            for sums in (self._frames, self._lost, self._sums):
                sums[:half], sums[half:] = sums[0::2] + sums[1::2], 0.0
            start = np.minimum(self._start[0::2], self._start[1::2])
            self._start[:half], self._start[half:] = start, np.inf
            self._width *= 2

    def result(self) -> Binned:
        """The bins of all pieces so far."""
        due = self._frames + self._lost
        used = due > 0
        edges = _edges(self._start[used], due[used], self._end)
        return Binned(edges, self._frames[used], self._sums[used].transpose(1, 0, 2))


def _edges(
    start: NDArray[np.float64], frames: NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """A bin ends where the next begins, the last one a typical frame after its last frame."""
    if not len(start):
        return np.zeros(1)
    step = (end - start[0]) / (frames.sum() - 1) if end > start[0] else 0.04
    return np.append(start, end + step)
