"""Finds faces that never move: prints, statues, logos, and objects taken for faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fervid.records import FrameBatch, TrackedFaces

_LEAST_S = 30.0
_LEAST_ROWS = 30
_MOST_SPREAD = 0.01
"""Largest standard deviation of place and height, relative to the height; living faces exceed it.
"""

_SUMS = 7


class StillFaces:
    """Running means of places of faces; memory grows only with the number of ids."""

    def __init__(self) -> None:
        self._sums = np.zeros((0, _SUMS))
        self._span = np.zeros((0, 2))

    def add(self, batch: FrameBatch, tracked: TrackedFaces) -> None:
        """Add the next batch."""
        more = int(tracked.face_id.max(initial=0)) - len(self._sums)
        if more > 0:
            self._sums = np.concatenate([self._sums, np.zeros((more, _SUMS))])
            self._span = np.concatenate([self._span, np.tile([np.inf, -np.inf], (more, 1))])
        rows = tracked.face_id - 1
        box = tracked.faces.xywh.astype(np.float64)
        place = np.stack([box[:, 0] + box[:, 2] / 2, box[:, 1] + box[:, 3] / 2, box[:, 3]], axis=1)
        np.add.at(self._sums, rows, np.hstack([np.ones((len(rows), 1)), place, place**2]))
        times = batch.time_s[tracked.faces.frame]
        np.minimum.at(self._span[:, 0], rows, times)
        np.maximum.at(self._span[:, 1], rows, times)

    def found(self) -> list[tuple[int, float]]:
        """(face id, seconds) of each face that has been still for half a minute or more."""
        count = self._sums[:, 0]
        mean = self._sums[:, 1:4] / np.maximum(count, 1)[:, None]
        spread = np.sqrt(np.maximum(self._sums[:, 4:] / np.maximum(count, 1)[:, None] - mean**2, 0))
        seconds: NDArray[np.float64] = np.where(count > 0, self._span[:, 1] - self._span[:, 0], 0)
        still = (
            (count >= _LEAST_ROWS)
            & (seconds >= _LEAST_S)
            & (spread.max(axis=1, initial=0) <= _MOST_SPREAD * mean[:, 2])
        )
        return [(int(row) + 1, float(seconds[row])) for row in np.flatnonzero(still)]
