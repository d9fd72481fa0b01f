"""Fits the calibration of both heads' logits; use PublicTest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from fervid.expressions.classifier import Calibration
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate.predict import Logits
from training.evaluate.scores import Floats, cross_entropy

_NEUTRAL = EXPRESSIONS.index("neutral")


def fit_calibration(logits: Logits, data: fer2013.Fer2013, *, mirrored: bool = True) -> Calibration:
    """Fit temperatures (Guo et al. 2017) and mixture to a split's labels and votes.

    Each head's temperature minimises its own cross-entropy; the share of the FER+ head minimises
    the sum of both cross-entropies of the mixture. The power of the priors is the lowest, in steps
    of .05, with which the mixture names neutral no more often than both sets of labels do on
    average. Without votes the FER-2013 head is fitted alone and the share is 0.

    Args:
        logits: of the images of `data`.
        data: a split.
        mirrored: whether the model is used with mirror images.
    """
    labels = np.eye(len(EXPRESSIONS))[data.labels]
    shares = data.vote_shares().astype(np.float64)

    def fit(head: Calibration, name: str, target: Floats) -> float:
        def cost(log_t: float) -> float:
            trial = {**vars(head), name: float(np.exp(log_t))}
            return cross_entropy(logits.probs(Calibration(**trial)), target)

        return float(np.exp(minimize_scalar(cost, bounds=(-1.5, 1.5), method="bounded").x))

    fer = fit(Calibration(ferplus_share=0.0, mirrored=mirrored), "fer_temperature", labels)
    if not shares.any():
        return Calibration(fer_temperature=round(fer, 4), ferplus_share=0.0, mirrored=mirrored)
    ferplus = fit(Calibration(ferplus_share=1.0, mirrored=mirrored), "ferplus_temperature", shares)

    def mixture_cost(share: float) -> float:
        probs = logits.probs(Calibration(fer, ferplus, share, mirrored=mirrored))
        return cross_entropy(probs, labels) + cross_entropy(probs, shares)

    share = float(minimize_scalar(mixture_cost, bounds=(0.0, 1.0), method="bounded").x)
    found = Calibration(round(fer, 4), round(ferplus, 4), round(share, 2), mirrored=mirrored)
    return _with_priors(found, logits, labels, shares)


def _with_priors(found: Calibration, logits: Logits, labels: Floats, shares: Floats) -> Calibration:
    """The mixture that names neutral no more often than labels and votes do on average."""
    voted = shares[shares.any(axis=1)]
    priors = (labels.mean(axis=0), voted.mean(axis=0))
    if not all(prior.all() for prior in priors):
        return found
    majorities = np.eye(len(EXPRESSIONS))[voted.argmax(axis=1)]
    wanted = (priors[0][_NEUTRAL] + majorities.mean(axis=0)[_NEUTRAL]) / 2
    fer, ferplus = (tuple(float(share) for share in prior.round(4)) for prior in priors)
    for power in np.arange(0, 1.01, 0.05).round(2).tolist():
        trial = replace(found, prior_power=power, fer_prior=fer, ferplus_prior=ferplus)
        if (logits.probs(trial).argmax(axis=1) == _NEUTRAL).mean() <= wanted:
            break
    return trial
