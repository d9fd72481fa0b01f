"""Where a recording cuts from one shot to another, found by PySceneDetect."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch

if TYPE_CHECKING:
    from scenedetect.detectors import AdaptiveDetector

_SIZE = (64, 36)
_MEAN, _SPREAD, _LEAST_SPREAD = 128.0, 50.0, 8.0
_AHEAD = 2
"""A cut is known so many frames later."""

_LEAST_CHANGE = 30.0
"""Mean difference of grey values from which a change may be a cut. At a few frames a second people
who move change a picture by up to 28; cuts between shots, by more than 35."""

BatchWithCuts = tuple[FrameBatch, Detections, NDArray[np.bool_]]
"""T frames, their faces, and (T,) whether each is the first of a new shot."""


class CutFinder:
    """Tells the first frame of each shot.

    A cut is a frame that differs from the one before far more than its neighbours do
    (`AdaptiveDetector`, whose ratio is its own), in small pictures of equal mean and contrast:
    flashes and fades change nothing else.

    Attributes:
        times_s: when there were cuts, in seconds.
    """

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._waiting: deque[tuple[int, FrameBatch, Detections]] = deque()
        self._found: set[int] = set()
        self._count = 0

    @cached_property
    def _detector(self) -> AdaptiveDetector:
        # Loaded here, as it takes a tenth of a second.
        from scenedetect.detectors import AdaptiveDetector

        return AdaptiveDetector(
            luma_only=True,
            min_scene_len=1,
            window_width=_AHEAD,
            min_content_val=_LEAST_CHANGE,
        )

    def follow(self, searched: Iterable[tuple[FrameBatch, Detections]]) -> Iterator[BatchWithCuts]:
        """The batches with their faces, and for each frame whether it is the first of a shot."""
        for batch, faces in searched:
            yield from self.add(batch, faces)
        yield from self.rest()

    def add(self, batch: FrameBatch, faces: Detections) -> Iterator[BatchWithCuts]:
        """Take the next batch; the batches before it whose cuts are known now."""
        from scenedetect.common import FrameTimecode

        self._waiting.append((self._count, batch, faces))
        for number, image in enumerate(batch.images, start=self._count):
            # The rate is of no interest: frames are counted, not timed.
            cut = self._detector.process_frame(FrameTimecode(number, fps=25.0), _small(image))
            self._found.update(time.frame_num for time in cut)
        self._count += len(batch)
        waiting = self._waiting
        while waiting and waiting[0][0] + len(waiting[0][1]) + _AHEAD <= self._count:
            yield self._oldest()

    def rest(self) -> Iterator[BatchWithCuts]:
        """The batches whose cuts are known as no more frames come."""
        while self._waiting:
            yield self._oldest()

    def _oldest(self) -> BatchWithCuts:
        first, batch, faces = self._waiting.popleft()
        cuts = np.isin(np.arange(first, first + len(batch)), list(self._found))
        self._found.difference_update(range(first, first + len(batch)))
        self.times_s += batch.time_s[cuts].tolist()
        return batch, faces, cuts


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(36, 64, 3) picture of a frame with mean 128 and standard deviation 50."""
    small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_LINEAR)
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(small))
    scale = _SPREAD / max(spread, _LEAST_SPREAD)
    even = cv2.addWeighted(small, scale, small, 0.0, _MEAN - scale * mean)
    return np.asarray(cv2.cvtColor(even, cv2.COLOR_GRAY2BGR), np.uint8)
