"""How long each row of the frame table stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Durations:
    """Sets `lasts_s`: a frame lasts until the next sampled one.

    Takes the rows of `fervid.results.rows.ROW` in pieces of any size, from the last to the first.

    Args:
        frame_s: seconds from frame to frame; so long lasts the last one.
        longest_s: a frame lasts no longer, whatever gap follows.
    """

    def __init__(self, frame_s: float, longest_s: float) -> None:
        self._frame_s = frame_s
        self._longest_s = longest_s
        self._after: tuple[int, float, float] | None = None
        """The first frame of the piece after: its number, its time, and the next frame's time."""

    def back(self, rows: NDArray[Any]) -> None:
        """Set it for the piece before those of earlier calls."""
        if not len(rows):
            return
        frames, first, which = np.unique(rows["frame"], return_index=True, return_inverse=True)
        times = rows["time_s"][first]
        if self._after is None:
            ends = np.append(times[1:], times[-1] + self._frame_s)
        else:
            number, time_s, next_s = self._after
            ends = np.append(times[1:], next_s if frames[-1] == number else time_s)
        self._after = int(frames[0]), float(times[0]), float(ends[0])
        rows["lasts_s"] = np.minimum(ends - times, self._longest_s)[which]
