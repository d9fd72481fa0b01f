"""The network of the face detector: maps of face centres, boxes and points at three strides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.blocks import ConvBlock, UpSample, fold_luma
from fervid.models.fields import from_json

STRIDES = (8, 16, 32)
"""Pixels per cell of the output maps, from the finest to the coarsest level."""

FOLD = 2
"""Side of the pixel squares folded into channels, as a one-channel input is slow on every backend.
"""

N_POINTS = 3
"""Points per face: the person's right eye, left eye, and the middle of the mouth."""

_TYPICAL_SIDE = 2.0
"""Initial distance from a face's centre to the sides of its box, in strides."""


@dataclass(frozen=True)
class FaceNetConfig:
    """Shape of a `FaceNet`.

    Attributes:
        stem: channels at stride 4.
        widths: channels at strides 8, 16, 32 and 64.
        depths: residual blocks at strides 8, 16, 32 and 64.
        head: channels of the top-down path and of each level's head.
    """

    stem: int = 24
    widths: tuple[int, int, int, int] = (32, 64, 128, 128)
    depths: tuple[int, int, int, int] = (2, 3, 2, 1)
    head: int = 32

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> FaceNetConfig:
        """The shape in a model card's "config".

        Raises:
            ValueError: a key is unknown, or a value does not describe a network.
        """
        return from_json(cls, card["config"])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FaceMaps:
    """Output of the network at one level; h and w are the input's sides divided by the stride.

    Attributes:
        centers: (N, h, w) float32, logits of a face centre in the cell.
        boxes: (N, h, w, 4) float32, corners x0, y0, x1, y1 in pixels of the input.
        features: (N, h, w, C) float32, input of `FaceNet.offsets`.
    """

    centers: jax.Array
    boxes: jax.Array
    features: jax.Array


class FaceNet(nnx.Module):
    """A fully convolutional network for luma: backbone to stride 64, top-down path, three heads.

    The feature pyramid follows Lin et al. 2017, with a head per level; centres and sides follow
    CenterNet (Zhou et al. 2019) and FCOS (Tian et al. 2019). Each level handles a range of face
    sizes, and the ranges overlap, so that the response does not jump with a face's size.
    """

    def __init__(self, config: FaceNetConfig, *, rngs: nnx.Rngs) -> None:
        self.stem = ConvBlock(FOLD**2, config.stem, stride=2, rngs=rngs)
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
        self.up = UpSample()
        levels, width = range(len(STRIDES)), config.head
        self.head = nnx.List([ConvBlock(width, width, rngs=rngs) for _ in levels])
        self.out = nnx.List([nnx.Linear(width, 5, bias_init=_prior, rngs=rngs) for _ in levels])
        self.detail = nnx.List([ConvBlock(width, width, rngs=rngs) for _ in levels])
        self.points = nnx.List([nnx.Linear(width, 2 * N_POINTS, rngs=rngs) for _ in levels])

    def __call__(self, images: jax.Array) -> list[FaceMaps]:
        """The `FaceMaps` by level of (N, H, W) luma, uint8 or float 0 to 255; H and W multiples of
        64."""
        features = self.pyramid(fold(images))
        return [
            FaceMaps(*decode(self.out[level](part), STRIDES[level]), part)
            for level, part in enumerate(features)
        ]

    def pyramid(self, x: jax.Array) -> list[jax.Array]:
        """Features for each level's head, from folded images; only layers and sums."""
        x, levels = self.stem(x), []
        for down, blocks in zip(self.down, self.residual, strict=True):
            x = down(x)
            for block in blocks:
                x = x + block(x)
            levels.append(x)
        top, features = self.lateral[-1](levels[-1]), []
        for level in reversed(range(len(STRIDES))):
            top = self.lateral[level](levels[level]) + self.up(top)
            features.append(self.head[level](top))
        return features[::-1]

    def outputs(self, x: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        """All trained outputs by level, from folded images; only layers and sums.

        Returns:
            The input of `decode`, (N, h, w, 5), and the offsets of the points as shares of the
            sides, (N, h, w, 6).
        """
        features = self.pyramid(x)
        return [
            (self.out[level](part), self.points[level](self.detail[level](part)))
            for level, part in enumerate(features)
        ]

    def offsets(self, features: jax.Array, level: int) -> jax.Array:
        """Offsets of the points from each cell's centre, as shares of the sides of its box.

        Relative offsets let one layer serve faces of every size.

        Args:
            features: (N, h, w, C) of the level's maps, or 3x3 cells of them, of which the middle
                one is used.
            level: index into `STRIDES`.

        Returns:
            (N, h, w, 3, 2) float32.
        """
        found: jax.Array = self.points[level](self.detail[level](features))
        return found.reshape(*features.shape[:3], N_POINTS, 2)


def _prior(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32, **_: Any) -> jax.Array:
    """Initial biases: a face in one cell of a hundred, with a typical box, for calm first steps."""
    return jnp.array([-4.6] + 4 * [jnp.log(_TYPICAL_SIDE)], dtype)


def fold(images: jax.Array) -> jax.Array:
    """(N, H, W) luma, uint8 or float in 0 to 255 -> (N, H / 2, W / 2, 4) float32, normalised."""
    return fold_luma(images, FOLD)


def decode(out: jax.Array, stride: int) -> tuple[jax.Array, jax.Array]:
    """Centres and boxes of `FaceMaps` from the output of a level's last layer.

    Args:
        out: (N, h, w, 5) float32: a logit, and logarithms of the four sides in strides.
        stride: stride of the level.
    """
    sides = stride * jnp.exp(jnp.clip(out[..., 1:], -4.0, 4.0))
    cells = cell_centers(out.shape[1], out.shape[2], stride)
    boxes = jnp.concatenate([cells - sides[..., :2], cells + sides[..., 2:]], axis=-1)
    return out[..., 0], boxes


def place_points(offsets: jax.Array, cells: jax.Array, boxes: jax.Array) -> jax.Array:
    """Points (..., 3, 2) in pixels from `offsets` (..., 3, 2), `cells` (..., 2) and `boxes`."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return cells[..., None, :] + offsets * sides[..., None, :]


def cell_centers(height: int, width: int, stride: int) -> jax.Array:
    """(height, width, 2) float32, x and y of the centre of each cell in pixels."""
    ys, xs = jnp.meshgrid(
        (jnp.arange(height, dtype=jnp.float32) + 0.5) * stride,
        (jnp.arange(width, dtype=jnp.float32) + 0.5) * stride,
        indexing="ij",
    )
    return jnp.stack([xs, ys], axis=-1)
