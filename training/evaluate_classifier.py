"""Score a classifier on a split of FER-2013 and FER+."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.expression_net import ExpressionNet

_BATCH = 256


@nnx.jit
def _logits(model: ExpressionNet, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    return model(images)


def predict_logits(
    model: ExpressionNet, images: NDArray[np.uint8], *, mirrored: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """FER and FER+ logits of (N, 48, 48) uint8 images, each (N, 7) float32.

    `mirrored`: classify the images flipped left to right.
    """
    model.eval()
    if mirrored:
        images = images[:, :, ::-1]
    outputs: list[Any] = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        padded = np.pad(part, ((0, _BATCH - len(part)), (0, 0), (0, 0)))
        outputs.append([np.asarray(out)[: len(part)] for out in _logits(model, padded)])
    fer, ferplus = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
    return fer, ferplus
