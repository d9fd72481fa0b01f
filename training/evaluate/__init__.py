"""Score a classifier on FER-2013 and FER+, and fit its calibration on PublicTest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from fervid.classifier import Calibration
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import set_evaluation
from fervid.records import EXPRESSIONS
from training import fer2013

_BATCH = 256
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logits:
    """Both heads' logits of N images and of their mirror images.

    Attributes:
        fer, ferplus: (2, N, 7) float64; [0] as they are, [1] mirrored.
    """

    fer: Floats
    ferplus: Floats

    def probs(self, calibration: Calibration) -> Floats:
        """(N, 7) what `ExpressionClassifier` returns: mixture of heads, mean over mirroring."""
        mixed = calibration.mix(jnp.asarray(self.fer), jnp.asarray(self.ferplus))
        return np.asarray(np.asarray(mixed, np.float64).mean(axis=0))


def predict_logits(model: ExpressionNet, images: NDArray[np.uint8]) -> Logits:
    """Both heads on (N, 48, 48) uint8 images and their mirror images."""
    set_evaluation(model)
    graph, state = nnx.split(model)
    forward = jax.jit(partial(_forward, graph))
    outputs: list[Any] = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        padded = np.pad(part, ((0, _BATCH - len(part)), (0, 0), (0, 0)))
        outputs.append(np.asarray(forward(state, padded))[:, :, : len(part)])
    fer, ferplus = np.concatenate(outputs, axis=2).astype(np.float64)
    return Logits(fer, ferplus)


def _forward(graph: Any, state: Any, images: jax.Array) -> jax.Array:
    """(head, mirrored, N, 7) logits."""
    model = nnx.merge(graph, state)
    plain, mirrored = model(images), model(images[:, :, ::-1])
    return jnp.stack([jnp.stack([plain[0], mirrored[0]]), jnp.stack([plain[1], mirrored[1]])])


def fit_calibration(logits: Logits, data: fer2013.Fer2013) -> Calibration:
    """Temperatures (Guo et al. 2017) and mixture that fit a split's labels and votes best.

    Each head's temperature minimises its own cross-entropy; the share of the FER+ head minimises
    the sum of both cross-entropies of the mixture.
    """
    labels = np.eye(len(EXPRESSIONS))[data.labels]
    shares = data.vote_shares().astype(np.float64)

    def fit(head: Calibration, name: str, target: Floats) -> float:
        def cost(log_t: float) -> float:
            trial = {**vars(head), name: float(np.exp(log_t))}
            return cross_entropy(logits.probs(Calibration(**trial)), target)

        return float(np.exp(minimize_scalar(cost, bounds=(-1.5, 1.5), method="bounded").x))

    fer = fit(Calibration(ferplus_share=0.0), "fer_temperature", labels)
    ferplus = fit(Calibration(ferplus_share=1.0), "ferplus_temperature", shares)

    def mixture_cost(share: float) -> float:
        probs = logits.probs(Calibration(fer, ferplus, share))
        return cross_entropy(probs, labels) + cross_entropy(probs, shares)

    share = float(minimize_scalar(mixture_cost, bounds=(0.0, 1.0), method="bounded").x)
    return Calibration(round(fer, 4), round(ferplus, 4), round(share, 2))


def cross_entropy(probs: Floats, target: Floats) -> float:
    """Mean cross-entropy in nats against (N, 7) target shares; rows without a target are left out.

    With one-hot targets this is the negative log-likelihood.
    """
    counted = target.sum(axis=1) > 0
    log_probs = np.log(np.maximum(probs[counted], 1e-12))
    return float(-(target[counted] * log_probs).sum(axis=1).mean())


def calibration_error(probs: Floats, labels: NDArray[np.int32], bins: int = 15) -> float:
    """Expected calibration error of the top class in equal-width bins (Guo et al. 2017)."""
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
        for b in np.unique(place)
    ]
    return float(np.sum(gaps))


def confusion(predicted: NDArray[np.int64], labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """(7, 7) int64 counts; rows are the labels, columns what was predicted."""
    table = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def accuracy(right: NDArray[np.bool_]) -> dict[str, float]:
    """Share of right answers in percent, with half of its 95% confidence interval."""
    share = float(right.mean())
    half = 1.96 * (share * (1 - share) / len(right)) ** 0.5
    return {"percent": round(100 * share, 2), "plus_minus": round(100 * half, 2), "n": len(right)}


def evaluate(
    model: ExpressionNet, data: fer2013.Fer2013, usage: str, calibration: Calibration
) -> dict[str, Any]:
    """Everything a model card states about one split."""
    split = data.split(usage)
    logits = predict_logits(model, split.images)
    fer = logits.probs(Calibration(fer_temperature=calibration.fer_temperature, ferplus_share=0.0))
    raw = logits.probs(Calibration(ferplus_share=0.0))
    votes = logits.probs(
        Calibration(ferplus_temperature=calibration.ferplus_temperature, ferplus_share=1.0)
    )
    shipped = logits.probs(calibration)
    unique = fer2013.unique_rows(data, usage)
    right = fer.argmax(1) == split.labels
    majority, plurality = split.ferplus_majority(), split.ferplus_plurality()
    one_hot = np.eye(len(EXPRESSIONS))[split.labels]
    return {
        "fer_accuracy": accuracy(right),
        "fer_accuracy_deduplicated": accuracy(right[unique]),
        "ferplus_majority_accuracy": accuracy((votes.argmax(1) == majority)[majority >= 0]),
        "ferplus_plurality_accuracy": accuracy((votes.argmax(1) == plurality)[plurality >= 0]),
        "shipped_mixture": {
            "fer_accuracy": accuracy(shipped.argmax(1) == split.labels),
            "ferplus_majority_accuracy": accuracy((shipped.argmax(1) == majority)[majority >= 0]),
            "nll": round(cross_entropy(shipped, one_hot), 4),
            "ece_15": round(calibration_error(shipped, split.labels), 4),
        },
        "nll": round(cross_entropy(fer, one_hot), 4),
        "ece_15_before_and_after": [
            round(calibration_error(raw, split.labels), 4),
            round(calibration_error(fer, split.labels), 4),
        ],
        **_per_class(confusion(fer.argmax(1), split.labels)),
    }


def _per_class(table: NDArray[np.int64]) -> dict[str, Any]:
    hits = np.diag(table)
    precision = hits / np.maximum(table.sum(axis=0), 1)
    recall = hits / np.maximum(table.sum(axis=1), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return {
        "macro_f1": round(float(f1.mean()), 4),
        "balanced_accuracy": round(float(recall.mean()), 4),
        "precision": [round(float(v), 3) for v in precision],
        "recall": [round(float(v), 3) for v in recall],
        "f1": [round(float(v), 3) for v in f1],
        "confusion": table.tolist(),
    }
