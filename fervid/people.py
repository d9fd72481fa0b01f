"""Who is who: tracks of the same person joined, where that is safe to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fervid.appearance import TEXTURE_SIZE, textures
from fervid.records import FaceCrops, FrameBatch, TrackedFaces

_EVERY_S = 0.5
_MOST_VIEWS = 8
"""Views kept of a track: the first ones, every so often."""

_MOST_OF_A_PERSON = 32
"""Views kept of a person, those that differ most."""

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

    number: int
    shot: int
    first_s: float
    first_box: NDArray[np.float32]
    last_s: float = 0.0
    last_box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    views: list[NDArray[np.float16]] = field(default_factory=list)
    view_times: list[float] = field(default_factory=list)

    def choose(self, rows: NDArray[np.intp], times: NDArray[np.float64]) -> list[int]:
        """Which rows, of those that show it clearly, to keep as views."""
        chosen = []
        while len(self.view_times) < _MOST_VIEWS:
            wanted = self.view_times[-1] + _EVERY_S if self.view_times else -np.inf
            later = rows[times[rows] >= wanted]
            if not len(later):
                break
            chosen.append(int(later[0]))
            self.view_times.append(float(times[later[0]]))
        return chosen

    def seen_until(self, time_s: float) -> NDArray[np.float16]:
        """(K, `TEXTURE_SIZE`) views up to a time."""
        count = int(np.searchsorted(self.view_times, time_s, side="right"))
        return _stacked(self.views[:count])

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
    """Remembers what people look like, and joins each track, once it has ended, to one of them.

    Memory grows with the number of people, by 140 kB each at most, and by a few bytes a track;
    nothing of it is written.

    Args:
        longest_gap_s: a track that was not seen for longer has ended.
    """

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._tracks: dict[int, _Track] = {}
        self._everyone: list[_Person] = []
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
                shot = int(shots[frame[first]])
                self._tracks[number] = _Track(number, shot, times[first], box)
            track = self._tracks[number]
            track.last_s, track.last_box = times[last], tracked.faces.xywh[last]
            views += [(track, row) for row in track.choose(rows[clear[rows]], times)]
        looks = textures(crops.images[[row for _, row in views]]).astype(np.float16)
        for (track, _), view in zip(views, looks, strict=True):
            track.views.append(view)

        self._end(float(batch.time_s[-1]) - self._longest_gap_s)

    def numbers(self) -> dict[int, int]:
        """The person that each track shows; people count from 1 by first appearance."""
        self._end(np.inf)
        order = sorted(self._everyone, key=lambda person: person.first)
        return {track: who + 1 for who, person in enumerate(order) for track in person.tracks}

    def _end(self, time_s: float) -> None:
        """Join all tracks that were last seen before a time, in the order of their ends.

        That order is the same however frames come in batches.
        """
        ended = [track for track in self._tracks.values() if track.last_s < time_s]
        for track in sorted(ended, key=lambda track: (track.last_s, track.number)):
            del self._tracks[track.number]
            who = _recognised(track, self._everyone, self._tracks.values())
            if who is None:
                self._everyone.append(_Person.of(track))
            else:
                self._everyone[who].add(track)


@dataclass
class _Person:
    """Numbers of a person's tracks, when and with which the first began, and views of all.

    `latest` are those of the tracks that ended within the last minute.
    """

    tracks: list[int]
    first: tuple[float, int]
    views: NDArray[np.float16]
    latest: list[_Track]

    @classmethod
    def of(cls, track: _Track) -> _Person:
        return cls([track.number], (track.first_s, track.number), _stacked(track.views), [track])

    def add(self, track: _Track) -> None:
        self.tracks.append(track.number)
        self.first = min(self.first, (track.first_s, track.number))
        self.views = _most_different(np.concatenate([self.views, _stacked(track.views)]))
        recent = [other for other in self.latest if track.last_s - other.last_s <= _NEARBY_S]
        self.latest = [*recent, track]

    @property
    def last_s(self) -> float:
        """When the person was last seen."""
        return self.latest[-1].last_s


def _stacked(views: list[NDArray[np.float16]]) -> NDArray[np.float16]:
    return np.array(views, np.float16).reshape(-1, TEXTURE_SIZE)


def _most_different(views: NDArray[np.float16]) -> NDArray[np.float16]:
    """As many as are kept, without those that look most like another."""
    looks = views.astype(np.float32)
    alike = looks @ looks.T
    np.fill_diagonal(alike, -1.0)
    kept = np.arange(len(views))
    while len(kept) > _MOST_OF_A_PERSON:
        worst = int(np.argmax(alike[np.ix_(kept, kept)].max(axis=1)))
        kept = np.delete(kept, worst)
    return views[kept]


def _likeness(views: NDArray[np.float16], known: NDArray[np.float16]) -> float:
    """Median over the views of a track of the most alike known view."""
    if not len(views) or not len(known):
        return 0.0
    alike = views.astype(np.float32) @ known.astype(np.float32).T
    return float(np.median(alike.max(axis=1)))


def _recognised(track: _Track, everyone: list[_Person], going_on: Iterable[_Track]) -> int | None:
    """Whom of the people so far a new track shows, None if that is not safe to say.

    Args:
        track: the new one.
        everyone: those whose tracks have all ended.
        going_on: tracks that have not; nobody may look more like the new one than the person.
    """
    views = _stacked(track.views)
    if not len(views) or not everyone:
        return None
    likeness = np.array([_likeness(views, person.views) for person in everyone])
    who = int(np.argmax(likeness))
    person = everyone[who]
    needed = _SAME_NEARBY if any(track.follows(other) for other in person.latest) else _SAME
    others = [_likeness(views, other.seen_until(track.last_s)) for other in going_on]
    most = max(float(np.delete(likeness, who).max(initial=0.0)), *others, 0.0)
    sure = likeness[who] >= max(needed, most + _MARGIN)
    return who if sure and track.first_s > person.last_s else None


def numbered(face_id: NDArray[np.int64], person: Mapping[int, int]) -> NDArray[np.int64]:
    """The people in place of tracks; 0 stays 0."""
    table = np.zeros(max(person, default=0) + 1, np.int64)
    table[list(person)] = list(person.values())
    return table[face_id]
