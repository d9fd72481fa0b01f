"""Which frames of a recording are kept, decided by exact integer time stamps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_EXACT_BITS = 52
"""ffmpeg evaluates expressions in float64, where `floor` is exact for products below 2**52."""


@dataclass(frozen=True)
class Sampling:
    """The rule for keeping frames: those in a time range, and at most one per 1/fps.

    A frame at time t belongs to tick floor((t + half) * fps). `half` is half the recording's
    nominal frame interval, so that small jitter of the time stamps changes nothing. A frame is kept
    if its tick is above that of every earlier frame: the first frame at or after each k / fps, give
    or take `half`. Ticks count from the recording's start, so a time range keeps a subset of what
    the whole recording would keep. Frames keep their own times; none is repeated.

    Attributes:
        time_base: seconds in one unit of the time stamps.
        fps: frames per second to keep; None: every frame.
        half: half a nominal frame interval, in units of `time_base`.
        first, stop: range of kept time stamps, first <= pts < stop; None: open.
    """

    time_base: Fraction
    fps: Fraction | None = None
    half: int = 0
    first: int | None = None
    stop: int | None = None

    @classmethod
    def plan(
        cls,
        time_base: Fraction,
        recording_fps: Fraction,
        fps: float | None,
        start: float | None,
        end: float | None,
    ) -> Sampling:
        """The sampling for a user's choice, in seconds and frames per second.

        Numbers mean what they print as (0.1 is one tenth). An `fps` at or above the recording's own
        rate keeps every frame.
        """
        rate = None if fps is None else Fraction(str(fps))
        if rate is not None and recording_fps and rate >= recording_fps:
            rate = None
        half = math.floor(1 / (2 * recording_fps * time_base)) if recording_fps else 0
        first, stop = (
            None if edge is None else math.ceil(Fraction(str(edge)) / time_base)
            for edge in (start, end)
        )
        return cls(time_base, rate, half, first, stop)

    def tick(self, pts: int) -> int:
        """Number of the tick that a frame belongs to."""
        assert self.fps is not None
        return math.floor((pts + self.half) * self.time_base * self.fps)

    def ticks(self, pts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for (N,) time stamps, which may be fractional."""
        assert self.fps is not None
        return np.floor((pts + self.half) * float(self.time_base * self.fps))

    def in_range(self, pts: int) -> bool:
        """Whether a frame is in the time range."""
        return (self.first is None or pts >= self.first) and (self.stop is None or pts < self.stop)

    def kept(self, pts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) whether `Sampler` keeps each frame, given the time stamps of all N frames."""
        kept = np.ones(len(pts), np.bool_)
        if self.fps is not None:
            scale = self.time_base * self.fps
            up, down = scale.as_integer_ratio()
            ticks = np.array([(one + self.half) * up // down for one in pts.tolist()])
            kept[1:] = np.diff(np.maximum.accumulate(ticks)) > 0
        low, high = -np.inf if self.first is None else self.first, self.stop
        return kept & (pts >= low) & (pts < (np.inf if high is None else high))

    def comes(self, pts: NDArray[np.int64], duration_s: float | None) -> NDArray[np.bool_]:
        """(N,) whether each frame comes out of `filters`, given all N time stamps."""
        if self.selects_exactly(duration_s):
            return self.kept(pts)
        return np.asarray(pts < (np.inf if self.stop is None else self.stop))

    def selects_exactly(self, duration_s: float | None) -> bool:
        """Whether nothing comes out of `filters` that is not kept."""
        return self.fps is None or self._is_exact(duration_s)

    def _is_exact(self, duration_s: float | None) -> bool:
        """Whether ffmpeg can compute ticks exactly."""
        assert self.fps is not None
        longest = math.ceil((duration_s or 1e6) / self.time_base)
        scale = self.time_base * self.fps
        return (longest * scale.numerator).bit_length() < _EXACT_BITS

    def filters(self, duration_s: float | None) -> list[str]:
        """ffmpeg filters that drop frames early; they keep at least what `Sampler` keeps.

        Args:
            duration_s: length of the recording, to decide whether float64 is exact for it.
        """
        exact = False
        chain = [] if self.stop is None else [f"trim=end_pts={self.stop}"]
        if self.fps is not None:
            scale = self.time_base * self.fps
            exact = self._is_exact(duration_s)
            if exact:
                tick = f"floor((%s+{self.half})*{scale.numerator}/{scale.denominator})"
                new = f"gt({tick % 'pts'},{tick % 'prev_selected_pts'})"
                chain.append(f"select='isnan(prev_selected_pts)+{new}'")
        # Without the select filter, the frames before `first` decide whether a later one is kept.
        if self.first is not None and (self.fps is None or exact):
            chain.append(f"trim=start_pts={self.first}")
        return chain


class Sampler:
    """Applies a `Sampling` to the time stamps of one pass, in presentation order."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self._last_tick: int | None = None

    def keeps(self, pts: int) -> bool:
        """Whether the next frame is kept."""
        if self.sampling.fps is not None:
            tick = self.sampling.tick(pts)
            if self._last_tick is not None and tick <= self._last_tick:
                return False
            self._last_tick = tick
        return self.sampling.in_range(pts)
