"""Times of a stream's frames on one time axis, even if their time stamps jump."""

from __future__ import annotations

_LONGEST_STEP_S = 10.0
"""Time stamps have jumped if they advance by this much more than our clock."""

_LEAST_STEP_S = 1e-3


class Clock:
    """Ascending times, from the stream's time stamps if it has any, else from times of arrival.

    Where time stamps jump, or the stream was reopened, the step of our clock is used.

    Attributes:
        jumps: number of jumps.
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
        """Note that the stream was reopened, so that its time stamps may be different."""
        self._stamp_s = None

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:
        """Seconds since the first frame.

        Args:
            stamp_s: the stream's time stamp in seconds; None if it has none.
            arrived_s: time of arrival on our clock.
        """
        if self._began_s is None:
            self._began_s = self._arrived_s = arrived_s
        step_s = self._own_step(stamp_s, arrived_s - self._arrived_s)
        by_arrival_s = arrived_s - self._began_s
        if step_s is not None:
            self._step_s = step_s
            self._time_s += step_s
            # Frames queued at the sender come in bursts, so the delay is that of the least delayed
            # ones.
            self._lead_s = max(self._lead_s, self._time_s - by_arrival_s)
        else:
            least_s = _LEAST_STEP_S if stamp_s is None else self._step_s
            self._time_s = max(by_arrival_s + self._lead_s, self._time_s + least_s)
        self._stamp_s, self._arrived_s = stamp_s, arrived_s
        return self._time_s

    def _own_step(self, stamp_s: float | None, passed_s: float) -> float | None:
        """The step of the stream's own time; None if unknown."""
        if stamp_s is None or self._stamp_s is None:
            return None
        step_s = stamp_s - self._stamp_s
        if 0 < step_s <= passed_s + _LONGEST_STEP_S:
            return step_s
        self.jumps += 1
        return None
