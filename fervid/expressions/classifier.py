"""Calibrated expression probabilities of face crops, in padded, compiled batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fervid.errors import ModelError
from fervid.models.cards import read_card, read_weights, unusable
from fervid.models.fields import from_json
from fervid.models.program import Function, Leaves, Program
from fervid.records import EXPRESSIONS, FACE_SIZE, Expressions, FaceCrops
from fervid.settings.choices import EXPRESSION_MODELS, Labels, check_labels

if TYPE_CHECKING:
    from fervid.models.expression_net import ExpressionNet


@dataclass(frozen=True)
class Calibration:
    """How the logits of the two heads become one distribution; fitted on PublicTest.

    Attributes:
        fer_temperature, ferplus_temperature: divisors of the logits before the softmax.
        ferplus_share: weight of the FER+ head in the mixture, 0 to 1.
        prior_power: in the mixture, each head's probabilities are divided by the class frequencies
            of its labels to this power (logit adjustment, Menon et al. 2021); 0: no division.
        fer_prior, ferplus_prior: these class frequencies.
        mirrored: whether an answer is the mean over a face and its mirror image.

    Raises:
        ValueError: a number is out of range.
    """

    fer_temperature: float = 1.0
    ferplus_temperature: float = 1.0
    ferplus_share: float = 0.5
    prior_power: float = 0.0
    fer_prior: tuple[float, ...] = ()
    ferplus_prior: tuple[float, ...] = ()
    mirrored: bool = True

    def __post_init__(self) -> None:
        temperatures = (self.fer_temperature, self.ferplus_temperature)
        if not all(0 < temperature < math.inf for temperature in temperatures):
            raise ValueError("temperatures must be above 0")
        if not 0 <= self.ferplus_share <= 1:
            raise ValueError("ferplus_share must be between 0 and 1")
        if not 0 <= self.prior_power <= 1:
            raise ValueError("prior_power must be between 0 and 1")
        for prior in (self.fer_prior, self.ferplus_prior) if self.prior_power else ():
            if len(prior) != len(EXPRESSIONS) or not all(0 < share < math.inf for share in prior):
                raise ValueError(f"a prior must be {len(EXPRESSIONS)} numbers above 0")

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Calibration:
        """Read a model card's "calibration"; missing values get defaults.

        Raises:
            ValueError: a key is unknown, or a value has the wrong type or is out of range.
        """
        return from_json(cls, card["calibration"]) if "calibration" in card else cls()

    def of_labels(self, labels: Labels) -> Calibration:
        """The calibration for "fer2013" or "ferplus" alone, or this one for "mixture".

        Raises:
            ValueError: the labels are unknown.
        """
        check_labels(labels)
        shares = {"fer2013": 0.0, "ferplus": 1.0}
        if labels not in shares:
            return self
        return replace(self, ferplus_share=shares[labels], prior_power=0.0)

    def mix(self, fer: jax.Array, ferplus: jax.Array) -> jax.Array:
        """(N, 7) logits of both heads -> (N, 7) probabilities."""
        fer, ferplus = fer / self.fer_temperature, ferplus / self.ferplus_temperature
        if self.prior_power:
            fer = fer - self.prior_power * jnp.log(jnp.asarray(self.fer_prior))
            ferplus = ferplus - self.prior_power * jnp.log(jnp.asarray(self.ferplus_prior))
        labels, votes = jax.nn.softmax(fer), jax.nn.softmax(ferplus)
        return (1 - self.ferplus_share) * labels + self.ferplus_share * votes


class ExpressionClassifier:
    """An expression model, compiled once for its batch size.

    Args:
        model: a name in `EXPRESSION_MODELS`, or a path: NAME.npz, NAME.json, or NAME for both.
        labels: "fer2013" or "ferplus" for the distribution of one head, "mixture" for the mixture
            that the card states.
        batch_size: faces per call; more faces take several calls.
        devices: see `fervid.models.program.Program`.

    Attributes:
        card: the model card.
        warnings: warnings about the probabilities, one line each.

    Raises:
        ModelError: the model is missing, altered, damaged or not an expression model.
        SetupError: a shipped model is missing or altered, or JAX finds no device.
        ValueError: the labels are unknown.
    """

    def __init__(
        self,
        model: str | Path = EXPRESSION_MODELS[0],
        labels: Labels = "mixture",
        *,
        batch_size: int = 48,
        devices: Sequence[Any] | None = None,
    ) -> None:
        check_labels(labels)
        self._model, self._labels = model, labels
        self.card = read_card(model)
        _check_card(model, self.card)
        read_weights(model)  # for its checks, because the program may come from the cache
        self.warnings = () if "calibration" in self.card else (_uncalibrated(self.card),)
        self._devices = devices
        self._programs: dict[str, Program] = {}
        self._program = self.program("expressions", self._make, batch_size)

    def _make(self, on_cpu: bool) -> tuple[Function, Leaves]:
        from fervid.models.expressions import expressions

        network, calibration = self.network()
        mirrored = calibration.mirrored
        return expressions(network, calibration.mix, mirrored=mirrored, on_cpu=on_cpu)

    def network(self) -> tuple[ExpressionNet, Calibration]:
        """The network in evaluation mode, and how its heads' logits become probabilities.

        Raises:
            ModelError, SetupError: the weights do not fit.
        """
        model, card = load_model(self._model)
        return model, Calibration.of_card(card).of_labels(self._labels)

    def program(
        self, task: str, make: Callable[[bool], tuple[Function, Leaves]], batch_size: int
    ) -> Program:
        """A further program for `network` on the same devices, made once for each task.

        Args:
            task: name of the program in the cache.
            make, batch_size: see `fervid.models.program.Program`.
        """
        if task not in self._programs:
            parts = {name: self.card.get(name) for name in ("config", "calibration", "sha256")}
            key = {"task": task, "labels": self._labels, **parts}
            self._programs[task] = Program(key, make, batch_size=batch_size, devices=self._devices)
        return self._programs[task]

    def prepare(self) -> None:
        """Compile, so that the first call is as fast as the others."""
        self._program.prepare((FACE_SIZE, FACE_SIZE))

    def classify(self, crops: FaceCrops) -> Expressions:
        """Class probabilities of N crops, and whether they are covered.

        Raises:
            ModelError: the weights give values that are not numbers.
        """
        if len(crops) == 0:
            return Expressions.empty()
        probs, covered = self._program(crops.images)
        if not (np.isfinite(probs).all() and np.isfinite(covered).all()):
            raise ModelError(f"model {self.card['name']}: its weights give no probabilities")
        return Expressions(probs, covered)


def load_model(weights: str | Path) -> tuple[ExpressionNet, dict[str, Any]]:
    """Load an expression model in evaluation mode, and its checked card.

    Raises:
        ModelError: the model is missing, altered, damaged or not an expression model.
        SetupError: a shipped model is missing or altered, or JAX finds no device.
    """
    # Loaded here because Flax takes half a second and a cached program does not need it.
    from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
    from fervid.models.store import restore

    card = read_card(weights)
    _check_card(weights, card)
    try:
        config = ExpressionNetConfig.of_card(card)
    except ValueError as error:
        raise unusable(weights, f"config of the model card: {error}") from error
    arrays = read_weights(weights)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise unusable(weights, "weights contain numbers that are not finite")
    try:
        return restore(lambda rngs: ExpressionNet(config, rngs=rngs), arrays), card
    except ModelError as error:
        raise unusable(weights, str(error)) from error


def _check_card(weights: str | Path, card: dict[str, Any]) -> None:
    """Raise ModelError or SetupError if a card lacks something that the classifier needs."""
    for key in ("name", "version"):
        if not isinstance(card.get(key), str) or not card[key]:
            raise unusable(weights, f"the model card lacks {key}")
    if not isinstance(card.get("config"), dict):
        raise unusable(weights, "the model card lacks config")
    if "stages" not in card["config"]:
        raise ModelError(f"model {weights}: is not an expression model")
    try:
        Calibration.of_card(card)
    except ValueError as error:
        raise unusable(weights, f"calibration of the model card: {error}") from error


def _uncalibrated(card: dict[str, Any]) -> str:
    return f"model {card['name']} is not calibrated: its probabilities may be too high or too low"
