"""Frames that could not be decoded: how many, when they were due, and which would be sampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.video.sampling import Sampling

_TOLD = 100
"""Stretches in `meta.json`; the frame table has all."""

_CHUNK = 5_000


@dataclass(frozen=True)
class Stretch:
    """A place in a recording of constant rate where frames are missing.

    If frames are sampled, some of those between both ends may have been decoded.

    Attributes:
        after: position of the frame before, among the decoded ones; -1: the recording's start.
        start, end: time stamps of the frame before and of the next one, in units of the time base.
        steps: frame intervals between these.
        lost: how many frames are missing, at least 1.
        open: the recording ends here, so that there is no next frame.
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
        """When the first missing frame was due, at the earliest, in units of the time base."""
        # What is missing at the end of a recording comes after all that was decoded.
        return self.start + self.step * (self.steps - self.lost if self.open else 1)


@dataclass(frozen=True)
class Losses:
    """What of a recording was lost; the same whenever it is decoded, unless `end` cuts it short.

    Attributes:
        partial: whether something is missing or damaged.
        lost_frames: how many frames of the recording did not come out, None: not known.
        first_bad_s: when the first of them was due in seconds, None: not known.
        stretches: where frames are known to be missing, ascending, 10,000 at most.
        sampling: which frames were kept.
    """

    partial: bool
    lost_frames: int | None
    first_bad_s: float | None
    stretches: tuple[Stretch, ...]
    sampling: Sampling

    @classmethod
    def none(cls, sampling: Sampling) -> Losses:
        """All is well."""
        return cls(False, 0, None, (), sampling)

    def positions(self, decoded: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) positions in the whole recording of (N,) positions among the decoded frames."""
        after = np.array([one.after for one in self.stretches], np.int64)
        lost = np.array([0, *accumulate(one.lost for one in self.stretches)], np.int64)
        return decoded + lost[np.searchsorted(after, decoded)]

    def sampled(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Lost frames that would have been kept: some thousands at a time, ascending.

        Returns:
            Their positions in the whole recording (N,), and when they were due in seconds (N,).
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
        """Which of the frame intervals after `stretch.start` lead to a frame to be kept."""
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
        # A frame of the next one's tick is not missed: that one was taken for it.
        return kept if stretch.open else kept & (ticks[1:] < sampling.ticks(np.array(stretch.end)))

    def to_json(self) -> dict[str, Any] | None:
        """What `meta.json` says of it, None if nothing was lost."""
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
                for one in self.stretches[:_TOLD]
            ],
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
