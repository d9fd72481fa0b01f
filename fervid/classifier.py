"""Calibrated expression probabilities of face crops: pad, one jitted call a batch, unpad."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from fervid.choices import EXPRESSION_MODELS, Labels, check_labels
from fervid.errors import ModelError
from fervid.model_cards import read_card, read_weights, unusable
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.fields import from_json
from fervid.models.inference import for_inference, in_chunks
from fervid.models.store import restore
from fervid.records import Expressions, FaceCrops


@dataclass(frozen=True)
class Calibration:
    """How the two heads' logits become one distribution; fitted on PublicTest.

    Attributes:
        fer_temperature, ferplus_temperature: logits are divided by these before the softmax.
        ferplus_share: weight of the FER+ head's distribution in the mixture, 0 to 1.

    Raises:
        ValueError: a number is out of range.
    """

    fer_temperature: float = 1.0
    ferplus_temperature: float = 1.0
    ferplus_share: float = 0.5

    def __post_init__(self) -> None:
        temperatures = (self.fer_temperature, self.ferplus_temperature)
        if not all(0 < temperature < math.inf for temperature in temperatures):
            raise ValueError("temperatures must be above 0")
        if not 0 <= self.ferplus_share <= 1:
            raise ValueError("ferplus_share must lie between 0 and 1")

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Calibration:
        """What a model card states under "calibration"; the defaults where it states nothing.

        Raises:
            ValueError: an unknown key, or a value of the wrong type or out of range.
        """
        return from_json(cls, card["calibration"]) if "calibration" in card else cls()

    def of_labels(self, labels: Labels) -> Calibration:
        """The same for "fer2013" or "ferplus" alone, or as it is for the "mixture".

        Raises:
            ValueError: other labels.
        """
        check_labels(labels)
        shares = {"fer2013": 0.0, "ferplus": 1.0}
        return replace(self, ferplus_share=shares.get(labels, self.ferplus_share))

    def mix(self, fer: jax.Array, ferplus: jax.Array) -> jax.Array:
        """(N, 7) logits of both heads -> (N, 7) probabilities."""
        labels = jax.nn.softmax(fer / self.fer_temperature)
        votes = jax.nn.softmax(ferplus / self.ferplus_temperature)
        return (1 - self.ferplus_share) * labels + self.ferplus_share * votes


class ExpressionClassifier:
    """An expression model, compiled once for its batch size.

    Attributes:
        card: the model card of the weights in use.
        batch_size: faces a call; shorter batches are padded.
        warnings: what a reader of the probabilities should know, one line each.
    """

    def __init__(
        self,
        model: ExpressionNet,
        card: dict[str, Any],
        *,
        labels: Labels = "mixture",
        batch_size: int = 16,
    ) -> None:
        self.card = card
        self.batch_size = batch_size
        self.warnings = () if "calibration" in card else (_uncalibrated(card),)
        graph, state = nnx.split(for_inference(model))
        self._state = state
        calibration = Calibration.of_card(card).of_labels(labels)
        self._classify: Callable[..., jax.Array] = jax.jit(partial(_classify, graph, calibration))

    @classmethod
    def load(
        cls,
        weights: str | Path = EXPRESSION_MODELS[0],
        labels: Labels = "mixture",
        batch_size: int = 16,
    ) -> ExpressionClassifier:
        """The classifier with a shipped expression model or one on disk.

        Args:
            weights: a name from `EXPRESSION_MODELS`, or a path: NAME.npz, NAME.json, or NAME for
                both.
            labels: "fer2013" or "ferplus" for the distribution of one head, "mixture" for the one
                that the card states.
            batch_size: faces a call.

        Raises:
            ModelError: no such model, or it is altered, damaged or not an expression model.
            SetupError: a shipped model is missing or altered, or JAX finds no device.
            ValueError: other labels.
        """
        check_labels(labels)
        model, card = load_model(weights)
        return cls(model, card, labels=labels, batch_size=batch_size)

    def classify(self, crops: FaceCrops) -> Expressions:
        """Class probabilities of N crops, (N, 7) float32 in the order of `EXPRESSIONS`.

        Raises:
            ModelError: the weights give something that is not a number.
        """
        if len(crops) == 0:
            return Expressions.empty()
        padding = -len(crops) % self.batch_size
        images = np.pad(crops.images, ((0, padding), (0, 0), (0, 0)))
        parts = images.reshape(-1, self.batch_size, *images.shape[1:])
        outputs = [self._classify(self._state, part) for part in parts]
        probs = np.concatenate([np.asarray(output) for output in outputs])[: len(crops)]
        if not np.isfinite(probs).all():
            raise ModelError(f"model {self.card['name']}: its weights give no probabilities")
        return Expressions(probs)


def load_model(weights: str | Path) -> tuple[ExpressionNet, dict[str, Any]]:
    """An expression model in evaluation mode, and its card, whose config and calibration are sound.

    Raises:
        ModelError: no such model, or it is altered, damaged or not an expression model.
        SetupError: a shipped model is missing or altered, or JAX finds no device.
    """
    card = read_card(weights)
    config = _config(weights, card)
    arrays = read_weights(weights)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise unusable(weights, "weights hold numbers that are not finite")
    try:
        return restore(lambda rngs: ExpressionNet(config, rngs=rngs), arrays), card
    except ModelError as error:
        raise unusable(weights, str(error)) from error


def _config(weights: str | Path, card: dict[str, Any]) -> ExpressionNetConfig:
    """The network's shape from a card, all of whose parts for the classifier are checked here."""
    for key in ("name", "version"):
        if not isinstance(card.get(key), str) or not card[key]:
            raise unusable(weights, f"the model card lacks {key}")
    if not isinstance(card.get("config"), dict):
        raise unusable(weights, "the model card lacks config")
    if "stages" not in card["config"]:
        raise ModelError(f"model {weights}: not an expression model")
    part = "config"
    try:
        config = ExpressionNetConfig.of_card(card)
        part = "calibration"
        Calibration.of_card(card)
    except ValueError as error:
        raise unusable(weights, f"{part} of the model card: {error}") from error
    return config


def _uncalibrated(card: dict[str, Any]) -> str:
    return f"model {card['name']} is not calibrated: its probabilities may be too high or too low"


def _classify(graph: Any, calibration: Calibration, state: Any, images: jax.Array) -> jax.Array:
    """Mean distribution of each crop and its mirror image, (N, 7) float32."""
    model = nnx.merge(graph, state)
    both = jnp.concatenate([images, images[:, :, ::-1]])
    fer, ferplus = in_chunks(model, both)
    return calibration.mix(fer, ferplus).reshape(2, len(images), -1).mean(axis=0)
