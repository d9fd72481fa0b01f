"""Holds the newest frame for analysis; older ones are dropped."""

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
        index: its position among all received frames, from 0.
        time_s: when it was taken, in seconds since the first frame.
        stamp_s: the stream's time stamp in seconds; None if it has none.
        arrived_s: when it left the decoder, on `time.monotonic`.
    """

    image: NDArray[np.uint8]
    index: int
    time_s: float
    stamp_s: float | None
    arrived_s: float


class Newest:
    """Holds the newest frame until it is taken; an older one that still waits is dropped.

    Attributes:
        came: number of frames received.
        dropped: number of frames dropped since `begin`.
        unready: number of frames dropped before `begin`, while networks were being compiled.
        dropped_before: number of frames dropped before the last taken frame.
    """

    def __init__(self) -> None:
        self.came = self.dropped = self.unready = self.dropped_before = 0
        self._frame: Frame | None = None
        self._ended = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Put a frame here."""
        with self._changed:
            self.came += 1
            self.dropped += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

    def end(self) -> None:
        """Note that no more frames come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def begin(self) -> None:
        """Count dropped frames from now on."""
        with self._changed:
            self.unready, self.dropped = self.unready + self.dropped, 0

    @property
    def is_over(self) -> bool:
        """Whether no frame waits and no more come."""
        with self._changed:
            return self._ended and self._frame is None

    def peek(self, timeout_s: float) -> Frame | None:
        """Return the waiting frame without taking it; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout_s)
            return self._frame

    def take(self, timeout_s: float) -> Frame | None:
        """Take the waiting frame; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout_s)
            frame, self._frame = self._frame, None
            self.dropped_before = self.dropped
            return frame
