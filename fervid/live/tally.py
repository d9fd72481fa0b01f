"""Counts received and dropped frames of a stream, and measures the delay."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fervid.live.newest import Frame, Newest

_MANY = 0.05
"""The user is warned if a larger share of frames was dropped."""

_MOST_MS = 10_000


class Tally:
    """Counts of one session, in constant memory.

    Attributes:
        analysed: number of analysed frames.
    """

    def __init__(self) -> None:
        self.analysed = 0
        self._began: Frame | None = None
        self._began_at: datetime | None = None
        self._counts = np.zeros(_MOST_MS + 1, np.int64)

    @property
    def passed_s(self) -> float:
        """Seconds since the first analysed frame arrived; 0 before."""
        return 0.0 if self._began is None else time.monotonic() - self._began.arrived_s

    def begin(self, frame: Frame) -> float:
        """Time of a frame in seconds since the first analysed one."""
        if self._began is None:
            self._began, self._began_at = frame, datetime.now(UTC)
        return frame.time_s - self._began.time_s

    def end(self, frame: Frame) -> float:
        """Count a finished frame; return the seconds since it arrived."""
        latency_s = time.monotonic() - frame.arrived_s
        self.analysed += 1
        self._counts[min(round(latency_s * 1e3), _MOST_MS)] += 1
        return latency_s

    def latency_ms(self, share: float) -> int:
        """Milliseconds within which this share of the frames was finished."""
        return int(np.searchsorted(np.cumsum(self._counts), share * self.analysed))

    def to_json(self, slot: Newest) -> dict[str, Any]:
        """Plain JSON for `meta.json`."""
        began = self._began_at
        return {
            "began": began and began.isoformat(timespec="milliseconds"),
            "frames": {
                "analysed": self.analysed,
                "dropped": slot.dropped,
                "while_starting": slot.unready,
            },
            "latency_ms": {"median": self.latency_ms(0.5), "95%": self.latency_ms(0.95)},
        }

    def warnings(self, slot: Newest) -> list[str]:
        """A warning if many frames were dropped."""
        share = slot.dropped / max(1, slot.dropped + self.analysed)
        if share < _MANY:
            return []
        return [
            f"{share:.0%} of the frames were dropped because they came faster than they could "
            "be analysed"
        ]
