"""Layers shared by fervid's networks."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype


class ConvBlock(nnx.Module):
    """3x3 (or `size`) convolution, batch normalisation, ReLU (unless `activation` is false).

    Unless `normalized`, a bias takes the place of the normalisation.

    Dense convolutions only: depthwise ones run 10 to 20 times less efficiently on CPUs under XLA.
    """

    def __init__(
        self,
        features_in: int,
        features: int,
        *,
        size: int = 3,
        stride: int = 1,
        activation: bool = True,
        normalized: bool = True,
        dtype: Dtype | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        self.activation = activation
        self.stride = stride
        self.conv = nnx.Conv(
            features_in,
            features,
            (size, size),
            strides=stride,
            use_bias=not normalized,
            kernel_init=nnx.initializers.he_normal(),
            dtype=dtype,
            rngs=rngs,
        )
        self.norm = (
            nnx.BatchNorm(features, momentum=0.95, dtype=dtype, rngs=rngs) if normalized else None
        )

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        """(N, H, W, features_in) float32 -> (N, H / stride, W / stride, features) float32.

        With `pool`, followed by 2x2 max-pooling.
        """
        y = self.conv(x)
        y = y if self.norm is None else self.norm(y)
        y = nnx.relu(y) if self.activation else y
        return max_pool_2x2(y) if pool else y


class ResidualBlock(nnx.Module):
    """Two 3x3 (or `size`) convolutions and a shortcut, which is 1x1 if widths differ.

    He et al. 2016.
    """

    def __init__(
        self,
        features_in: int,
        features: int,
        *,
        size: int = 3,
        normalized: bool = True,
        dtype: Dtype | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        make = partial(ConvBlock, normalized=normalized, dtype=dtype, rngs=rngs)
        self.first = make(features_in, features, size=size)
        self.second = make(features, features, size=size, activation=False)
        self.shortcut: nnx.List[ConvBlock] = nnx.List()
        if features_in != features:
            self.shortcut.append(make(features_in, features, size=1, activation=False))

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        """(N, H, W, features_in) float32 -> (N, H, W, features) float32; `pool` halves H and W."""
        y = self.second(self.first(x))
        for shortcut in self.shortcut:
            x = shortcut(x)
        y = nnx.relu(x + y)
        return max_pool_2x2(y) if pool else y


class UpSample(nnx.Module):
    """Nearest-neighbour up-sampling by 2."""

    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, H, W, C) -> (N, 2 H, 2 W, C)."""
        return x.repeat(2, axis=1).repeat(2, axis=2)


class SqueezeExcite(nnx.Module):
    """Scales each channel by a gate computed from all channels' means (Hu et al. 2018)."""

    def __init__(
        self,
        features: int,
        *,
        reduction: int = 4,
        dtype: Dtype | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        self.squeeze = nnx.Linear(features, features // reduction, dtype=dtype, rngs=rngs)
        self.excite = nnx.Linear(features // reduction, features, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, *, pool: bool = False) -> jax.Array:
        """(N, H, W, features) float32 -> the same; `pool` halves H and W."""
        gate = self.excite(nnx.relu(self.squeeze(x.mean(axis=(1, 2)))))
        y = x * nnx.sigmoid(gate)[:, None, None, :]
        return max_pool_2x2(y) if pool else y


def space_to_depth(x: jax.Array, block: int) -> jax.Array:
    """(N, H, W, C) -> (N, H / block, W / block, C * block**2); H and W are multiples of `block`."""
    n, h, w, c = x.shape
    x = x.reshape(n, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // block, w // block, block * block * c)


def max_pool_2x2(x: jax.Array) -> jax.Array:
    """(N, H, W, C) -> (N, H / 2, W / 2, C); H and W are even.

    Computed by slices, because the gradient of a windowed maximum is ten times slower on CPUs.
    """
    rows = jnp.maximum(x[:, ::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def normalize_luma(images: jax.Array) -> jax.Array:
    """Normalise luma (uint8 or float, 0 to 255) to float32 with about zero mean and unit deviation.

    Uses FER-2013's mean 0.504 and deviation 0.255, for both networks, in training and inference.
    """
    return (images.astype(jnp.float32) / 255.0 - 0.5) / 0.25


def fold_luma(images: jax.Array, block: int) -> jax.Array:
    """(N, H, W) luma, uint8 or float in 0 to 255 -> (N, H / block, W / block, block**2) float32.

    The input of the first layer of both networks: normalised, with squares of pixels as channels.
    """
    return space_to_depth(normalize_luma(images)[..., None], block)
