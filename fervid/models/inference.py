"""Networks prepared for inference: the same functions in fewer and cheaper operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from numpy.typing import NDArray

from fervid.models.blocks import ConvBlock, max_pool_2x2
from fervid.models.store import to_arrays
from fervid.models.winograd import conv3x3, transform_kernel

Model = TypeVar("Model", bound=nnx.Module)
Outputs = TypeVar("Outputs", bound=Any)

LEAST_FOR_WINOGRAD = 40
"""Number of channels from which Winograd's form is faster on CPUs, for crops of faces."""

CHUNK = 16
"""Faces per chunk on CPUs, so few that activations stay in the processor's cache."""


class FoldedConvBlock(nnx.Module):
    """A `ConvBlock` in evaluation mode with its normalisation folded into kernel and bias.

    Pooling comes before bias and ReLU: the result is the same, and they cost a quarter.
    """

    def __init__(
        self, block: ConvBlock, winograd_from: int = LEAST_FOR_WINOGRAD, on_cpu: bool = True
    ) -> None:
        arrays = to_arrays(block)
        kernel, bias = _folded(arrays, block)
        self.activation = block.activation
        self.stride = block.stride
        self.winograd = (
            on_cpu
            and kernel.shape[:2] == (3, 3)
            and block.stride == 1
            and min(kernel.shape[2:]) >= winograd_from
        )
        self.kernel = nnx.Param(transform_kernel(kernel) if self.winograd else kernel)
        self.bias = nnx.Param(bias)

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        """Compute what `ConvBlock` computes."""
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


def _folded(arrays: dict[str, NDArray[Any]], block: ConvBlock) -> tuple[NDArray[Any], NDArray[Any]]:
    """Kernel and bias of a block, from its arrays."""
    if block.norm is None:
        return arrays["conv.kernel"], arrays["conv.bias"]
    with np.errstate(invalid="ignore"):  # the classifier reports values that are not numbers
        scale = arrays["norm.scale"] / np.sqrt(arrays["norm.var"] + block.norm.epsilon)
    return arrays["conv.kernel"] * scale, arrays["norm.bias"] - arrays["norm.mean"] * scale


def for_inference(
    model: Model, *, winograd_from: int = LEAST_FOR_WINOGRAD, on_cpu: bool | None = None
) -> Model:
    """A copy of a model that computes the same with folded blocks.

    The copy can only be called, not trained or saved. On CPUs, convolutions with at least
    `winograd_from` channels in and out use Winograd's form.

    Args:
        model: the model, in evaluation mode.
        winograd_from: see above.
        on_cpu: whether it runs on a CPU; None: whether that is JAX's default.
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
    """Compute `model(images)`; on CPUs, one chunk of images after another.

    Args:
        model: takes (N, H, W) and returns arrays of N rows.
        images: (N, H, W); on CPUs, N is best a multiple of `size`.
        size: size of a chunk.
        count: number of valid images, which come first; None: all. On CPUs, chunks without valid
            images are skipped, and their rows are zero.
        on_cpu: whether it runs on a CPU; None: whether that is JAX's default.
    """
    if on_cpu is None:
        on_cpu = jax.default_backend() == "cpu"
    if not on_cpu or len(images) % size:
        return model(images)
    model = jax.jit(model)  # traced once for both shapes and code
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
