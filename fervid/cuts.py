"""Where a recording cuts from one shot to another, found by PySceneDetect."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch

_SIZE = (64, 36)
_MEAN, _SPREAD, _LEAST_SPREAD = 128.0, 50.0, 8.0
_AHEAD = 2
"""A cut is known so many frames later."""

_LEAST_CHANGE = 30.0
"""Mean difference of grey values from which a change may be a cut. At a few frames a second people
who move change a picture by up to 28; cuts between shots, by more than 35."""


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

    def follow(
        self, searched: Iterable[tuple[FrameBatch, Detections]]
    ) -> Iterator[tuple[FrameBatch, Detections, NDArray[np.bool_]]]:
        """The batches with their faces, and for each frame whether it is the first of a shot."""
        # Loaded here, as it takes a tenth of a second.
        from scenedetect.common import FrameTimecode
        from scenedetect.detectors import AdaptiveDetector

        detector = AdaptiveDetector(
            luma_only=True,
            min_scene_len=1,
            window_width=_AHEAD,
            min_content_val=_LEAST_CHANGE,
        )
        waiting: deque[tuple[int, FrameBatch, Detections]] = deque()
        found_cuts: set[int] = set()
        count = 0

        def oldest() -> tuple[FrameBatch, Detections, NDArray[np.bool_]]:
            first, batch, faces = waiting.popleft()
            cuts = np.isin(np.arange(first, first + len(batch)), list(found_cuts))
            found_cuts.difference_update(range(first, first + len(batch)))
            self.times_s += batch.time_s[cuts].tolist()
            return batch, faces, cuts

        for batch, faces in searched:
            waiting.append((count, batch, faces))
            for number, image in enumerate(batch.images, start=count):
                # The rate is of no interest: frames are counted, not timed.
                cut = detector.process_frame(FrameTimecode(number, fps=25.0), _small(image))
                found_cuts.update(time.frame_num for time in cut)
            count += len(batch)
            while waiting and waiting[0][0] + len(waiting[0][1]) + _AHEAD <= count:
                yield oldest()
        while waiting:
            yield oldest()


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(36, 64, 3) picture of a frame with mean 128 and standard deviation 50."""
    small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_LINEAR)
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(small))
    scale = _SPREAD / max(spread, _LEAST_SPREAD)
    even = cv2.addWeighted(small, scale, small, 0.0, _MEAN - scale * mean)
    return np.asarray(cv2.cvtColor(even, cv2.COLOR_GRAY2BGR), np.uint8)
