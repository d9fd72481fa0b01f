"""Who is who: tracks of the same person joined, where that is safe to say, once all are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fervid.appearance import TEXTURE_SIZE, textures
from fervid.records import FaceCrops, FrameBatch, TrackedFaces

_EVERY_S = 0.5
_MOST_VIEWS = 8
"""Views kept of a track: the first ones, every so often."""

_LEAST_HEIGHT = 40.0
"""Pixels of the working frame below which faces are too blurred to be told apart."""

_SAME, _SAME_NEARBY = 0.72, 0.66
"""Likeness from which two tracks show one person, anywhere and near where that person was last.
Of two people in one photograph, one pair in 300 and one in 80 are as alike."""

_MARGIN = 0.05
"""By so much a person must be more alike than anyone else."""

_NEARBY, _NEARBY_SIZE, _NEARBY_S = 1.5, 1.5, 60.0
"""Face sizes between two places, ratio of sizes, and seconds, within which they are near."""


@dataclass
class _Track:
    """When a track was seen, in which shot, from which box to which, and what it looked like."""

    shot: int
    first_s: float
    first_box: NDArray[np.float32]
    last_s: float = 0.0
    last_box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    views: list[NDArray[np.float16]] = field(default_factory=list)
    chosen: int = 0
    next_view_s: float = -np.inf

    def choose(self, rows: NDArray[np.intp], times: NDArray[np.float64]) -> list[int]:
        """Which rows, of those that show it clearly, to keep as views."""
        chosen = []
        while self.chosen < _MOST_VIEWS:
            later = rows[times[rows] >= self.next_view_s]
            if not len(later):
                break
            chosen.append(int(later[0]))
            self.chosen += 1
            self.next_view_s = float(times[later[0]]) + _EVERY_S
        return chosen

    def follows(self, other: _Track) -> bool:
        """Whether this one begins soon after the other ended, in the same shot, at its place."""
        a, b = other.last_box, self.first_box
        way = (b[:2] + b[2:] / 2) - (a[:2] + a[2:] / 2)
        ratio = max(b[3], a[3]) / max(min(b[3], a[3]), 1.0)
        return bool(
            self.shot == other.shot
            and self.first_s - other.last_s <= _NEARBY_S
            and np.hypot(*way) <= _NEARBY * np.sqrt(a[3] * b[3])
            and ratio <= _NEARBY_SIZE
        )


class People:
    """Remembers what tracks look like, and joins them at the end.

    Memory grows with the number of tracks only, by 34 kB each at most; nothing of it is written.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._shot = 0

    def add(
        self,
        batch: FrameBatch,
        tracked: TrackedFaces,
        crops: FaceCrops,
        cuts: NDArray[np.bool_],
        scale: float,
    ) -> None:
        """Take the next batch into account.

        Args:
            batch: T frames.
            tracked: N faces in them, with the numbers of their tracks.
            crops: the same faces.
            cuts: (T,) whether a frame is the first of a new shot.
            scale: pixels of the working frame a pixel of the displayed one.
        """
        frame = tracked.faces.frame
        shots = self._shot + np.cumsum(cuts)
        self._shot = int(shots[-1])
        times = batch.time_s[frame]
        tall = tracked.faces.xywh[:, 3] * scale >= _LEAST_HEIGHT
        clear = tall & ~tracked.filled
        views: list[tuple[_Track, int]] = []
        for number in np.unique(tracked.face_id).tolist():
            rows = np.flatnonzero(tracked.face_id == number)
            first, last = int(rows[0]), int(rows[-1])
            if number not in self._tracks:
                box = tracked.faces.xywh[first]
                self._tracks[number] = _Track(int(shots[frame[first]]), times[first], box)
            track = self._tracks[number]
            track.last_s, track.last_box = times[last], tracked.faces.xywh[last]
            views += [(track, row) for row in track.choose(rows[clear[rows]], times)]
        looks = textures(crops.images[[row for _, row in views]]).astype(np.float16)
        for (track, _), view in zip(views, looks, strict=True):
            track.views.append(view)

    def numbers(self) -> dict[int, int]:
        """The person that each track shows; people count from 1 by first appearance."""
        everyone: list[_Person] = []
        person: dict[int, int] = {}
        order = sorted(self._tracks, key=lambda number: (self._tracks[number].first_s, number))
        for number in order:
            track = self._tracks[number]
            views = np.array(track.views, np.float16).reshape(-1, TEXTURE_SIZE)
            who = _recognised(track, views, everyone)
            if who is None:
                who = len(everyone)
                everyone.append(_Person([track], views))
            else:
                everyone[who].add(track, views)
            person[number] = who + 1
        return person


@dataclass
class _Person:
    """Tracks of one person, and (K, `TEXTURE_SIZE`) all views of them."""

    tracks: list[_Track]
    views: NDArray[np.float16]

    def add(self, track: _Track, views: NDArray[np.float16]) -> None:
        self.tracks.append(track)
        self.views = np.concatenate([self.views, views])

    def likeness(self, views: NDArray[np.float16]) -> float:
        """Median over the views of a track of this person's most alike view."""
        if not len(self.views):
            return 0.0
        alike = views.astype(np.float32) @ self.views.astype(np.float32).T
        return float(np.median(alike.max(axis=1)))


def _recognised(track: _Track, views: NDArray[np.float16], everyone: list[_Person]) -> int | None:
    """Whom of the people so far a new track shows, None if that is not safe to say."""
    if not len(views) or not everyone:
        return None
    likeness = np.array([person.likeness(views) for person in everyone])
    who = int(np.argmax(likeness))
    tracks = everyone[who].tracks
    needed = _SAME_NEARBY if any(track.follows(other) for other in tracks) else _SAME
    others = float(np.delete(likeness, who).max(initial=0.0))
    sure = likeness[who] >= max(needed, others + _MARGIN)
    away = all(track.first_s > other.last_s for other in tracks)
    return who if sure and away else None


def numbered(face_id: NDArray[np.int64], person: Mapping[int, int]) -> NDArray[np.int64]:
    """The people in place of tracks; 0 stays 0."""
    table = np.zeros(max(person, default=0) + 1, np.int64)
    table[list(person)] = list(person.values())
    return table[face_id]
