"""The duration that each row of the frame table represents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDED_S = 0.01
"""Precision of the lengths of recordings, in seconds."""


class Durations:
    """Sets `lasts_s`, the time until the next sampled frame.

    Takes the rows of `fervid.results.rows.ROW` in pieces of any size, from the last to the first.

    Args:
        frame_s: seconds from frame to frame; the last frame lasts this long.
        longest_s: longest duration of a frame, even before a longer gap.
        end_s: end of the recording, which also ends the last frame; None: unknown.
    """

    def __init__(self, frame_s: float, longest_s: float, end_s: float | None = None) -> None:
        self._recording_end_s = math.inf if end_s is None else end_s
        self._frame_s = frame_s
        self._longest_s = longest_s
        self._after: tuple[int, float, float] | None = None
        """The first frame of the following piece: its number, its time, and the next frame's time.
        """

    def back(self, rows: NDArray[Any]) -> None:
        """Set `lasts_s` in the piece before those of earlier calls."""
        if not len(rows):
            return
        frames, first, which = np.unique(rows["frame"], return_index=True, return_inverse=True)
        times = rows["time_s"][first]
        if self._after is None:
            ends = np.append(times[1:], self._last_end(float(times[-1])))
        else:
            number, time_s, next_s = self._after
            ends = np.append(times[1:], next_s if frames[-1] == number else time_s)
        self._after = int(frames[0]), float(times[0]), float(ends[0])
        rows["lasts_s"] = np.minimum(ends - times, self._longest_s)[which]

    def _last_end(self, time_s: float) -> float:
        """When a last frame at this time ends."""
        end_s = time_s + self._frame_s
        known_s = self._recording_end_s
        # Lengths are rounded, so at a constant rate the frame interval is more exact.
        return known_s if time_s < known_s < end_s - _ROUNDED_S else end_s
