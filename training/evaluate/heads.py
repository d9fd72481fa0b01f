"""Answers of both heads and of their mixture, and how right they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.classifier import Calibration
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate.predict import Logits
from training.evaluate.scores import (
    Floats,
    balanced_accuracy,
    brier,
    calibration_error,
    class_table,
    confusion,
    cross_entropy,
    jensen_shannon,
    macro_f1,
    proportion,
    reliability,
)

MODES = {"one_pass": False, "mirrored": True}
"""One forward pass, or the mean with the mirror image, as in analyses."""

HEADS = ("fer", "ferplus", "mixture")
"""The FER-2013 head, the FER+ head, and the mixture of both that ships."""


@dataclass(frozen=True)
class Answers:
    """The answers of one head for N images.

    Attributes:
        before, after: (N, 7) float64 probabilities without and with temperature scaling.
    """

    before: Floats
    after: Floats

    def __getitem__(self, rows: NDArray[np.bool_]) -> Answers:
        """Select rows by a mask."""
        return Answers(self.before[rows], self.after[rows])


def answers_of(logits: Logits, calibration: Calibration) -> dict[str, dict[str, Answers]]:
    """By mode (`MODES`), then by head (`HEADS`)."""
    share = calibration.ferplus_share
    scaled = {
        "fer": Calibration(fer_temperature=calibration.fer_temperature, ferplus_share=0.0),
        "ferplus": Calibration(
            ferplus_temperature=calibration.ferplus_temperature, ferplus_share=1.0
        ),
        "mixture": calibration,
    }
    raw = {name: Calibration(ferplus_share=s) for name, s in zip(HEADS, (0, 1, share), strict=True)}
    return {
        mode: {
            head: Answers(
                logits.probs(raw[head], mirrored=mirrored),
                logits.probs(scaled[head], mirrored=mirrored),
            )
            for head in HEADS
        }
        for mode, mirrored in MODES.items()
    }


def score(answers: Answers, data: fer2013.Fer2013) -> dict[str, Any]:
    """One head on N images, against labels, FER+ majority and FER+ votes.

    `majority`, `plurality_accuracy` and `votes` are None where no image has votes.
    """
    majority, plurality = data.ferplus_majority(), data.ferplus_plurality()
    shares = data.vote_shares().astype(np.float64)
    kept, voted = majority >= 0, plurality >= 0
    return {
        "labels": against(answers, data.labels),
        "majority": against(answers[kept], majority[kept]) if kept.any() else None,
        "plurality_accuracy": _share(answers[voted], plurality[voted]) if voted.any() else None,
        "votes": _against_votes(answers[voted], shares[voted]) if voted.any() else None,
    }


def against(answers: Answers, labels: NDArray[Any]) -> dict[str, Any]:
    """One head against (N,) labels; NLL in nats, Brier 0 to 2, the rest as shares or percent.

    `before` and `after` are without and with temperature scaling; all else is with it.
    """
    table = confusion(answers.after.argmax(1), labels)
    one_hot = np.eye(len(EXPRESSIONS))[labels]
    return {
        "accuracy": _share(answers, labels),
        "balanced_accuracy": float(balanced_accuracy(table)),
        "macro_f1": float(macro_f1(table)),
        "nll": _both(answers, lambda probs: cross_entropy(probs, one_hot)),
        "brier": _both(answers, lambda probs: brier(probs, one_hot)),
        "ece_15": _both(answers, lambda probs: calibration_error(probs, labels)),
        "reliability": _both(answers, lambda probs: reliability(probs, labels)),
        "per_class": class_table(table),
        "confusion": table.tolist(),
    }


def _against_votes(answers: Answers, shares: Floats) -> dict[str, Any]:
    return {
        "n": len(shares),
        "nll": _both(answers, lambda probs: cross_entropy(probs, shares)),
        "jensen_shannon": _both(answers, lambda probs: float(jensen_shannon(probs, shares).mean())),
    }


def _both(answers: Answers, figure: Callable[[Floats], Any]) -> dict[str, Any]:
    return {"before": figure(answers.before), "after": figure(answers.after)}


def _share(answers: Answers, labels: NDArray[Any]) -> dict[str, Any]:
    right = answers.after.argmax(1) == labels
    return proportion(int(right.sum()), len(right))
