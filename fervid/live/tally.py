"""What came of a stream, what was dropped, and how late the rest was."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fervid.live.newest import Frame, Newest

_MANY = 0.05
"""Share of frames that were dropped above which the user is warned."""

_MOST_MS = 10_000


class Tally:
    """Counts of one session; memory does not grow.

    Attributes:
        analysed: frames that were.
    """

    def __init__(self) -> None:
        self.analysed = 0
        self._began: Frame | None = None
        self._began_at: datetime | None = None
        self._counts = np.zeros(_MOST_MS + 1, np.int64)

    @property
    def passed_s(self) -> float:
        """Seconds since the first analysed frame came, 0 before."""
        return 0.0 if self._began is None else time.monotonic() - self._began.arrived_s

    def begin(self, frame: Frame) -> float:
        """When a frame was taken, in seconds since the first one that is analysed."""
        if self._began is None:
            self._began, self._began_at = frame, datetime.now(UTC)
        return frame.time_s - self._began.time_s

    def end(self, frame: Frame) -> float:
        """Note that a frame is done; seconds since it arrived."""
        latency_s = time.monotonic() - frame.arrived_s
        self.analysed += 1
        self._counts[min(round(latency_s * 1e3), _MOST_MS)] += 1
        return latency_s

    def latency_ms(self, share: float) -> int:
        """Milliseconds within which this share of the frames was done."""
        return int(np.searchsorted(np.cumsum(self._counts), share * self.analysed))

    def to_json(self, slot: Newest) -> dict[str, Any]:
        """What `meta.json` says of it."""
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
        """A line if so many frames were dropped that a reader must know."""
        share = slot.dropped / max(1, slot.dropped + self.analysed)
        if share < _MANY:
            return []
        return [f"{share:.0%} of the frames came faster than they could be analysed"]
