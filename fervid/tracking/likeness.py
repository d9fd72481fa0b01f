"""How much faces look alike, within one recording; nothing of it is written.

Textures of faces have much in common with each other, and more so the sharper the picture is. What
is common to many is taken out, and what varies most counts less (principal components, whitened),
so that the likeness of two people is much the same in good and in bad pictures.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.models.cards import read_weights
from fervid.tracking.appearance import textures

MODEL = "face_likeness"


def views(crops: NDArray[np.uint8]) -> NDArray[np.float16]:
    """What faces look like.

    Args:
        crops: (N, 48, 48) luma of framed faces.

    Returns:
        (N, D) float16 of unit length; the product of two is near 0 for any two people, 1 for the
        same picture.

    Raises:
        SetupError: the shipped basis is missing or altered.
    """
    mean, basis = _basis()
    # One by one: the last bits of a product of many rows depend on how many there are.
    weights = np.array([look @ basis for look in textures(crops) - mean], np.float32)
    weights = weights.reshape(-1, basis.shape[1])
    length = np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(weights / np.maximum(length, 1e-6), np.float16)


def no_views() -> NDArray[np.float16]:
    """(0, D) views."""
    return views(np.zeros((0, 48, 48), np.uint8))


def likeness(seen: NDArray[np.float16], known: NDArray[np.float16]) -> float:
    """Median over (K, D) views of the most alike of (M, D) known ones; 0 without any."""
    if not len(seen) or not len(known):
        return 0.0
    alike = seen.astype(np.float32) @ known.astype(np.float32).T
    return float(np.median(alike.max(axis=1)))


def most_different(seen: NDArray[np.float16], count: int) -> NDArray[np.float16]:
    """So many views at most, without those that look most like another."""
    alike = seen.astype(np.float32) @ seen.astype(np.float32).T
    np.fill_diagonal(alike, -1.0)
    kept = np.arange(len(seen))
    while len(kept) > count:
        worst = int(np.argmax(alike[np.ix_(kept, kept)].max(axis=1)))
        kept = np.delete(kept, worst)
    return seen[kept]


@cache
def _basis() -> tuple[NDArray[Any], NDArray[Any]]:
    """(P,) mean of textures, and (P, D) what to multiply the differences from it by."""
    arrays = read_weights(MODEL)
    return arrays["mean"], arrays["components"] * arrays["scale"]
