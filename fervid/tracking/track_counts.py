"""Counts per track, for tracks that are numbered as they begin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class TrackCounts:
    """Counts of some kinds for each track; memory grows by 8 bytes per track and kind.

    Args:
        kinds: number of kinds.
    """

    def __init__(self, kinds: int) -> None:
        self._counts = np.zeros((0, kinds), np.int64)

    def add(self, track: NDArray[np.integer], counted: NDArray[np.bool_]) -> None:
        """Count (N, kinds) for N rows of (N,) tracks, which are numbered from 1."""
        more = int(track.max(initial=0)) - len(self._counts)
        if more > 0:
            new = np.zeros((more, self._counts.shape[1]), np.int64)
            self._counts = np.concatenate([self._counts, new])
        np.add.at(self._counts, track - 1, counted)

    def of(self, track: NDArray[np.integer]) -> NDArray[np.int64]:
        """(M, kinds) counts of (M,) tracks."""
        return np.asarray(self._counts[track - 1], np.int64)
