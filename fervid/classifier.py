"""Calibrated expression probabilities of face crops: pad, one jitted call a batch, unpad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from fervid.model_cards import read_card, read_weights
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import restore
from fervid.records import Expressions, FaceCrops


@dataclass(frozen=True)
class Calibration:
    """How the two heads' logits become one distribution; fitted on PublicTest.

    Attributes:
        fer_temperature, ferplus_temperature: logits are divided by these before the softmax.
        ferplus_share: weight of the FER+ head's distribution in the mixture, 0 to 1.
    """

    fer_temperature: float = 1.0
    ferplus_temperature: float = 1.0
    ferplus_share: float = 0.5

    def mix(self, fer: jax.Array, ferplus: jax.Array) -> jax.Array:
        """(N, 7) logits of both heads -> (N, 7) probabilities."""
        labels = jax.nn.softmax(fer / self.fer_temperature)
        votes = jax.nn.softmax(ferplus / self.ferplus_temperature)
        return (1 - self.ferplus_share) * labels + self.ferplus_share * votes


class ExpressionClassifier:
    """The shipped classifier, compiled once for its batch size.

    Attributes:
        card: the model card of the weights in use.
        batch_size: faces a call; shorter batches are padded.
    """

    def __init__(self, model: ExpressionNet, card: dict[str, Any], *, batch_size: int = 16) -> None:
        self.card = card
        self.batch_size = batch_size
        graph, state = nnx.split(model)
        self._state = state
        calibration = Calibration(**card["calibration"])
        self._classify: Callable[..., jax.Array] = jax.jit(partial(_classify, graph, calibration))

    @classmethod
    def load(cls, *, batch_size: int = 16) -> ExpressionClassifier:
        """The classifier with the weights in the package.

        Raises:
            SetupError: the weights are missing or altered.
        """
        card = read_card("expression")
        config = ExpressionNetConfig.of_card(card)
        model = restore(lambda rngs: ExpressionNet(config, rngs=rngs), read_weights("expression"))
        return cls(model, card, batch_size=batch_size)

    def classify(self, crops: FaceCrops) -> Expressions:
        """Class probabilities of N crops, (N, 7) in the order of `EXPRESSIONS`."""
        if len(crops) == 0:
            return Expressions.empty()
        padding = -len(crops) % self.batch_size
        images = np.pad(crops.images, ((0, padding), (0, 0), (0, 0)))
        parts = images.reshape(-1, self.batch_size, *images.shape[1:])
        probs = [self._classify(self._state, part) for part in parts]
        return Expressions(np.concatenate([np.asarray(p) for p in probs])[: len(crops)])


def _classify(graph: Any, calibration: Calibration, state: Any, images: jax.Array) -> jax.Array:
    """Mean distribution of each crop and its mirror image, (N, 7) float32."""
    model = nnx.merge(graph, state)
    both = jnp.concatenate([images, images[:, :, ::-1]])
    fer, ferplus = model(both)
    return calibration.mix(fer, ferplus).reshape(2, len(images), -1).mean(axis=0)
