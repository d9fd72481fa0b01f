"""The face detector's network: maps at stride 8 of face centres and boxes, and face points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.blocks import ConvBlock, normalize_luma, space_to_depth
from fervid.models.fields import from_json

STRIDE = 8
"""Pixels a cell of the output maps."""

_FOLD = 2
"""Side of the pixel squares folded into channels: one channel in is slow on every backend."""

N_POINTS = 3
"""Points a face: the person's right eye, left eye, and the middle of the mouth."""


@dataclass(frozen=True)
class FaceNetConfig:
    """Shape of a `FaceNet`.

    Attributes:
        stem: channels at stride 4.
        widths: channels at strides 8, 16 and 32.
        depths: residual blocks at strides 8, 16 and 32.
        head: channels of the top-down path, whose last convolution is the head.
    """

    stem: int = 24
    widths: tuple[int, int, int] = (32, 64, 96)
    depths: tuple[int, int, int] = (1, 2, 2)
    head: int = 32

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> FaceNetConfig:
        """The shape that a model card states under "config".

        Raises:
            ValueError: an unknown key, or a value for which there is no such network.
        """
        return from_json(cls, card["config"])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FaceMaps:
    """What the network says about each cell; h and w are an eighth of the input's sides.

    Attributes:
        centers: (N, h, w) float32 logits of a face being centred there.
        boxes: (N, h, w, 4) float32 corners x0, y0, x1, y1 in pixels of the input.
        features: (N, h, w, C) float32, what `FaceNet.offsets` finds the points from.
    """

    centers: jax.Array
    boxes: jax.Array
    features: jax.Array


class FaceNet(nnx.Module):
    """Fully convolutional, luma only: backbone to stride 32, top-down path, one head at stride 8.

    Centres and sides follow CenterNet (Zhou et al. 2019) and FCOS (Tian et al. 2019).
    """

    def __init__(self, config: FaceNetConfig, *, rngs: nnx.Rngs) -> None:
        self.stem = ConvBlock(_FOLD**2, config.stem, stride=2, rngs=rngs)
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
        self.head = ConvBlock(config.head, config.head, rngs=rngs)
        # A prior of one face centre in about a hundred cells keeps the first steps calm.
        self.center = nnx.Linear(
            config.head, 1, bias_init=nnx.initializers.constant(-4.6), rngs=rngs
        )
        self.box = nnx.Linear(config.head, 4, rngs=rngs)
        self.detail = ConvBlock(config.head, config.head, rngs=rngs)
        self.points = nnx.Linear(config.head, 2 * N_POINTS, rngs=rngs)

    def __call__(self, images: jax.Array) -> FaceMaps:
        """Map luma of (N, H, W), uint8 or float in 0 to 255, H and W multiples of 32."""
        x = self.stem(space_to_depth(normalize_luma(images)[..., None], _FOLD))
        levels = []
        for down, blocks in zip(self.down, self.residual, strict=True):
            x = down(x)
            for block in blocks:
                x = x + block(x)
            levels.append(x)
        top = self.lateral[2](levels[2])
        top = self.lateral[1](levels[1]) + _upsample(top)
        top = self.lateral[0](levels[0]) + _upsample(top)
        x = self.head(top)
        sides = STRIDE * jnp.exp(jnp.clip(self.box(x), -4.0, 4.0))
        cells = cell_centers(*x.shape[1:3])
        boxes = jnp.concatenate([cells - sides[..., :2], cells + sides[..., 2:]], axis=-1)
        return FaceMaps(self.center(x)[..., 0], boxes, x)

    def offsets(self, features: jax.Array) -> jax.Array:
        """Where the points lie from each cell's centre, as shares of the sides of its box.

        So one head serves faces of every size.

        Args:
            features: (N, h, w, C) of the maps, or 3x3 cells of them whose middle counts.

        Returns:
            (N, h, w, 3, 2) float32.
        """
        found: jax.Array = self.points(self.detail(features))
        return found.reshape(*features.shape[:3], N_POINTS, 2)


def place_points(offsets: jax.Array, cells: jax.Array, boxes: jax.Array) -> jax.Array:
    """Points in pixels, (..., 3, 2), from `offsets` (..., 3, 2), `cells` (..., 2) and `boxes`."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return cells[..., None, :] + offsets * sides[..., None, :]


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
