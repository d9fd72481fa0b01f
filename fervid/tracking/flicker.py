"""Removes flicker: a single frame neither makes a face nor ends one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch, TrackedFaces
from fervid.tracking.cuts import FrameFacesWithCuts
from fervid.tracking.frame_faces import FrameFaces
from fervid.tracking.stillness import StillFaces
from fervid.tracking.tracks import Tracker

_LONGEST_GAP_S = 0.5
"""A face missing in one frame is filled in if the frames around it are no further apart."""

_LONGEST_FLASH_S = 0.3
"""A face in a single frame is dropped if the frames around it are no further apart."""

TrackedBatch = tuple[FrameBatch, TrackedFaces, NDArray[np.bool_]]
"""T frames, their tracked faces, and (T,) whether each frame is the first of a new shot."""


class FlickerFilter:
    """Follows faces from batch to batch, with a delay of one batch.

    If one sampled frame lacks a face that the frames before and after show, the face is filled in
    half-way between its boxes there. A face that only a single frame shows is dropped until two
    frames in a row show it.

    Attributes:
        filled, dropped: numbers of faces filled in and dropped.
        still: finds faces that never move.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.still = StillFaces()
        self._numbers: dict[int, int] = {}
        self._last: list[_Part] = []
        self._now: _Part | None = None
        self.filled = self.dropped = 0

    def follow(self, searched: Iterable[FrameFacesWithCuts]) -> Iterator[TrackedBatch]:
        """Yield batches with their faces, tracks numbered from 1 by first appearance, and cuts."""
        for seen, cuts in searched:
            yield from self.add(seen, cuts)
        yield from self.flush()

    def add(self, seen: FrameFaces, cuts: NDArray[np.bool_]) -> Iterator[TrackedBatch]:
        """Add the next batch; yield the one before it, if there is one."""
        ids = self._tracker.update(seen, cuts)
        after = _Part.of(seen.batch, seen.faces, ids, cuts)
        now, self._now = self._now, after
        if now is not None:
            yield now.batch, self._filtered(now, after), now.cuts

    def flush(self) -> Iterator[TrackedBatch]:
        """Yield the last batch at the end of the recording."""
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
        """Number ids from 1 in the order in which they come."""
        distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        for identity in distinct[np.argsort(first)].tolist():
            self._numbers.setdefault(identity, len(self._numbers) + 1)
        return np.array([self._numbers[i] for i in distinct.tolist()], np.int64)[inverse]


@dataclass(frozen=True)
class _Part:
    """Frames with their tracked faces."""

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
        """A single frame, under another number."""
        mine = self.faces.frame == row
        faces = replace(self.faces[mine], frame=np.full(mine.sum(), number, np.int32))
        alone = slice(row, row + 1)
        return _Part(self.batch, faces, self.ids[mine], self.time_s[alone], self.cuts[alone])


def _gaps_and_flashes(
    seen: NDArray[np.bool_], times: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where to fill in and where to drop faces; both (tracks, frames), like `seen`.

    Args:
        seen: (tracks, frames), whether a track is in a frame.
        times: (frames,) seconds.
        known: (tracks,) whether a track began before the first frame.
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
    """Faces half-way between those of two frames."""
    a, b = faces[one], faces[other]
    return Detections(
        a.frame + np.int32(1),
        np.float32(0.5) * (a.xywh + b.xywh),
        np.minimum(a.score, b.score),
        np.float32(0.5) * (a.points + b.points),
    )
