"""Similarity of faces within one recording; it is never written to disk.

Textures of all faces have much in common, and the more so the sharper the picture is. The common
part is removed, and the directions that vary most count less (whitened principal components), so
that the likeness of two people is similar in good and in bad pictures.
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
    """Descriptions of faces.

    Args:
        crops: (N, 48, 48) luma of framed faces.

    Returns:
        (N, D) float16 of unit length; the dot product is near 0 for different people, and 1 for the
        same picture.

    Raises:
        SetupError: the shipped basis is missing or altered.
    """
    mean, basis = _basis()
    # One by one, because the last bits of a product depend on its number of rows.
    weights = np.array([look @ basis for look in textures(crops) - mean], np.float32)
    weights = weights.reshape(-1, basis.shape[1])
    length = np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(weights / np.maximum(length, 1e-6), np.float16)


def no_views() -> NDArray[np.float16]:
    """(0, D), no views."""
    return views(np.zeros((0, 48, 48), np.uint8))


def likeness(seen: NDArray[np.float16], known: NDArray[np.float16]) -> float:
    """Median over (K, D) views of the similarity to the most similar of (M, D) known ones; 0 if
    none."""
    if not len(seen) or not len(known):
        return 0.0
    alike = seen.astype(np.float32) @ known.astype(np.float32).T
    return float(np.median(alike.max(axis=1)))


def most_different(seen: NDArray[np.float16], count: int) -> NDArray[np.float16]:
    """At most `count` views; those most similar to another one are dropped first."""
    alike = seen.astype(np.float32) @ seen.astype(np.float32).T
    np.fill_diagonal(alike, -1.0)
    kept = np.arange(len(seen))
    while len(kept) > count:
        worst = int(np.argmax(alike[np.ix_(kept, kept)].max(axis=1)))
        kept = np.delete(kept, worst)
    return seen[kept]


@cache
def _basis() -> tuple[NDArray[Any], NDArray[Any]]:
    """(P,) mean of textures, and (P, D) projection of differences from it."""
    arrays = read_weights(MODEL)
    return arrays["mean"], arrays["components"] * arrays["scale"]
