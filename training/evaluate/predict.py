"""Computes both heads' logits for many images, in jitted batches of one padded size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.expressions.classifier import Calibration
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import set_evaluation
from training.evaluate.scores import Floats

_BATCH = 256


@dataclass(frozen=True)
class Logits:
    """Both heads' logits of N images and of their mirror images.

    Attributes:
        fer, ferplus: (2, N, 7) float64; [0] for the images as they are, [1] for mirror images.
    """

    fer: Floats
    ferplus: Floats

    def probs(self, calibration: Calibration, *, mirrored: bool | None = None) -> Floats:
        """(N, 7) float64 distributions.

        Args:
            calibration: temperatures of the heads and the share of each in their mixture.
            mirrored: whether to average each image with its mirror image; None: as the calibration
                says.
        """
        passes = 2 if (calibration.mirrored if mirrored is None else mirrored) else 1
        mixed = calibration.mix(jnp.asarray(self.fer[:passes]), jnp.asarray(self.ferplus[:passes]))
        return np.asarray(np.asarray(mixed, np.float64).mean(axis=0))


def predict_logits(model: ExpressionNet, images: NDArray[np.uint8]) -> Logits:
    """Both heads on (N, 48, 48) uint8 images and their mirror images, N at least 1.

    Puts the model into evaluation mode.
    """
    set_evaluation(model)
    graph, state = nnx.split(model)
    batch = min(_BATCH, len(images))
    outputs: list[Any] = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.pad(part, ((0, batch - len(part)), (0, 0), (0, 0)))
        outputs.append(np.asarray(_forward(graph, state, padded))[:, :, : len(part)])
    fer, ferplus = np.concatenate(outputs, axis=2).astype(np.float64)
    return Logits(fer, ferplus)


@partial(jax.jit, static_argnums=0)
def _forward(graph: Any, state: Any, images: jax.Array) -> jax.Array:
    """(head, mirrored, N, 7) logits; compiled once per network, not once per call."""
    model = nnx.merge(graph, state)
    plain, mirrored = model(images), model(images[:, :, ::-1])
    return jnp.stack([jnp.stack([plain[0], mirrored[0]]), jnp.stack([plain[1], mirrored[1]])])
