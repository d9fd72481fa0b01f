"""Degraded copies of face images, the same at every call.

They are made with OpenCV and its JPEG codec, not with the augmentation of the training: a network
must not be tested with the very code that it was trained with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

_SEED = 2013


@dataclass(frozen=True)
class Copy:
    """One way to degrade images.

    Attributes:
        name: its key in `evaluation.json`.
        title: what it does, for the reader.
        make: (N, 48, 48) uint8 images -> degraded images of the same shape and dtype.
    """

    name: str
    title: str
    make: Callable[[Images], Images]


def blurred(images: Images, sigma: float = 1.5) -> Images:
    """Gaussian blur with a standard deviation of `sigma` px, edges replicated."""
    border = cv2.BORDER_REPLICATE
    return _each(images, lambda x: cv2.GaussianBlur(x, (0, 0), sigma, borderType=border))


def small(images: Images, side: int = 24) -> Images:
    """Shrunk to `side` px by area and enlarged again bilinearly."""
    whole = images.shape[2], images.shape[1]

    def there_and_back(x: Images) -> NDArray[np.generic]:
        reduced = cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(reduced, whole, interpolation=cv2.INTER_LINEAR)

    return _each(images, there_and_back)


def jpeg(images: Images, quality: int = 30) -> Images:
    """Through OpenCV's JPEG codec, grey, at a quality of 1 to 100."""

    def there_and_back(x: Images) -> NDArray[np.generic]:
        _, blob = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE))

    return _each(images, there_and_back)


def dark(images: Images, gamma: float = 2.0) -> Images:
    """Luma to the power of `gamma`, on a scale of 0 to 1."""
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return _each(images, lambda x: cv2.LUT(x, table))


def jittered(images: Images, share: float = 0.1) -> Images:
    """Another box around the face: shift (x, y) and scale, each uniform within `share` of the side.

    Outside the image, its edge is replicated.
    """
    rng = np.random.default_rng(_SEED)
    # One row per image, so that an image's jitter does not depend on how many follow it.
    draws = rng.uniform(-share, share, (len(images), 3))
    sides = np.array(images.shape[:0:-1])
    return _each_warped(
        images, [_about_centre(sides, 0.0, 1 + scale, sides * move) for *move, scale in draws]
    )


def rotated(images: Images, degrees: float = 15.0) -> Images:
    """Rotated about the centre, even rows counter-clockwise and odd rows clockwise.

    Outside the image, its edge is replicated.
    """
    sides = np.array(images.shape[:0:-1])
    turns = [_about_centre(sides, sign * degrees, 1.0, np.zeros(2)) for sign in (1, -1)]
    return _each_warped(images, [turns[row % 2] for row in range(len(images))])


COPIES = (
    Copy("blur", "Blurred, Gaussian of 1.5 px", blurred),
    Copy("small", "Shrunk to 24 px and back", small),
    Copy("jpeg", "JPEG of quality 30", jpeg),
    Copy("dark", "Dark, gamma 2", dark),
    Copy("jitter", "Box off by up to 10%", jittered),
    Copy("rotation", "Rotated by 15° either way", rotated),
)
"""Every robustness copy, in the order of the page."""


def _about_centre(
    sides: NDArray[np.int64], degrees: float, scale: float, move: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2, 3) map from input to output pixels: turn and scale about the centre, then move."""
    centre = (sides - 1) / 2
    turned = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), degrees, scale)
    matrix = np.array(turned, np.float64)
    matrix[:, 2] += move
    return matrix


def _each_warped(images: Images, matrices: list[NDArray[np.float64]]) -> Images:
    size = images.shape[2], images.shape[1]
    warped = [
        cv2.warpAffine(x, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for x, m in zip(images, matrices, strict=True)
    ]
    return np.asarray(warped, np.uint8).reshape(images.shape)


def _each(images: Images, change: Callable[[Images], NDArray[np.generic]]) -> Images:
    return np.asarray([change(x) for x in images], np.uint8).reshape(images.shape)
