"""Doubtful people, with low detector scores nearly everywhere: shadows, backs of heads, letters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fervid.records import TrackedFaces

_MOSTLY = 0.5
"""Share of a person's rows that must reach the score of a new face."""

_SURE, _SURE_ROWS = 0.9, 3
"""This many rows with this score make a person certain, however doubtful the others are."""


class Evidence:
    """Counts the certain rows of each track; memory grows by 24 bytes per track.

    A single score of `start_score` begins a track, and half of it keeps the track alive. That
    single score may be a mistake that no later frame confirms.

    Args:
        start_score: detector score of a new face.
    """

    def __init__(self, start_score: float) -> None:
        self._levels = np.array([0.0, start_score, max(_SURE, start_score)], np.float32)
        self._counts = np.zeros((0, 3), np.int64)

    def add(self, tracked: TrackedFaces) -> None:
        """Add the next faces, except those that were filled in."""
        more = int(tracked.face_id.max(initial=0)) - len(self._counts)
        if more > 0:
            self._counts = np.concatenate([self._counts, np.zeros((more, 3), np.int64)])
        reached = (tracked.faces.score[:, None] >= self._levels) & ~tracked.filled[:, None]
        np.add.at(self._counts, tracked.face_id - 1, reached)

    def doubtful(self, person: Mapping[int, int]) -> set[int]:
        """The people who are doubtful most of the time and certain in hardly any row.

        Args:
            person: the person that each track shows.
        """
        counts: NDArray[np.int64] = np.zeros((max(person.values(), default=0) + 1, 3), np.int64)
        tracks = np.array(list(person), np.int64)
        np.add.at(counts, np.array(list(person.values()), np.int64), self._counts[tracks - 1])
        rows, strong, sure = counts.T
        weak = (strong < _MOSTLY * rows) & (sure < _SURE_ROWS)
        return set(np.flatnonzero(weak).tolist())


def without(people: set[int], person: Mapping[int, int]) -> dict[int, int]:
    """Remove people from the map of tracks to people, and number the others from 1 again.

    >>> without({1}, {1: 1, 2: 2, 3: 1, 4: 3})
    {2: 1, 4: 2}
    """
    kept = sorted({*person.values()} - people)
    number = {old: new for new, old in enumerate(kept, start=1)}
    return {track: number[old] for track, old in person.items() if old in number}
