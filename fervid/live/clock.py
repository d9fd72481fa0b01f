"""When frames of a stream were taken, on one time axis, whatever their own time stamps do."""

from __future__ import annotations

_LONGEST_STEP_S = 10.0
"""Stamps that go on by so much more than our clock have jumped, as when a sender starts over."""

_LEAST_STEP_S = 1e-3


class Clock:
    """Times that ascend: the stream's own steps where it has stamps, else those of arrival.

    Where stamps jump or the stream was opened anew, the step is that of our clock.

    Attributes:
        jumps: how often stamps did that.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self._began_s: float | None = None
        self._arrived_s = 0.0
        self._stamp_s: float | None = None
        self._step_s = _LEAST_STEP_S
        self._time_s = -_LEAST_STEP_S
        self._lead_s = 0.0

    def again(self) -> None:
        """The stream was opened anew: its stamps may be others."""
        self._stamp_s = None

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:
        """Seconds since the first frame.

        Args:
            stamp_s: the stream's own time stamp, None if it has none.
            arrived_s: when the frame came, on our clock.
        """
        if self._began_s is None:
            self._began_s = self._arrived_s = arrived_s
        step_s = self._own_step(stamp_s, arrived_s - self._arrived_s)
        by_arrival_s = arrived_s - self._began_s
        if step_s is not None:
            self._step_s = step_s
            self._time_s += step_s
            # What waits at a sender comes at once; those that waited least tell the delay.
            self._lead_s = max(self._lead_s, self._time_s - by_arrival_s)
        else:
            least_s = _LEAST_STEP_S if stamp_s is None else self._step_s
            self._time_s = max(by_arrival_s + self._lead_s, self._time_s + least_s)
        self._stamp_s, self._arrived_s = stamp_s, arrived_s
        return self._time_s

    def _own_step(self, stamp_s: float | None, passed_s: float) -> float | None:
        """By how much the stream's own time went on; None where that is not known."""
        if stamp_s is None or self._stamp_s is None:
            return None
        step_s = stamp_s - self._stamp_s
        if 0 < step_s <= passed_s + _LONGEST_STEP_S:
            return step_s
        self.jumps += 1
        return None
