"""Converts between image files of faces and arrays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import FACE_SIZE


def decode(blob: bytes, where: str) -> NDArray[np.uint8]:
    """(48, 48) uint8 luma of a PNG, JPEG or WebP file, grey or colour.

    Raises:
        FervidError: it is not a picture or has another size; the message begins with `where`.
    """
    try:
        image = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        image = None
    if image is None:
        raise FervidError(f"{where}: is not a readable picture; get the data set again")
    if image.shape != (FACE_SIZE, FACE_SIZE):
        height, width = image.shape
        raise FervidError(
            f"{where}: is {width}x{height} pixels, not {FACE_SIZE}x{FACE_SIZE}; get the copy with "
            "the original sizes"
        )
    return np.asarray(image, np.uint8)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A (48, 48) uint8 image as grey PNG, lossless."""
    return bytes(cv2.imencode(".png", image)[1])
