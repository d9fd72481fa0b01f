"""Intervals between frames, and gaps in a constant frame rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

SHORTEST_GAP_S = Fraction(1, 4)
"""Gaps shorter than this are reported only if ffmpeg complains, too."""

MAX_KEPT = 10_000
"""Most gaps that are remembered."""

_STEPS_KEPT = 1000
_SURE_AFTER = 16
"""After this many equal steps, they give the rate, whatever the container says."""


@dataclass(frozen=True)
class Gap:
    """Two consecutive frames that are too far apart.

    Attributes:
        index: position of the first one among all decoded frames; -1: the recording's start.
        frames: difference of their positions.
        start, end: their time stamps, in units of the time base.
    """

    index: int
    frames: int
    start: float
    end: float


class Steps:
    """Collects the intervals between frames, in bounded memory.

    Attributes:
        previous: position and time stamp of the newest frame.
        gaps: where frames may be missing, at most `MAX_KEPT`.
        lost_beyond: estimated number of missing frames in later gaps.
        longest: longest interval between two frames, in units of the time base.
    """

    def __init__(self, fps: Fraction, time_base: Fraction) -> None:
        self.previous: tuple[int, int] | None = None
        self.first: tuple[int, int] | None = None
        self.gaps: list[Gap] = []
        self.lost_beyond = 0
        self.longest = 0
        self._time_base = time_base
        self._shortest = float(SHORTEST_GAP_S / time_base)
        self._count: Counter[int] = Counter()
        self._frames: Counter[int] = Counter()
        self._ticks: Counter[int] = Counter()
        self._usual = 0
        self._nominal = float(1 / fps / time_base) if fps else 0.0

    def add(self, index: int, pts: int) -> bool:
        """Add the next frame; False if its time is not after that of the frame before."""
        before, self.previous = self.previous, (index, pts)
        if before is None:
            self.first = self.previous
            return True
        frames, ticks = index - before[0], pts - before[1]
        if ticks <= 0 or frames <= 0:
            self._comes_late(index, before[1], pts)
            return False
        self._count_step(frames, ticks)
        step = self._expected()
        notable = min(self._shortest, 0.75 * step) if step else self._shortest
        if (late := ticks - frames * step) >= notable:
            if len(self.gaps) < MAX_KEPT:
                self.gaps.append(Gap(before[0], frames, before[1], pts))
            elif step:
                self.lost_beyond += round(late / step)
        return True

    def _comes_late(self, index: int, newest: int, pts: int) -> None:
        """A frame that comes out of order is not missing."""
        if self.gaps and self.gaps[-1].end == newest and self.gaps[-1].start < pts:
            self.gaps[-1] = replace(self.gaps[-1], end=pts)
            self.previous = index, newest

    def _count_step(self, frames: int, ticks: int) -> None:
        step = round(ticks / frames)
        self.longest = max(self.longest, step)
        if step in self._count or len(self._count) < _STEPS_KEPT:
            self._count[step] += 1
            self._frames[step] += frames
            self._ticks[step] += ticks
            if self._count[step] > self._count[self._usual]:
                self._usual = step

    def _expected(self) -> float:
        """The interval between frames as far as it is known by now; 0 if unknown."""
        if self._count[self._usual] >= _SURE_AFTER:
            return self._ticks[self._usual] / self._frames[self._usual]
        return self._nominal

    def typical(self) -> float | None:
        """Mean interval in units of the time base if the rate is constant, else None."""
        total = self._count.total()
        half, step = 0, 0
        for step in sorted(self._count):
            half += self._count[step]
            if 2 * half >= total:
                break
        # Containers round time stamps to a millisecond, so steps of 33 and 34 are one rate.
        near = max(step / 10, 2, float(Fraction(3, 2000) / self._time_base))
        same = [other for other in self._count if abs(other - step) <= near]
        if not step or sum(self._count[other] for other in same) < 0.9 * total:
            return None
        return sum(self._ticks[other] for other in same) / sum(self._frames[o] for o in same)
