"""Calibrates scores, so that nine in ten boxes with score 0.9 are faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from training.detector.evaluate.matching import Match

_BINS = 10


def fit_scores(match: Match) -> dict[str, float]:
    """Fit scale and shift of the logit to the share of right boxes (Platt 1999).

    Args:
        match: detections with uncalibrated scores.

    Returns:
        "scale" and "shift", as in a model card.
    """
    logits = _logits(match)
    sign = np.where(match.right, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0.0, -sign * (values[0] * logits + values[1])).mean())

    scale, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return {"scale": round(float(scale), 4), "shift": round(float(shift), 4)}


def calibrated(match: Match, fit: dict[str, float]) -> Match:
    """The same detections with calibrated scores."""
    score = expit(fit["scale"] * _logits(match) + fit["shift"]).astype(np.float32)
    return Match(score, match.right, match.n_faces)


def _logits(match: Match) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(match.score.astype(np.float64), 1e-6, 1 - 1e-6)))


def reliability(match: Match) -> list[dict[str, float]]:
    """For each tenth of the score: number of boxes, mean score, and share of faces."""
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
