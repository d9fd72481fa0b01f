"""The expression classifier: a small CNN with a FER-2013 head and a FER+ head on one trunk."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from flax import nnx

from fervid.models.blocks import ConvBlock, max_pool_2x2, normalize_luma, space_to_depth
from fervid.records import EXPRESSIONS


@dataclass(frozen=True)
class ExpressionNetConfig:
    """Shape of an `ExpressionNet`.

    Attributes:
        stages: channels of the 3x3 convolutions of each stage; 2x2 max-pools between stages.
        dropout: rate before the heads.
    """

    stages: tuple[tuple[int, ...], ...] = ((24, 24), (64, 64), (128, 128), (192,))
    dropout: float = 0.2


class ExpressionNet(nnx.Module):
    """Two 7-way heads on one trunk, after a 2x2 space-to-depth stem.

    One head learns FER-2013's labels (Goodfellow et al. 2013), the other the distribution of
    FER+ votes (Barsoum et al. 2016). Folding 2x2 pixels into channels first avoids a one-channel
    convolution, which is slow on every backend.
    """

    def __init__(self, config: ExpressionNetConfig, *, rngs: nnx.Rngs) -> None:
        features = 4
        stages = []
        for widths in config.stages:
            blocks = []
            for width in widths:
                blocks.append(ConvBlock(features, width, rngs=rngs))
                features = width
            stages.append(nnx.List(blocks))
        self.stages = nnx.List(stages)
        self.dropout = nnx.Dropout(config.dropout)
        self.fer = nnx.Linear(features, len(EXPRESSIONS), rngs=rngs)
        self.ferplus = nnx.Linear(features, len(EXPRESSIONS), rngs=rngs)

    def __call__(
        self, images: jax.Array, *, rngs: nnx.Rngs | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """Classify square luma faces.

        Args:
            images: (N, 48, 48) uint8 or float luma in 0 to 255.
            rngs: source of the dropout key, needed in training mode only.

        Returns:
            FER-2013 logits and FER+ logits, each (N, 7) float32, in the order of `EXPRESSIONS`.
        """
        x = normalize_luma(images)[..., None]
        x = space_to_depth(x, 2)
        for number, stage in enumerate(self.stages):
            if number:
                x = max_pool_2x2(x)
            for block in stage:
                x = block(x)
        x = self.dropout(x.mean(axis=(1, 2)), rngs=rngs)
        return self.fer(x), self.ferplus(x)
