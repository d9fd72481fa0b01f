"""How far apart frames come, and where frames are missing from a constant rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

SHORTEST_GAP_S = Fraction(1, 4)
"""Shorter stretches without a frame are only told when ffmpeg complains too."""

MAX_KEPT = 10_000
"""Gaps that are remembered, however many there are."""

_STEPS_KEPT = 1000
_SURE_AFTER = 16
"""From so many equal steps on, these tell the rate, not what the container says."""


@dataclass(frozen=True)
class Gap:
    """Two frames one after the other that are too far apart.

    Attributes:
        index: position of the first one among all decoded frames, -1: the recording's start.
        frames: by how much the positions of both differ.
        start, end: their time stamps in units of the time base.
    """

    index: int
    frames: int
    start: float
    end: float


class Steps:
    """Collects the time from frame to frame; memory stays bounded.

    Attributes:
        previous: position and time stamp of the newest frame.
        gaps: where frames may be missing, `MAX_KEPT` at most.
        lost_beyond: about how many frames are missing in later ones.
        longest: longest time from a frame to the next, in units of the time base.
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
        """Take the next frame; False if it does not come after the one before."""
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
        """A frame that comes after the one behind it is not missing."""
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
        """Time from frame to frame as far as it is known by now, 0 if it is not."""
        if self._count[self._usual] >= _SURE_AFTER:
            return self._ticks[self._usual] / self._frames[self._usual]
        return self._nominal

    def typical(self) -> float | None:
        """Mean step in time base units if the recording is of constant rate, else None."""
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
