"""Networks as they are evaluated: the same functions, in fewer and cheaper operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from flax import nnx

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

    def __init__(self, block: ConvBlock, winograd_from: int = LEAST_FOR_WINOGRAD) -> None:
        arrays = to_arrays(block)
        with np.errstate(invalid="ignore"):  # whoever classifies tells what is no number
            scale = arrays["norm.scale"] / np.sqrt(arrays["norm.var"] + block.norm.epsilon)
        kernel = arrays["conv.kernel"] * scale
        self.activation = block.activation
        self.stride = block.stride
        self.winograd = (
            jax.default_backend() == "cpu"
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


def for_inference(model: Model, *, winograd_from: int = LEAST_FOR_WINOGRAD) -> Model:
    """A copy of a model in evaluation mode that computes the same with folded blocks.

    It is for calls only: its parameters are not those that training continues or a file stores.
    On CPUs, convolutions with `winograd_from` channels or more in and out take Winograd's form.
    """
    model = nnx.clone(model)
    for _, node in list(nnx.iter_graph(model)):
        if isinstance(node, nnx.Pytree):
            for name, child in list(vars(node).items()):
                if isinstance(child, ConvBlock):
                    setattr(node, name, FoldedConvBlock(child, winograd_from))
    return model


def in_chunks(
    model: Callable[[jax.Array], Outputs], images: jax.Array, size: int = CHUNK
) -> Outputs:
    """What `model(images)` returns; on CPUs, a chunk of the images after the other.

    Args:
        model: from (N, H, W) to arrays of N rows.
        images: (N, H, W); on CPUs best a multiple of `size`.
        size: of a chunk.
    """
    if jax.default_backend() != "cpu" or len(images) % size:
        return model(images)
    chunks = images.reshape(-1, size, *images.shape[1:])
    outputs: Outputs = jax.tree.map(
        lambda output: output.reshape(len(images), *output.shape[2:]), jax.lax.map(model, chunks)
    )
    return outputs
