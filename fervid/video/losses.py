"""Frames that could not be decoded: their number, when they were due, which would be sampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.video.sampling import Sampling

_MOST_LISTED = 100
"""Most stretches listed in `meta.json`; the frame table has all."""

_CHUNK = 5_000


@dataclass(frozen=True)
class Stretch:
    """A stretch of missing frames in a recording of constant rate.

    If frames are sampled, some frames between the two ends may have been decoded.

    Attributes:
        after: position, among the decoded frames, of the frame before; -1: the recording's start.
        start, end: time stamps of the frame before and the frame after, in units of the time base.
        steps: number of frame intervals between them.
        lost: number of missing frames, at least 1.
        open: whether the recording ends here, so that there is no frame after.
    """

    after: int
    start: float
    end: float
    steps: int
    lost: int
    open: bool = False

    @property
    def step(self) -> float:
        """Time from frame to frame, in units of the time base."""
        return (self.end - self.start) / self.steps

    @property
    def first(self) -> float:
        """Earliest time at which the first missing frame was due, in units of the time base."""
        # Frames missing at the end come after all decoded ones.
        return self.start + self.step * (self.steps - self.lost if self.open else 1)


@dataclass(frozen=True)
class Losses:
    """The lost frames of a recording; the same in every run unless `end` cuts it short.

    Attributes:
        partial: whether anything is missing or damaged.
        lost_frames: number of lost frames; None: unknown.
        first_bad_s: when the first of them was due in seconds; None: unknown.
        stretches: where frames are known to be missing, ascending, at most 10,000.
        sampling: which frames were kept.
    """

    partial: bool
    lost_frames: int | None
    first_bad_s: float | None
    stretches: tuple[Stretch, ...]
    sampling: Sampling

    @classmethod
    def none(cls, sampling: Sampling) -> Losses:
        """No losses."""
        return cls(False, 0, None, (), sampling)

    def positions(self, decoded: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) positions in the whole recording of (N,) positions among the decoded frames."""
        after = np.array([one.after for one in self.stretches], np.int64)
        lost = np.array([0, *accumulate(one.lost for one in self.stretches)], np.int64)
        return decoded + lost[np.searchsorted(after, decoded)]

    def sampled(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Yield the lost frames that sampling would have kept: some thousands at a time, ascending.

        Returns:
            Their positions in the whole recording (N,) and their due times in seconds (N,).
        """
        before = 0
        for stretch in self.stretches:
            for first in range(1, stretch.steps, _CHUNK):
                place = np.arange(first, min(first + _CHUNK, stretch.steps), dtype=np.int64)
                kept = place[self._keeps(stretch, place)]
                if len(kept):
                    due = (stretch.start + kept * stretch.step) * float(self.sampling.time_base)
                    yield stretch.after + before + kept, due.astype(np.float64)
            before += stretch.lost

    def _keeps(self, stretch: Stretch, place: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the frame intervals after `stretch.start` end in a frame that would be kept."""
        sampling = self.sampling
        due = stretch.start + place * stretch.step
        first, stop = sampling.first, sampling.stop
        kept = (due >= (-np.inf if first is None else first)) & (
            due < (np.inf if stop is None else stop)
        )
        if sampling.fps is None:
            return kept
        ticks = sampling.ticks(np.append(due[0] - stretch.step, due))
        kept &= np.diff(ticks) > 0
        # A lost frame in the next frame's tick does not count: that frame represents the tick.
        return kept if stretch.open else kept & (ticks[1:] < sampling.ticks(np.array(stretch.end)))

    def to_json(self) -> dict[str, Any] | None:
        """Plain JSON for `meta.json`; None if nothing was lost."""
        if not self.partial:
            return None
        return {
            "lost_frames": self.lost_frames,
            "first_bad_s": _rounded(self.first_bad_s),
            "stretches": [
                {
                    "start_s": _rounded(one.first * float(self.sampling.time_base)),
                    "end_s": _rounded(one.end * float(self.sampling.time_base)),
                    "lost_frames": one.lost,
                }
                for one in self.stretches[:_MOST_LISTED]
            ],
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
