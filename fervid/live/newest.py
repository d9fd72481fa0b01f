"""Where frames wait to be analysed: one at most, as the newest one wins."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """A frame of a stream.

    Attributes:
        image: (H, W) uint8 luma at the working size.
        index: its position among all that came, from 0.
        time_s: when it was taken, in seconds since the first one.
        stamp_s: the stream's own time stamp in seconds, None if it has none.
        arrived_s: when it came out of the decoder, on `time.monotonic`.
    """

    image: NDArray[np.uint8]
    index: int
    time_s: float
    stamp_s: float | None
    arrived_s: float


class Newest:
    """Holds the newest frame until it is taken; the one that waited before it is dropped.

    Attributes:
        came: frames that were put here.
        dropped: those that gave way to a newer one since `begin`.
        unready: the same before it, while the networks were being compiled.
        dropped_before: of the dropped ones, those that came before the frame that was taken last.
    """

    def __init__(self) -> None:
        self.came = self.dropped = self.unready = self.dropped_before = 0
        self._frame: Frame | None = None
        self._ended = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Let a frame wait."""
        with self._changed:
            self.came += 1
            self.dropped += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

    def end(self) -> None:
        """No more frames come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def begin(self) -> None:
        """What was dropped so far does not count: nobody was ready."""
        with self._changed:
            self.unready, self.dropped = self.unready + self.dropped, 0

    @property
    def is_over(self) -> bool:
        """Whether nothing waits and nothing more comes."""
        with self._changed:
            return self._ended and self._frame is None

    def peek(self, timeout_s: float) -> Frame | None:
        """The frame that waits, without taking it; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout_s)
            return self._frame

    def take(self, timeout_s: float) -> Frame | None:
        """The frame that waits; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout_s)
            frame, self._frame = self._frame, None
            self.dropped_before = self.dropped
            return frame
