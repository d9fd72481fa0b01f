"""Faces that flicker: a single frame neither makes a face nor ends one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch, TrackedFaces
from fervid.tracking.cuts import SeenWithCuts
from fervid.tracking.seen import Seen
from fervid.tracking.stillness import StillFaces
from fervid.tracking.tracks import Tracker

_LONGEST_GAP_S = 0.5
"""A face missing from one frame is filled in if the frames around it are at most so far apart."""

_LONGEST_FLASH_S = 0.3
"""A face in one frame only is dropped if the frames around it are at most so far apart."""

TrackedBatch = tuple[FrameBatch, TrackedFaces, NDArray[np.bool_]]
"""T frames, who is in them, and (T,) whether each is the first of a new shot."""


class FlickerFilter:
    """Follows faces from batch to batch, one batch behind.

    A face that one sampled frame misses, between two that show it, is filled in half-way between
    its boxes there. One that a single frame shows, and neither the frame before nor the one after,
    is dropped until two frames in a row show it.

    Attributes:
        filled, dropped: how many faces were.
        still: watches for faces that never move.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.still = StillFaces()
        self._numbers: dict[int, int] = {}
        self._last: list[_Part] = []
        self._now: _Part | None = None
        self.filled = self.dropped = 0

    def follow(self, searched: Iterable[SeenWithCuts]) -> Iterator[TrackedBatch]:
        """The batches with their faces, tracks numbered from 1 by first appearance, and cuts."""
        for seen, cuts in searched:
            yield from self.add(seen, cuts)
        yield from self.rest()

    def add(self, seen: Seen, cuts: NDArray[np.bool_]) -> Iterator[TrackedBatch]:
        """Take the next batch; the one before it, if there is one."""
        ids = self._tracker.update(seen, cuts)
        after = _Part.of(seen.batch, seen.faces, ids, cuts)
        now, self._now = self._now, after
        if now is not None:
            yield now.batch, self._filtered(now, after), now.cuts

    def rest(self) -> Iterator[TrackedBatch]:
        """The last batch, as no more come."""
        now, self._now = self._now, None
        if now is not None:
            yield now.batch, self._filtered(now, None), now.cuts

    def _filtered(self, now: _Part, after: _Part | None) -> TrackedFaces:
        """The faces of a batch, given the first frame after it."""
        size = len(now.batch)
        parts = [*self._last, now, *([after.frame(0, size)] if after else [])]
        faces = Detections.concatenate([part.faces for part in parts])
        ids = np.concatenate([part.ids for part in parts])
        times = np.concatenate([part.time_s for part in parts])
        tracks, row = np.unique(ids, return_inverse=True)
        place = np.full((len(tracks), len(times)), -1)
        place[row, faces.frame + len(self._last)] = np.arange(len(ids))

        known = np.isin(tracks, list(self._numbers))
        gap, flash = _gaps_and_flashes(place >= 0, times, known)
        person, frame = np.nonzero(gap)
        filled = _between(faces, place[person, frame - 1], place[person, frame + 1])
        own = (faces.frame >= 0) & (faces.frame < size)
        own[place[flash]] = False
        together = Detections.concatenate([faces[own], filled])
        together_ids = np.concatenate([ids[own], tracks[person]])
        is_filled = np.arange(len(together_ids)) >= own.sum()
        order = np.lexsort([together_ids, together.frame])
        kept = _Part(now.batch, together[order], together_ids[order], now.time_s, now.cuts)
        self._last = [kept.frame(size - 1, -1)]
        self.filled += len(filled)
        self.dropped += int(flash.sum())
        tracked = TrackedFaces(kept.faces, self._number(kept.ids), is_filled[order])
        self.still.add(now.batch, tracked)
        return tracked

    def _number(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers from 1 in the order in which ids come."""
        distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        for identity in distinct[np.argsort(first)].tolist():
            self._numbers.setdefault(identity, len(self._numbers) + 1)
        return np.array([self._numbers[i] for i in distinct.tolist()], np.int64)[inverse]


@dataclass(frozen=True)
class _Part:
    """Frames with the faces that are followed in them."""

    batch: FrameBatch
    faces: Detections
    ids: NDArray[np.int64]
    time_s: NDArray[np.float64]
    cuts: NDArray[np.bool_]

    @classmethod
    def of(
        cls, batch: FrameBatch, faces: Detections, ids: NDArray[np.int64], cuts: NDArray[np.bool_]
    ) -> _Part:
        return cls(batch, faces[ids > 0], ids[ids > 0], batch.time_s, cuts)

    def frame(self, row: int, number: int) -> _Part:
        """One frame alone, under another number."""
        mine = self.faces.frame == row
        faces = replace(self.faces[mine], frame=np.full(mine.sum(), number, np.int32))
        alone = slice(row, row + 1)
        return _Part(self.batch, faces, self.ids[mine], self.time_s[alone], self.cuts[alone])


def _gaps_and_flashes(
    seen: NDArray[np.bool_], times: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where faces are to be filled in and where to be dropped; (people, frames) both, like `seen`.

    Args:
        seen: who is in which frame.
        times: (frames,) seconds.
        known: (people,) who was followed before the first frame.
    """
    apart = np.full(len(times), np.inf)
    apart[1:-1] = times[2:] - times[:-2]
    ahead, behind = np.zeros_like(seen), np.zeros_like(seen)
    ahead[:, :-1], behind[:, 1:] = seen[:, 1:], seen[:, :-1]
    alone = seen & ~ahead & ~behind & (apart <= _LONGEST_FLASH_S)
    followed = known[:, None] | np.logical_or.accumulate(seen & ~alone, axis=1)
    flash = alone & ~followed
    behind[:, 1:] &= ~flash[:, :-1]
    return behind & ~seen & ahead & (apart <= _LONGEST_GAP_S), flash


def _between(faces: Detections, one: NDArray[np.intp], other: NDArray[np.intp]) -> Detections:
    """Faces half-way between others, which are two frames apart."""
    a, b = faces[one], faces[other]
    return Detections(
        a.frame + np.int32(1),
        np.float32(0.5) * (a.xywh + b.xywh),
        np.minimum(a.score, b.score),
        np.float32(0.5) * (a.points + b.points),
    )
