"""When frames of a stream were taken, on one time axis, whatever their own time stamps do."""

from __future__ import annotations

_MOST_AHEAD_S = 2.0
"""A stream that comes live cannot run so far ahead of our clock: its stamps have jumped."""

_MOST_BEHIND_S = 10.0
"""Nor may it fall so far behind all at once."""

_LEAST_STEP_S = 1e-3


class Clock:
    """Times that ascend: the stream's own steps where it has stamps, else those of arrival.

    Stamps count from an anchor, which is set by arrival: at the first frame, after `again`, and
    where stamps jump, as they do when a sender starts over.

    Attributes:
        jumps: how often stamps did that.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self._began: float | None = None
        self._anchor: tuple[float, float] | None = None
        self._last_s = -_LEAST_STEP_S

    def again(self) -> None:
        """The stream was opened anew: its stamps may be others."""
        self._anchor = None

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:
        """Seconds since the first frame.

        Args:
            stamp_s: the stream's own time stamp, None if it has none.
            arrived_s: when the frame came, on our clock.
        """
        if self._began is None:
            self._began = arrived_s
        by_arrival = arrived_s - self._began
        if stamp_s is None:
            return self._ascending(by_arrival)
        if self._anchor is None:
            self._anchor = stamp_s, by_arrival
        time_s = self._anchor[1] + stamp_s - self._anchor[0]
        behind = by_arrival - time_s
        if time_s <= self._last_s or not -_MOST_AHEAD_S <= behind <= _MOST_BEHIND_S:
            self.jumps += 1
            self._anchor = stamp_s, by_arrival
            time_s = by_arrival
        return self._ascending(time_s)

    def _ascending(self, time_s: float) -> float:
        self._last_s = max(time_s, self._last_s + _LEAST_STEP_S)
        return self._last_s
