"""3x3 convolution by Winograd's minimal filtering F(2x2, 3x3) (Lavin & Gray 2016).

It needs 16 multiplications for four outputs, the direct form 36. Libraries for GPUs and TPUs choose
such forms themselves; XLA's CPU backend does not.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

_TILE = 4
_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)


def transform_kernel(kernel: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(3, 3, I, O) -> (16, I, O) float32, the kernel for `conv3x3`; `G g Gᵀ` in the paper."""
    tiles = np.einsum("ai,bj,ijcd->abcd", _KERNEL, _KERNEL, kernel)
    return np.asarray(tiles.reshape(_TILE**2, *kernel.shape[2:]), np.float32)


def conv3x3(x: jax.Array, kernel: jax.Array, *, pool: bool = False) -> jax.Array:
    """3x3 convolution of stride 1 with zero padding, then optionally 2x2 max-pooling.

    Args:
        x: (N, H, W, I) float32; H and W are even if `pool`.
        kernel: (16, I, O) from `transform_kernel`.
        pool: whether to apply 2x2 max-pooling.

    Returns:
        (N, H, W, O) float32, or (N, H / 2, W / 2, O).
    """
    n, height, width, features = x.shape
    h, w = -(-height // 2), -(-width // 2)
    x = jnp.pad(x, ((0, 0), (1, 2 * h - height + 1), (1, 2 * w - width + 1), (0, 0)))
    tiles = [
        _input([x[:, row : row + 2 * h : 2, col : col + 2 * w : 2] for col in range(_TILE)])
        for row in range(_TILE)
    ]
    columns = [_input([tiles[row][col] for row in range(_TILE)]) for col in range(_TILE)]
    stacked = jnp.stack([columns[col][row] for row in range(_TILE) for col in range(_TILE)])
    products = jnp.matmul(stacked.reshape(_TILE**2, -1, features), kernel)
    products = products.reshape(_TILE, _TILE, n, h, w, -1)
    rows = [_output([products[row, col] for col in range(_TILE)]) for row in range(_TILE)]
    left, right = (_output([rows[row][col] for row in range(_TILE)]) for col in range(2))
    if pool:
        return jnp.maximum(jnp.maximum(*left), jnp.maximum(*right))
    pairs = [jnp.stack([left[row], right[row]], axis=3) for row in range(2)]
    return jnp.stack(pairs, axis=2).reshape(n, 2 * h, 2 * w, -1)[:, :height, :width]


def _input(d: list[jax.Array]) -> list[jax.Array]:
    """`Bᵀ d` in the paper."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _output(m: list[jax.Array]) -> list[jax.Array]:
    """`Aᵀ m` in the paper."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
