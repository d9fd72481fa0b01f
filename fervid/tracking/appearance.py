"""Descriptors of faces to compare within one recording; they are never written to disk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import FACE_SIZE

_INNER, _GRID, _POOL = 0.8, 16, 4
"""Patches cover the inner share of a box, with a grid of points per side, averaged in pools. They
are coarse, because the detector's boxes shake by a few percent."""

_TYPICAL_DETAIL = 0.7
"""Median, over FER-2013's training faces, of the Laplacian's variance divided by the variance."""

_CELLS = 6
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def patches(
    images: NDArray[np.uint8],
    rows: NDArray[np.integer],
    xywh: NDArray[np.float32],
    displayed: tuple[int, int],
) -> NDArray[np.float32]:
    """Coarse pictures of faces; the dot product of two is their correlation.

    Args:
        images: (T, H, W) luma.
        rows: (N,) the frame of each face.
        xywh: (N, 4) boxes in pixels of the displayed frame.
        displayed: width and height of the displayed frame.

    Returns:
        (N, 16) float32, each with zero mean and unit length.
    """
    _, height, width = images.shape
    grid = 0.5 + _INNER * ((np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID - 0.5)
    x = (xywh[:, :1] + grid * xywh[:, 2:3]) * (width / displayed[0])
    y = (xywh[:, 1:2] + grid * xywh[:, 3:]) * (height / displayed[1])
    columns = np.clip(x.astype(np.int64), 0, width - 1)[:, None, :]
    lines = np.clip(y.astype(np.int64), 0, height - 1)[:, :, None]
    cells = (len(rows), _GRID // _POOL, _POOL, _GRID // _POOL, _POOL)
    luma = images[rows[:, None, None], lines, columns].reshape(cells).mean((2, 4), np.float32)
    luma = luma.reshape(len(rows), (_GRID // _POOL) ** 2)
    centered = luma - luma.mean(axis=1, keepdims=True, dtype=np.float32)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    return np.asarray(centered / np.maximum(length, 1.0), np.float32)


def sharpness(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sharpness of faces by the variance of their Laplacian (Pech-Pacheco et al. 2000).

    Args:
        crops: (N, 48, 48) luma of framed faces.

    Returns:
        (N,) float32 in [0, 1]: the square root of that variance divided by the crop's own variance,
        which removes the effect of contrast, scaled so that the median of FER-2013's training
        faces, and anything above, is 1. A face of 24 pixels enlarged gives 0.35; one blurred by a
        Gaussian of one pixel gives 0.3.
    """
    luma = crops.astype(np.float32)
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    detail = (4 * luma[:, 1:-1, 1:-1] - around).var(axis=(1, 2))
    share = detail / np.maximum(luma.var(axis=(1, 2)), 1.0)
    return np.asarray(np.minimum(np.sqrt(share / _TYPICAL_DETAIL), 1.0), np.float32)


def textures(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Histograms of uniform local binary patterns in 6 x 6 cells (Ahonen et al. 2006).

    Args:
        crops: (N, 48, 48) luma of framed faces.

    Returns:
        (N, `TEXTURE_SIZE`) float32 of unit length: square roots of the counts, so that the dot
        product of two is their Bhattacharyya coefficient, 1 for the same picture.
    """
    luma = crops.astype(np.int16)
    end = FACE_SIZE - 1
    middle = luma[:, 1:end, 1:end]
    code = np.zeros(middle.shape, np.int64)
    for bit, (down, right) in enumerate(_NEIGHBOURS):
        code |= (luma[:, 1 + down : end + down, 1 + right : end + right] >= middle) << bit
    side = np.arange(FACE_SIZE - 2) * _CELLS // (FACE_SIZE - 2)
    cell = side[:, None] * _CELLS + side
    face = np.arange(len(crops))[:, None, None] * _CELLS**2
    spot = (face + cell) * _KINDS + _UNIFORM[code]
    counts = np.bincount(spot.ravel(), minlength=len(crops) * TEXTURE_SIZE)
    roots = np.sqrt(counts.reshape(len(crops), TEXTURE_SIZE)) / (FACE_SIZE - 2)
    return np.asarray(roots, np.float32)


def _uniform() -> NDArray[np.int64]:
    """(256,) number of each pattern with at most two changes around the circle; all others share
    one."""
    patterns = np.arange(256)
    turned = (patterns >> 1) | ((patterns & 1) << 7)
    changes = np.unpackbits((patterns ^ turned).astype(np.uint8)[:, None], axis=1).sum(axis=1)
    uniform = changes <= 2
    kinds: NDArray[Any] = np.cumsum(uniform) - 1
    return np.where(uniform, kinds, uniform.sum())


_UNIFORM = _uniform()
_KINDS = int(_UNIFORM.max()) + 1

TEXTURE_SIZE = _CELLS**2 * _KINDS
"""Length of a face's description: 2124."""
