"""Compares rows of a stream with resting faces that are learned as it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.looks import LooksKeeper
from fervid.expressions.reading import read_against
from fervid.expressions.resting import LEAST_SEEN_S, RestingFace, find_resting_face

_SEARCH_AGAIN = 1.25
"""A resting face is searched for again when its person has been seen this many times longer."""

_CELLS = 256
"""Cells that are searched; so few that it takes only milliseconds."""

_FORGOTTEN_S = 60.0
"""Tracks not seen for this long have ended."""


class RunningReading:
    """Compares rows using only the past; until a resting face is known, the reading is absolute.

    Memory depends on the number of people in the last minute only.

    Attributes:
        since_s: for each compared track, the time since which it is compared.
    """

    def __init__(self) -> None:
        self.since_s: dict[int, float] = {}
        self._keeper = LooksKeeper()
        self._faces: dict[int, RestingFace] = {}
        self._next_s: dict[int, float] = {}
        self._seen_s: dict[int, float] = {}

    def read(self, rows: NDArray[Any]) -> None:
        """Learn from the rows of the next frame, with `lasts_s`, and compare them."""
        self._keeper.learn(rows)
        for row in np.flatnonzero(rows["face_id"] > 0).tolist():
            track, time_s = int(rows["face_id"][row]), float(rows["time_s"][row])
            self._seen_s[track] = time_s
            self._search_resting_face(track, time_s)
            if track in self._faces:
                read_against(rows, np.array([row]), self._faces[track])
        if len(rows):
            self._forget(float(rows["time_s"][-1]) - _FORGOTTEN_S)

    def _search_resting_face(self, track: int, time_s: float) -> None:
        """Search the resting face of a track if it is time to."""
        seen_s = self._keeper.seconds(track)
        if seen_s < self._next_s.setdefault(track, LEAST_SEEN_S):
            return
        self._next_s[track] = _SEARCH_AGAIN * seen_s
        face = find_resting_face(self._keeper.of_person(track).thinned(_CELLS))
        if face.known:
            self._faces[track] = face
            self.since_s.setdefault(track, time_s)

    def _forget(self, before_s: float) -> None:
        for track in [track for track, seen_s in self._seen_s.items() if seen_s < before_s]:
            self._keeper.forget(track)
            for kept in (self._seen_s, self._next_s, self._faces, self.since_s):
                kept.pop(track, None)
