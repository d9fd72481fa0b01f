"""The face detector's network: one centre heat map and one box map at stride 8."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.blocks import ConvBlock, normalize_luma, space_to_depth

STRIDE = 8
"""Pixels a cell of the output maps."""

PAD_MULTIPLE = 32
"""Height and width of the input are multiples of this, the stride of the deepest stage."""


@dataclass(frozen=True)
class FaceNetConfig:
    """Shape of a `FaceNet`.

    Attributes:
        stem: channels at stride 4.
        widths: channels at strides 8, 16 and 32.
        depths: residual blocks at strides 8, 16 and 32.
        head: channels of the top-down path and of the head.
    """

    stem: int = 24
    widths: tuple[int, int, int] = (40, 56, 72)
    depths: tuple[int, int, int] = (1, 2, 2)
    head: int = 40


class FaceNet(nnx.Module):
    """Fully convolutional, luma only: backbone to stride 32, top-down path, one head at stride 8.

    Heat map and distances follow CenterNet (Zhou et al. 2019) and FCOS (Tian et al. 2019).
    """

    def __init__(self, config: FaceNetConfig, *, rngs: nnx.Rngs) -> None:
        self.stem = ConvBlock(16, config.stem, rngs=rngs)
        features = (config.stem, *config.widths[:-1])
        self.down = nnx.List(
            [
                ConvBlock(before, width, stride=2, rngs=rngs)
                for before, width in zip(features, config.widths, strict=True)
            ]
        )
        self.residual = nnx.List(
            [
                nnx.List([ConvBlock(width, width, rngs=rngs) for _ in range(depth)])
                for width, depth in zip(config.widths, config.depths, strict=True)
            ]
        )
        self.lateral = nnx.List(
            [ConvBlock(width, config.head, size=1, rngs=rngs) for width in config.widths]
        )
        self.merge = ConvBlock(config.head, config.head, rngs=rngs)
        self.head = ConvBlock(config.head, config.head, rngs=rngs)
        # A prior of one face centre in about a hundred cells keeps the first steps calm.
        self.heat = nnx.Linear(config.head, 1, bias_init=nnx.initializers.constant(-4.6), rngs=rngs)
        self.box = nnx.Linear(config.head, 4, rngs=rngs)

    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Map luma to face centres and box sides.

        Args:
            images: (N, H, W) uint8 or float luma in 0 to 255; H and W multiples of 32.

        Returns:
            Centre logits (N, H / 8, W / 8) float32, and distances from the cell's centre to the
            left, top, right and bottom side in pixels, (N, H / 8, W / 8, 4) float32.
        """
        x = self.stem(space_to_depth(normalize_luma(images)[..., None], 4))
        levels = []
        for down, blocks in zip(self.down, self.residual, strict=True):
            x = down(x)
            for block in blocks:
                x = x + block(x)
            levels.append(x)
        top = self.lateral[2](levels[2])
        top = self.lateral[1](levels[1]) + _upsample(top)
        top = self.lateral[0](levels[0]) + _upsample(top)
        x = self.head(self.merge(top))
        sides = STRIDE * jnp.exp(jnp.clip(self.box(x), -4.0, 4.0))
        return self.heat(x)[..., 0], sides


def _upsample(x: jax.Array) -> jax.Array:
    """Nearest-neighbour up-sampling by 2."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def cell_centers(height: int, width: int) -> jax.Array:
    """(height, width, 2) float32: x and y in pixels of the centre of each cell."""
    ys, xs = jnp.meshgrid(
        (jnp.arange(height, dtype=jnp.float32) + 0.5) * STRIDE,
        (jnp.arange(width, dtype=jnp.float32) + 0.5) * STRIDE,
        indexing="ij",
    )
    return jnp.stack([xs, ys], axis=-1)


def boxes_from_sides(sides: jax.Array) -> jax.Array:
    """(..., H, W, 4) distances -> (..., H, W, 4) corners x0, y0, x1, y1 in pixels."""
    centers = cell_centers(*sides.shape[-3:-1])
    return jnp.concatenate([centers - sides[..., :2], centers + sides[..., 2:]], axis=-1)
