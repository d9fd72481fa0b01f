"""Convolutions whose weight gradients are fast on CPUs; the same numbers to rounding."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh, PartitionSpec

_CHUNK = 4
"""Images unrolled to patches at a time, so few that they stay in the second-level cache."""


def speed_up_gradients(model: nnx.Module, mesh: Mesh) -> None:
    """Let each 3x3 convolution of stride 1 compute its weight gradient patch by patch.

    XLA's own weight gradient of such a convolution is two to three times slower on CPUs and takes
    half of a training step. Other devices do not need this.

    Args:
        model: changed in place.
        mesh: the batch is split over its "data" axis.
    """
    for _, node in nnx.iter_graph(model):
        if (
            isinstance(node, nnx.Conv)
            and node.kernel_size == (3, 3)
            and node.strides in (1, (1, 1))
        ):
            node.conv_general_dilated = partial(_general, mesh)


def _general(mesh: Mesh, x: jax.Array, kernel: jax.Array, *_: Any, **__: Any) -> jax.Array:
    """Replaces the function that `nnx.Conv` calls, for the arguments that fervid's networks use."""
    return _convolve(mesh, x, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _convolve(mesh: Mesh, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """(N, H, W, C) and (3, 3, C, D) -> (N, H, W, D), zero padding."""
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _forward(mesh: Mesh, x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Any]:
    return _convolve(mesh, x, kernel), (x, kernel)


def _backward(mesh: Mesh, saved: Any, grad: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    split = PartitionSpec("data")
    by_device = jax.shard_map(
        _kernel_gradient, mesh=mesh, in_specs=(split, split), out_specs=PartitionSpec()
    )
    return _convolve(mesh, grad, flipped), by_device(x, grad)


def _kernel_gradient(x: jax.Array, grad: jax.Array) -> jax.Array:
    """(3, 3, C, D) sum over the images of all devices, patches times gradients."""
    n, h, w, c = x.shape
    chunk = _CHUNK if n % _CHUNK == 0 else n
    d = grad.shape[-1]
    images = x.reshape(n // chunk, chunk, h, w, c)
    grads = grad.reshape(n // chunk, chunk * h * w, d)

    def add(total: jax.Array, part: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        padded = jnp.pad(part[0], ((0, 0), (1, 1), (1, 1), (0, 0)))
        shifts = [padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
        patches = jnp.concatenate(shifts, axis=-1).reshape(-1, 9 * c)
        return total + patches.T @ part[1], None

    start = jax.lax.pcast(jnp.zeros((9 * c, d), x.dtype), ("data",), to="varying")
    total, _ = jax.lax.scan(add, start, (images, grads))
    everywhere: jax.Array = jax.lax.psum(total, "data")
    return everywhere.reshape(3, 3, c, d)


_convolve.defvjp(_forward, _backward)
