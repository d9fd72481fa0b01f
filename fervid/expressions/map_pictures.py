"""Maps drawn over a face: orange and plus for an expression, blue and minus against it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FOR, AGAINST = (0, 94, 213), (178, 114, 0)
"""Okabe and Ito's vermilion and blue, in OpenCV's channel order."""

_DEEPEST = 0.8
"""Opacity of the colour where a map is strongest."""

_LEAST_MARKED = 0.25
"""Share of the full colour at which the strongest place is marked with its sign."""

_LEAST_SCALE = 0.1
"""Smallest drop of the log-probability that is fully coloured: a drop of 10%."""


def gradient_tile(crop: Picture, gradient: NDArray[np.float32], side: int) -> Picture:
    """A crop under its gradient map; the map has no unit, so its strongest place is fully coloured.

    Args:
        crop: (48, 48) luma.
        gradient: (48, 48), as in `Explanations`.
        side: side of the tile in pixels.

    Returns:
        (side, side, 3) uint8, blue, green, red.
    """
    return _tinted(crop, gradient / max(float(np.abs(gradient).max()), 1e-9), side)


def occlusion_tile(crop: Picture, occlusion: NDArray[np.float32], side: int) -> Picture:
    """A crop under its occlusion map; places that hardly matter are hardly coloured."""
    return _tinted(crop, occlusion / max(float(np.abs(occlusion).max()), _LEAST_SCALE), side)


def plain_tile(crop: Picture, side: int) -> Picture:
    """A crop without a map."""
    return _tinted(crop, np.zeros(crop.shape, np.float32), side)


def _tinted(crop: Picture, values: NDArray[np.float32], side: int) -> Picture:
    """An enlarged crop, tinted orange where values are above 0 and blue where below, up to 1."""
    size = (side, side)
    luma = cv2.resize(crop, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    spread = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    colour = np.where(spread[..., None] > 0, np.array(FOR, np.float32), np.array(AGAINST))
    share = _DEEPEST * np.minimum(np.abs(spread), 1.0)[..., None]
    # Colours keep the brightness of the face, so that it stays visible.
    shaded = colour * (0.5 + 0.5 * luma[..., None] / 255)
    tile = np.asarray((1 - share) * luma[..., None] + share * shaded, np.uint8)
    for upright, strength in ((True, spread), (False, -spread)):
        if strength.max() >= _LEAST_MARKED:
            _mark(tile, int(strength.argmax()), upright=upright)
    return tile


def _mark(tile: Picture, place: int, *, upright: bool) -> None:
    """Draw a plus or minus at or near this pixel, as not everyone sees colours."""
    side = len(tile)
    arm, y, x = side // 24, place // side, place % side
    y, x = np.clip([y, x], arm + 2, side - arm - 3).tolist()
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.line(tile, (x - arm, y), (x + arm, y), colour, thickness)
        if upright:
            cv2.line(tile, (x, y - arm), (x, y + arm), colour, thickness)
