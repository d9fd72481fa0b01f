"""Joins tracks that show the same person, where that is certain enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fervid.records import FrameBatch, TrackedFaces
from fervid.tracking.gallery import Gallery
from fervid.tracking.likeness import likeness, most_different, no_views, views

_EVERY_S = 0.3
_MOST_VIEWS = 8
"""Views kept per track: the first ones, at regular intervals."""

_MOST_OF_A_PERSON = 32
"""Views kept per person: those that differ most."""

_LEAST_HEIGHT = 40.0
"""Pixels of the working frame below which faces are too blurred to recognise."""

SAME, _SAME_NEARBY = 0.42, 0.38
"""Likeness at which two tracks show one person: anywhere, and near where that person was last. Of
60,000 pairs of people on television, one pair reaches the first."""

_MARGIN = 0.05
"""A person must be more similar than everyone else by this much."""

_MAYBE_SAME = 0.38
"""Likeness at which two people who were never seen together may be the same person."""

_RIVAL = _SAME_NEARBY - _MARGIN
"""Below this likeness, people are neither the same nor rivals."""

_NEARBY, _NEARBY_SIZE, _NEARBY_S = 1.5, 1.5, 60.0
"""What counts as nearby: distance in face sizes, ratio of sizes, and seconds."""


@dataclass
class _Track:
    """A track: when and in which shot it was seen, its first and last boxes, and its views."""

    number: int
    shot: int
    first_s: float
    first_box: NDArray[np.float32]
    last_s: float = 0.0
    last_box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    views: NDArray[np.float16] = field(default_factory=no_views)
    view_times: list[float] = field(default_factory=list)

    def choose(self, rows: NDArray[np.intp], times: NDArray[np.float64]) -> list[int]:
        """Choose the rows to keep as views from those that show the face clearly."""
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
        """The views up to a time."""
        return self.views[: int(np.searchsorted(self.view_times, time_s, side="right"))]

    def follows(self, other: _Track) -> bool:
        """Whether this track begins soon after the other one ended, in the same shot and place."""
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
    """Remembers what people look like, and joins each track to a person when it has ended.

    Memory grows by at most 60 kB per person and by some bytes per track. Nothing is written to
    disk.

    Args:
        longest_gap_s: a track has ended if it is not seen for longer than this many seconds.
    """

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._tracks: dict[int, _Track] = {}
        self._everyone: list[_Person] = []
        self._gallery: Gallery[_Person] = Gallery()
        self._shot = 0

    def add(
        self,
        batch: FrameBatch,
        tracked: TrackedFaces,
        crops_of: Callable[[list[int]], NDArray[np.uint8]],
        cuts: NDArray[np.bool_],
        scale: float,
    ) -> None:
        """Add the next batch.

        Args:
            batch: T frames.
            tracked: N faces in them, with their tracks.
            crops_of: gives the (K, 48, 48) crops of some of them, by their rows.
            cuts: (T,) whether a frame is the first of a new shot.
            scale: pixels of the working frame per pixel of the displayed frame.
        """
        frame = tracked.faces.frame
        shots = self._shot + np.cumsum(cuts)
        self._shot = int(shots[-1])
        times = batch.time_s[frame]
        tall = tracked.faces.xywh[:, 3] * scale >= _LEAST_HEIGHT
        clear = tall & ~tracked.filled
        chosen: list[tuple[_Track, int]] = []
        for number in np.unique(tracked.face_id).tolist():
            rows = np.flatnonzero(tracked.face_id == number)
            first, last = int(rows[0]), int(rows[-1])
            if number not in self._tracks:
                box = tracked.faces.xywh[first]
                shot = int(shots[frame[first]])
                self._tracks[number] = _Track(number, shot, times[first], box)
            track = self._tracks[number]
            track.last_s, track.last_box = times[last], tracked.faces.xywh[last]
            chosen += [(track, row) for row in track.choose(rows[clear[rows]], times)]
        if chosen:
            looks = views(crops_of([row for _, row in chosen]))
            for (track, _), look in zip(chosen, looks, strict=True):
                track.views = np.concatenate([track.views, look[None]])

        self._join_ended(float(batch.time_s[-1]) - self._longest_gap_s)

    def numbers(self) -> dict[int, int]:
        """The person of each track; people are numbered from 1 by first appearance."""
        self._join_ended(np.inf)
        order = sorted(self._everyone, key=lambda person: person.first)
        return {track: who + 1 for who, person in enumerate(order) for track in person.tracks}

    def views(self, numbers: Mapping[int, int]) -> dict[int, NDArray[np.float16]]:
        """The views of each person; see `fervid.tracking.likeness.views`.

        Args:
            numbers: the person of each track, from `numbers`, or a part of that.
        """
        of_track = {track: one.views for one in self._everyone for track in one.tracks}
        return {who: of_track[track] for track, who in numbers.items()}

    def _join_ended(self, time_s: float) -> None:
        """Join all tracks last seen before a time, in the order of their ends.

        This order does not depend on how frames are grouped into batches.
        """
        ended = [track for track in self._tracks.values() if track.last_s < time_s]
        for track in sorted(ended, key=lambda track: (track.last_s, track.number)):
            del self._tracks[track.number]
            going_on = [other.seen_until(track.last_s) for other in self._tracks.values()]
            newcomer = _Person.of(track)
            alike = self._gallery.candidates(newcomer.views, _RIVAL)
            person = _recognised(newcomer, alike, going_on)
            if person is None:
                self._everyone.append(newcomer)
                self._gallery.put(newcomer, newcomer.views)
                self._unite(newcomer, alike)
            else:
                self._unite(person, self._learn(person, newcomer))

    def _learn(self, person: _Person, more: _Person) -> list[_Person]:
        """Add a track or person to a person, and return who may now look like that person."""
        person.add(more)
        self._gallery.put(person, person.views)
        return self._gallery.candidates(person.views, _RIVAL)

    def _unite(self, person: _Person, alike: list[_Person]) -> None:
        """Join people who turn out to be the same, now that more is known of one of them."""
        while pair := self._one_with_two_numbers(person, alike):
            less, person = pair
            self._everyone.remove(less)
            self._gallery.remove(less)
            alike = self._learn(person, less)

    def _one_with_two_numbers(
        self, person: _Person, alike: list[_Person]
    ) -> tuple[_Person, _Person] | None:
        """A person and another one who are the same, the one with less evidence first."""
        for other in alike:
            less, more = sorted((person, other), key=lambda one: (len(one.views), one.first))
            if less is more or likeness(less.views, more.views) < SAME or less.met(more):
                continue
            rest = [one for one in self._gallery.candidates(less.views, _RIVAL) if one is not less]
            if _recognised(less, rest, ()) is more:
                return less, more
        return None


@dataclass(eq=False)
class _Person:
    """What is known about a person.

    Attributes:
        tracks: numbers of the person's tracks.
        first: start and number of the first track.
        spans: (K, 2) start and end of each track, ascending.
        views: views of all tracks.
        latest: tracks that ended within the last minute.
    """

    tracks: list[int]
    first: tuple[float, int]
    spans: NDArray[np.float64]
    views: NDArray[np.float16]
    latest: list[_Track]

    @classmethod
    def of(cls, track: _Track) -> _Person:
        span = np.array([[track.first_s, track.last_s]])
        return cls([track.number], (track.first_s, track.number), span, track.views, [track])

    def add(self, other: _Person) -> None:
        self.tracks += other.tracks
        self.first = min(self.first, other.first)
        spans = np.concatenate([self.spans, other.spans])
        self.spans = spans[np.argsort(spans[:, 0])]
        self.views = most_different(np.concatenate([self.views, other.views]), _MOST_OF_A_PERSON)
        latest = sorted([*self.latest, *other.latest], key=lambda track: track.last_s)
        self.latest = [track for track in latest if latest[-1].last_s - track.last_s <= _NEARBY_S]

    def met(self, other: _Person) -> bool:
        """Whether both were seen at the same time."""
        begun = np.searchsorted(other.spans[:, 0], self.spans[:, 1], side="right")
        over = np.searchsorted(other.spans[:, 1], self.spans[:, 0], side="left")
        return bool((begun > over).any())

    def follows(self, other: _Person) -> bool:
        """Whether a track begins where one of the other person's ended shortly before."""
        return any(mine.follows(theirs) for mine in self.latest for theirs in other.latest)


def _recognised(
    newcomer: _Person, everyone: list[_Person], going_on: Iterable[NDArray[np.float16]]
) -> _Person | None:
    """Which known person a new one is; None if that is uncertain.

    Nobody else may look as similar to the newcomer, except those who may be the same person.

    Args:
        newcomer: the new person.
        everyone: people whose tracks have all ended, without those who are clearly different.
        going_on: views of tracks that have not ended.
    """
    if not len(newcomer.views) or not everyone:
        return None
    alike = np.array([likeness(newcomer.views, person.views) for person in everyone])
    who = int(np.argmax(alike))
    person = everyone[who]
    needed = _SAME_NEARBY if newcomer.follows(person) else SAME
    most = alike[who] - _MARGIN
    if alike[who] < needed or newcomer.met(person):
        return None
    if any(likeness(newcomer.views, other) > most for other in going_on):
        return None
    rivals = [everyone[k] for k in np.flatnonzero(alike > most).tolist() if k != who]
    return person if all(_may_be_one(rival, person, newcomer) for rival in rivals) else None


def _may_be_one(rival: _Person, person: _Person, newcomer: _Person) -> bool:
    """Whether a rival of a person may be the same person."""
    if rival.met(person) or rival.met(newcomer):
        return False
    less, more = sorted((rival, person), key=lambda one: len(one.views))
    return likeness(less.views, more.views) >= _MAYBE_SAME


def numbered(face_id: NDArray[np.int64], person: Mapping[int, int]) -> NDArray[np.int64]:
    """Replace tracks by people; 0 stays 0."""
    table = np.zeros(max(person, default=0) + 1, np.int64)
    table[list(person)] = list(person.values())
    return table[face_id]
