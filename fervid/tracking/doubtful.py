"""Doubtful people, with low detector scores nearly everywhere: shadows, backs of heads, letters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fervid.records import TrackedFaces
from fervid.tracking.track_counts import TrackCounts

_MOSTLY = 0.5
"""Share of a person's rows that must reach the score of a new face."""

_SURE, _SURE_ROWS = 0.9, 3
"""Rows with this score are certain; fewer certain rows than this are not evidence."""

_FACING, _FACING_SHARE = 0.85, 0.02
"""Frontality of a face that looks at the camera, and the share of a person's rows that must be
certain and show such a face."""

_TURNED, _TURNED_SHARE = 0.75, 0.25
"""Frontality of a turned head, and the share of certain rows of a person who is always turned: real
faces that are turned so far reach .9 in seven of ten pictures, backs of heads in two of ten."""


class Evidence:
    """Counts the certain rows of each track; memory grows by 40 bytes per track.

    A single score of `start_score` begins a track, and half of it keeps the track alive. That
    single score may be a mistake that no later frame confirms.

    Args:
        start_score: detector score of a new face.
    """

    def __init__(self, start_score: float) -> None:
        self._strong, self._sure = start_score, max(_SURE, start_score)
        self._counts = TrackCounts(5)

    def add(self, tracked: TrackedFaces, frontality: NDArray[np.float32]) -> None:
        """Add the next N faces, except those that were filled in.

        Args:
            tracked: the faces.
            frontality: (N,) float32, see `fervid.detection.framing.frontality`.
        """
        score = tracked.faces.score
        sure, turned = score >= self._sure, frontality < _TURNED
        facing = sure & (frontality >= _FACING)
        found = np.stack([score > 0, score >= self._strong, sure, facing, turned], axis=1)
        self._counts.add(tracked.face_id, found & ~tracked.filled[:, None])

    def doubtful(self, person: Mapping[int, int]) -> set[int]:
        """The people for whom there is too little evidence.

        There is enough if the person looks at the camera in a few certain rows, if a quarter of
        the rows are certain, or if the person is seldom in doubt and seldom turned away.

        Args:
            person: the person that each track shows.
        """
        counts: NDArray[np.int64] = np.zeros((max(person.values(), default=0) + 1, 5), np.int64)
        tracks = np.array(list(person), np.int64)
        np.add.at(counts, np.array(list(person.values()), np.int64), self._counts.of(tracks))
        rows, strong, sure, facing, turned = counts.T
        certain = (
            (facing >= np.maximum(_SURE_ROWS, _FACING_SHARE * rows))
            | (sure >= np.maximum(_SURE_ROWS, _TURNED_SHARE * rows))
            | ((strong >= _MOSTLY * rows) & (turned <= _MOSTLY * rows))
        )
        return set(np.flatnonzero(~certain).tolist())


def without(people: set[int], person: Mapping[int, int]) -> dict[int, int]:
    """Remove people from the map of tracks to people, and number the others from 1 again.

    >>> without({1}, {1: 1, 2: 2, 3: 1, 4: 3})
    {2: 1, 4: 2}
    """
    kept = sorted({*person.values()} - people)
    number = {old: new for new, old in enumerate(kept, start=1)}
    return {track: number[old] for track, old in person.items() if old in number}
