"""Warns about recordings in which most faces are too small or too unclear to be read."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from fervid.tracking.track_counts import TrackCounts

_SHORT = 24.0
"""Height in pixels of the working frame below which a face is short: half the size that the
expression model was trained on."""

_UNCLEAR = 0.1
"""Weight below which a face shows too little; a face that looks at the camera has 0.3 to 1."""

_MANY = 0.5


class HardToRead:
    """Counts the faces of each track that are hard to read."""

    def __init__(self) -> None:
        self._counts = TrackCounts(3)

    def add(
        self,
        track: NDArray[np.integer],
        height: NDArray[np.floating],
        weight: NDArray[np.floating],
    ) -> None:
        """Add the next N faces.

        Args:
            track: (N,) numbers of their tracks, from 1.
            height: (N,) heights in pixels of the working frame.
            weight: (N,) weights of their rows.
        """
        every = np.ones(len(track), bool)
        self._counts.add(track, np.stack([every, height < _SHORT, weight < _UNCLEAR], axis=1))

    def warnings(self, tracks: Collection[int]) -> list[str]:
        """At most one warning about the faces of these tracks."""
        kept = np.array(sorted(tracks), np.int64)
        faces, short, unclear = self._counts.of(kept).sum(axis=0).tolist()
        if short > _MANY * faces:
            return [
                f"{short / faces:.0%} of the faces are shorter than {_SHORT:.0f} pixels in the "
                "searched frames, too short to classify well; a larger --working-size helps if "
                "the recording has more pixels"
            ]
        if unclear > _MANY * faces:
            return [
                f"{unclear / faces:.0%} of the faces are turned away, covered or blurred too much "
                "to classify well"
            ]
        return []
