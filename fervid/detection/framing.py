"""What eyes and mouth tell about a face: its place in FER-2013's frame, and where it looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EYES_APART, _DROP, _EYES_ROW, _SIDE = 18.0, 21.0, 17.0, 48.0
"""FER-2013's mean framing in pixels: the eyes' distance, their mouth's way down, their row."""

SIDE_BY_SPAN = _SIDE / float(np.hypot(_EYES_APART, _DROP))
"""Side of the crop as a multiple of the span: the root of eye distance squared plus drop squared,
the drop being the way from between the eyes to the mouth."""

SHIFT_DOWN = 0.5 - _EYES_ROW / _SIDE
"""The crop's centre below the point between the eyes, as a share of its side."""

_FREE_ROLL = np.deg2rad(10.0)
"""Faces of FER-2013 are rolled by up to about so much; only what is more is turned back."""


def squares(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frame faces as FER-2013 frames its faces, by their eyes and mouth.

    Args:
        points: (N, 3, 2) float32 x and y of right eye, left eye, mouth, in pixels.

    Returns:
        (N, 4) float32: x and y of the centre and side of each square in pixels, and by how many
        radians it is turned clockwise; it may leave the frame.
    """
    points = np.asarray(points, np.float32)
    side, roll = SIDE_BY_SPAN * span(points), upright_roll(points)
    turn = np.sign(roll) * np.maximum(np.abs(roll) - _FREE_ROLL, 0.0)
    below = np.stack([-np.sin(roll), np.cos(roll)], axis=1)
    center = points[:, :2].mean(axis=1) + SHIFT_DOWN * side[:, None] * below
    return np.column_stack([center, side, turn]).astype(np.float32)


def span(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) size of faces in the unit of their (N, 3, 2) points: eyes and drop at right angles.

    Turning the head aside shrinks the distance of the eyes, nodding the drop: not both at once.
    """
    across, drop = _axes(points)
    return np.asarray(np.sqrt(np.square(across).sum(axis=1) + np.square(drop).sum(axis=1)))


def upright_roll(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) radians by which faces are turned clockwise in the picture, by (N, 3, 2) points.

    Across the face and down the face tell the same angle; the longer one tells it better.
    """
    across, drop = _axes(points)
    both = across + np.stack([drop[:, 1], -drop[:, 0]], axis=1)
    return np.asarray(np.arctan2(both[:, 1], both[:, 0]))


def _axes(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """From the person's right eye to the left one, and from between them to the mouth."""
    right, left, mouth = np.moveaxis(points, 1, 0)
    return left - right, mouth - (right + left) / 2


def frontality(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far faces look towards the camera: 1 from the front, towards 0 in profile.

    The distance between the eyes over the one from between them to the mouth. From the front they
    are equal (median 1.00 over 2,899 photographed faces whose nose is in the middle, 0.90 to 1.15
    for nine in ten); turning a head aside shrinks the first by the cosine of the angle.

    Args:
        points: (N, 3, 2) float32 right eye, left eye, mouth.

    Returns:
        (N,) float32 in 0 to 1; NaN where a point is.
    """
    across, drop = (np.linalg.norm(way, axis=1) for way in _axes(points))
    return np.asarray(np.minimum(across / np.maximum(drop, 1e-6), 1.0), np.float32)
