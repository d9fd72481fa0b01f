"""The expression classifier: a small CNN with a head for FER-2013 and a head for FER+."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from fervid.models.blocks import (
    ConvBlock,
    ResidualBlock,
    SqueezeExcite,
    fold_luma,
    max_pool_2x2,
)
from fervid.models.fields import from_json
from fervid.settings.choices import EXPRESSIONS
from fervid.settings.sizes import FACE_SIZE

Block = Literal["conv", "residual"]
_LEAST_TO_SQUEEZE = 4


@dataclass(frozen=True)
class ExpressionNetConfig:
    """Shape of an `ExpressionNet`.

    Attributes:
        stages: channels of the blocks in each stage; stages are separated by 2x2 max-pooling.
        block: "conv" for one 3x3 convolution per block (VGG, Simonyan & Zisserman 2015), "residual"
            for two and a shortcut (ResNet, He et al. 2016).
        fold: side of the pixel squares that the stem folds into channels (space to depth).
        stem: channels of a 3x3 convolution before the stages; 0 for none.
        squeeze_excite: channel attention at the end of each stage (Hu et al. 2018).
        dropout: rate before the heads.
        covered: whether there is a third head, which finds faces whose expression cannot be read.
        kernel: side of the convolutions, odd.
        normalized: batch normalisation after each convolution.

    Raises:
        ValueError: a value does not describe a network.
    """

    stages: tuple[tuple[int, ...], ...] = ((24, 24), (64, 64), (128, 128), (192,))
    block: Block = "conv"
    fold: int = 2
    stem: int = 0
    squeeze_excite: bool = False
    dropout: float = 0.2
    covered: bool = False
    kernel: int = 3
    normalized: bool = True

    def __post_init__(self) -> None:
        if not self.stages or not all(map(_are_widths, self.stages)):
            raise ValueError("stages must be lists of whole numbers above 0")
        if self.block not in get_args(Block):
            raise ValueError(f"block must be one of {', '.join(get_args(Block))}")
        if self.fold < 1 or FACE_SIZE % (self.fold * 2 ** (len(self.stages) - 1)):
            raise ValueError(f"fold and pools must divide {FACE_SIZE} pixels evenly")
        if self.stem < 0 or not 0 <= self.dropout < 1:
            raise ValueError("stem must be at least 0, and dropout from 0 to below 1")
        if self.kernel < 1 or not self.kernel % 2:
            raise ValueError("kernel must be odd")
        if self.squeeze_excite and min(widths[-1] for widths in self.stages) < _LEAST_TO_SQUEEZE:
            raise ValueError(f"squeeze_excite needs stages of {_LEAST_TO_SQUEEZE} channels or more")

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> ExpressionNetConfig:
        """The shape in a model card's "config".

        Raises:
            ValueError: a key is unknown, or a value does not describe a network.
        """
        return from_json(cls, card["config"])


def _are_widths(stage: Any) -> bool:
    return bool(stage) and isinstance(stage, tuple) and all(type(w) is int and w > 0 for w in stage)


class ExpressionNet(nnx.Module):
    """A space-to-depth stem, one trunk, and two 7-way heads.

    One head learns FER-2013's labels (Goodfellow et al. 2013), the other the distribution of FER+'s
    votes (Barsoum et al. 2016). The stem folds 2x2 pixels into channels, because a one-channel
    convolution is slow on every backend.
    """

    def __init__(
        self, config: ExpressionNetConfig, *, dtype: Dtype | None = None, rngs: nnx.Rngs
    ) -> None:
        """Draw float32 initial weights; `dtype` is the dtype of the computation, by default
        float32."""
        block = ConvBlock if config.block == "conv" else ResidualBlock
        form: dict[str, Any] = {
            **{"size": config.kernel, "normalized": config.normalized},
            **{"dtype": dtype, "rngs": rngs},
        }
        features = config.fold**2
        self.fold = config.fold
        self.stem: nnx.List[ConvBlock] = nnx.List()
        if config.stem:
            self.stem.append(ConvBlock(features, config.stem, **form))
            features = config.stem
        stages = []
        for widths in config.stages:
            blocks: list[nnx.Module] = []
            for width in widths:
                blocks.append(block(features, width, **form))
                features = width
            if config.squeeze_excite:
                blocks.append(SqueezeExcite(features, dtype=dtype, rngs=rngs))
            stages.append(nnx.List(blocks))
        self.stages = nnx.List(stages)
        self.dropout = nnx.Dropout(config.dropout)
        self.fer = nnx.Linear(features, len(EXPRESSIONS), rngs=rngs)
        self.ferplus = nnx.Linear(features, len(EXPRESSIONS), rngs=rngs)
        self.covered: nnx.List[nnx.Linear] = nnx.List()
        if config.covered:
            self.covered.append(nnx.Linear(features, 1, rngs=rngs))

    def __call__(
        self, images: jax.Array, *, rngs: nnx.Rngs | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """Classify square luma faces.

        Args:
            images: (N, 48, 48) uint8 or float luma in 0 to 255.
            rngs: source of the dropout key, needed only in training mode.

        Returns:
            FER-2013 logits and FER+ logits, each (N, 7) float32, in the order of `EXPRESSIONS`.
        """
        every = len(self.stages)
        return self.answers(self.features(images, every), every, rngs=rngs)

    def features(self, images: jax.Array, stages: int) -> jax.Array:
        """Output (N, h, w, C) of the first `stages` stages for (N, 48, 48) luma, before pooling."""
        return self.trunk(fold_luma(images, self.fold), stages)

    def trunk(self, x: jax.Array, stages: int) -> jax.Array:
        """The same for folded images; only layers."""
        for stem in self.stem:
            x = stem(x)
        return self._through(x, 0, stages)

    def answers(
        self, features: jax.Array, stages: int, *, rngs: nnx.Rngs | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """Both heads' logits, as `__call__` returns them, from the `features` after `stages`."""
        if stages < len(self.stages):
            features = self._through(max_pool_2x2(features), stages, len(self.stages))
        pooled = features.astype(jnp.float32).mean(axis=(1, 2))
        x = self.dropout(pooled, rngs=rngs)
        return self.fer(x), self.ferplus(x)

    def unreadable(self, features: jax.Array) -> jax.Array | None:
        """(N,) logits that faces cannot be read, by all stages' features; None without the head."""
        pooled = features.astype(jnp.float32).mean(axis=(1, 2))
        return next((head(pooled)[:, 0] for head in self.covered), None)

    def _through(self, x: jax.Array, first: int, stop: int) -> jax.Array:
        """Apply some stages, with pooling between them."""
        for number in range(first, stop):
            *blocks, last = self.stages[number]
            for block in blocks:
                x = block(x)
            x = last(x, pool=number + 1 < stop)
        return x
