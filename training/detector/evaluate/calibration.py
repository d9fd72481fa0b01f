"""Scores that mean what they say: of boxes with score .9, nine in ten are faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from training.detector.evaluate.matching import Match

_BINS = 10


def fit_scores(match: Match) -> dict[str, float]:
    """Scale and shift of the logit that fit the share of right boxes best (Platt 1999).

    Args:
        match: detections with scores that are not calibrated.

    Returns:
        "scale" and "shift", as a model card holds them.
    """
    logits = _logits(match)
    sign = np.where(match.right, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0.0, -sign * (values[0] * logits + values[1])).mean())

    scale, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return {"scale": round(float(scale), 4), "shift": round(float(shift), 4)}


def calibrated(match: Match, fit: dict[str, float]) -> Match:
    """The same detections with the scores that a calibration gives them."""
    score = expit(fit["scale"] * _logits(match) + fit["shift"]).astype(np.float32)
    return Match(score, match.right, match.n_faces)


def _logits(match: Match) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(match.score.astype(np.float64), 1e-6, 1 - 1e-6)))


def reliability(match: Match) -> list[dict[str, float]]:
    """By tenths of the score: number of boxes, their mean score, and the share that are faces."""
    bins = np.minimum((match.score * _BINS).astype(int), _BINS - 1)
    return [
        {
            "boxes": int(chosen.sum()),
            "score": round(float(match.score[chosen].mean()), 4),
            "faces": round(float(match.right[chosen].mean()), 4),
        }
        for chosen in (bins == number for number in range(_BINS))
        if chosen.any()
    ]
