"""Networks as they are evaluated: the same functions, in fewer and cheaper operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from fervid.models.blocks import ConvBlock, max_pool_2x2
from fervid.models.store import to_arrays
from fervid.models.winograd import conv3x3, transform_kernel

Model = TypeVar("Model", bound=nnx.Module)
Outputs = TypeVar("Outputs", bound=Any)

LEAST_FOR_WINOGRAD = 64
"""Channels in and out from which Winograd's form is faster on CPUs, at a face's size."""

CHUNK = 16
"""Faces at a time on CPUs: what lies between two layers then stays in the cache."""


class FoldedConvBlock(nnx.Module):
    """A `ConvBlock` in evaluation mode, its normalisation folded into kernel and bias.

    Pooling comes before bias and ReLU, which it commutes with and which then cost a quarter.
    """

    def __init__(
        self, block: ConvBlock, winograd_from: int = LEAST_FOR_WINOGRAD, on_cpu: bool = True
    ) -> None:
        arrays = to_arrays(block)
        with np.errstate(invalid="ignore"):  # whoever classifies tells what is no number
            scale = arrays["norm.scale"] / np.sqrt(arrays["norm.var"] + block.norm.epsilon)
        kernel = arrays["conv.kernel"] * scale
        self.activation = block.activation
        self.stride = block.stride
        self.winograd = (
            on_cpu
            and kernel.shape[:2] == (3, 3)
            and block.stride == 1
            and min(kernel.shape[2:]) >= winograd_from
        )
        self.kernel = nnx.Param(transform_kernel(kernel) if self.winograd else kernel)
        self.bias = nnx.Param(arrays["norm.bias"] - arrays["norm.mean"] * scale)

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        """What `ConvBlock` returns."""
        if self.winograd:
            y = conv3x3(x, self.kernel[...], pool=pool)
        else:
            y = jax.lax.conv_general_dilated(
                x,
                self.kernel[...],
                (self.stride, self.stride),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            y = max_pool_2x2(y) if pool else y
        y = y + self.bias[...]
        return nnx.relu(y) if self.activation else y


def for_inference(
    model: Model, *, winograd_from: int = LEAST_FOR_WINOGRAD, on_cpu: bool | None = None
) -> Model:
    """A copy of a model in evaluation mode that computes the same with folded blocks.

    It is for calls only: its parameters are not those that training continues or a file stores.
    On CPUs, convolutions with `winograd_from` channels or more in and out take Winograd's form.

    Args:
        model: in evaluation mode.
        winograd_from: see above.
        on_cpu: whether it is evaluated on a CPU; None: whether that is JAX's default.
    """
    on_cpu = jax.default_backend() == "cpu" if on_cpu is None else on_cpu
    model = nnx.clone(model)
    for _, node in list(nnx.iter_graph(model)):
        if isinstance(node, nnx.Pytree):
            for name, child in list(vars(node).items()):
                if isinstance(child, ConvBlock):
                    setattr(node, name, FoldedConvBlock(child, winograd_from, on_cpu))
    return model


def in_chunks(
    model: Callable[[jax.Array], Outputs],
    images: jax.Array,
    size: int = CHUNK,
    *,
    count: jax.Array | int | None = None,
    on_cpu: bool | None = None,
) -> Outputs:
    """What `model(images)` returns; on CPUs, a chunk of the images after the other.

    Args:
        model: from (N, H, W) to arrays of N rows.
        images: (N, H, W); on CPUs best a multiple of `size`.
        size: of a chunk.
        count: images that matter, from the first on; None: all. On CPUs, the others cost nothing,
            and their rows are zero but for those that share a chunk.
        on_cpu: whether it is evaluated on a CPU; None: whether that is JAX's default.
    """
    if on_cpu is None:
        on_cpu = jax.default_backend() == "cpu"
    if not on_cpu or len(images) % size:
        return model(images)
    model = jax.jit(model)  # so that it is traced once for its shapes and its code
    outputs = jax.tree.map(
        lambda part: jnp.zeros((len(images), *part.shape[1:]), part.dtype),
        jax.eval_shape(model, images[:size]),
    )

    def step(number: jax.Array, outputs: Outputs) -> Outputs:
        first = number * size
        chunk = model(lax.dynamic_slice_in_dim(images, first, size))
        written: Outputs = jax.tree.map(
            partial(lax.dynamic_update_slice_in_dim, start_index=first, axis=0), outputs, chunk
        )
        return written

    chunks = -(-(len(images) if count is None else count) // size)
    whole: Outputs = lax.fori_loop(0, chunks, step, outputs)
    return whole
