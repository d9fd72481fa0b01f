"""Reads a camera of this machine, through OpenCV."""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np

from fervid.errors import MediaError
from fervid.live.sources import Source
from fervid.live.stream import Picture
from fervid.video.shapes import working_shape

_USUAL_SIZE = 640
"""Longer side of the pictures that cameras give by default."""


class Camera:
    """An open camera, with the interface of `Stream`. Its pictures have no time stamps.

    Args:
        source: the camera.
        working_size, shape: as for `Stream`.

    Attributes:
        displayed, has_stamps: as for `Stream`.

    Raises:
        MediaError: the camera cannot be opened.
    """

    has_stamps = False

    def __init__(
        self, source: Source, working_size: int, shape: tuple[int, int] | None = None
    ) -> None:
        self.displayed = (0, 0)
        self._name = source.name
        self._working_size = working_size
        self._shape = shape
        self._killed = False
        # OpenCV would print a warning if the camera does not exist.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        kind = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        number = int(source.address) if source.address.isdecimal() else source.address
        self._capture = cv2.VideoCapture(number, kind)
        if not self._capture.isOpened():
            raise MediaError(
                f"{self._name}: cannot be opened; check that it exists, that no other program uses "
                "it, and that access is allowed"
            )
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if working_size > _USUAL_SIZE:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, working_size)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, working_size * 9 // 16)

    def read(self) -> Picture | None:
        """Wait for the next picture; None if there are no more."""
        came, colours = self._capture.read()
        if not came or self._killed:
            return None
        arrived_s = time.monotonic()
        luma = colours if colours.ndim == 2 else cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)
        if self._shape is None:
            height, width = luma.shape
            self._shape = working_shape((width, height), self._working_size)
        if self.displayed == (0, 0):
            self.displayed = luma.shape[1], luma.shape[0]
        size = self._shape[::-1]
        small = luma if luma.shape == self._shape else cv2.resize(luma, size, None, 0, 0, 3)
        return Picture(np.asarray(small, np.uint8), None, arrived_s)

    def kill(self) -> None:
        """Make the awaited picture the last one."""
        self._killed = True

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def reason(self) -> str:
        """Why there are no more pictures, for the user."""
        return "sends no more frames; it may have been unplugged"
