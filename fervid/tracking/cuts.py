"""Finds the cuts between the shots of a recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fervid.tracking.frame_faces import FrameFaces

_AHEAD = 2
"""A cut is known this many frames later."""

_LEAST_RATIO = 3.0
"""A cut changes the picture this many times as much as the frames around it."""

_LEAST_CHANGE = 30.0
"""Smallest mean difference of grey values of a cut. At a few frames per second, moving people
change a picture by up to 28, and cuts between shots by more than 35."""

_NEXT_TO_NOTHING = 1e-5

FrameFacesWithCuts = tuple[FrameFaces, NDArray[np.bool_]]
"""T frames with their faces, and (T,) whether each frame is the first of a new shot."""


class CutFinder:
    """Finds the first frame of each shot.

    A cut is a frame that differs from the one before by far more than its two neighbours on each
    side do (PySceneDetect's adaptive detector, with its default ratio).

    Attributes:
        times_s: times of cuts in seconds.
    """

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._waiting: deque[FrameFaces] = deque()
        self._before = np.full(_AHEAD, np.nan)
        """Changes at the frames before the first waiting one; NaN if there is none."""

    def follow(self, searched: Iterable[FrameFaces]) -> Iterator[FrameFacesWithCuts]:
        """Yield all frames, and for each whether it is the first of a shot."""
        for seen in searched:
            yield from self.add(seen)
        yield from self.flush()

    def add(self, seen: FrameFaces) -> Iterator[FrameFacesWithCuts]:
        """Add the next frames; yield the earlier ones whose cuts are now known."""
        self._waiting.append(seen)
        ahead = sum(len(one.batch) for one in self._waiting) - len(self._waiting[0].batch)
        while self._waiting and ahead >= _AHEAD:
            yield self._oldest()
            ahead -= len(self._waiting[0].batch) if self._waiting else 0

    def flush(self) -> Iterator[FrameFacesWithCuts]:
        """Yield the remaining frames at the end of the recording."""
        while self._waiting:
            yield self._oldest()

    def _oldest(self) -> FrameFacesWithCuts:
        seen, count = self._waiting[0], len(self._waiting[0].batch)
        none = np.full(_AHEAD, np.nan)
        after = np.concatenate([*(one.changes for one in [*self._waiting][1:]), none])[:_AHEAD]
        changes = np.concatenate([self._before, seen.changes, after])
        cuts = _is_cut(changes)[:count]
        self._waiting.popleft()
        self._before = changes[count : count + _AHEAD]
        self.times_s += seen.batch.time_s[cuts].tolist()
        return seen, cuts


def _is_cut(changes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T,) whether each frame is a cut, from (T + 4,) changes with two more on each side; NaN:
    none.

    The first two and the last two frames of a recording are never cuts.
    """
    windows = np.lib.stride_tricks.sliding_window_view(changes, 2 * _AHEAD + 1)
    own = windows[:, _AHEAD]
    around = (windows[:, 0] + windows[:, 1] + windows[:, 3] + windows[:, 4]) / (2 * _AHEAD)
    # Compared with no change, any change is large.
    ratio = own / np.where(around < _NEXT_TO_NOTHING, _NEXT_TO_NOTHING, around)
    return np.asarray((ratio >= _LEAST_RATIO) & (own >= _LEAST_CHANGE))
