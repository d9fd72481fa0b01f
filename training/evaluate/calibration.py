"""Fit what turns both heads' logits into one distribution; to be done on PublicTest."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from fervid.expressions.classifier import Calibration
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate.predict import Logits
from training.evaluate.scores import Floats, cross_entropy


def fit_calibration(logits: Logits, data: fer2013.Fer2013) -> Calibration:
    """Temperatures (Guo et al. 2017) and mixture that fit a split's labels and votes best.

    Each head's temperature minimises its own cross-entropy; the share of the FER+ head minimises
    the sum of both cross-entropies of the mixture. Without votes the FER-2013 head is fitted alone
    and the share is 0.
    """
    labels = np.eye(len(EXPRESSIONS))[data.labels]
    shares = data.vote_shares().astype(np.float64)

    def fit(head: Calibration, name: str, target: Floats) -> float:
        def cost(log_t: float) -> float:
            trial = {**vars(head), name: float(np.exp(log_t))}
            return cross_entropy(logits.probs(Calibration(**trial)), target)

        return float(np.exp(minimize_scalar(cost, bounds=(-1.5, 1.5), method="bounded").x))

    fer = fit(Calibration(ferplus_share=0.0), "fer_temperature", labels)
    if not shares.any():
        return Calibration(fer_temperature=round(fer, 4), ferplus_share=0.0)
    ferplus = fit(Calibration(ferplus_share=1.0), "ferplus_temperature", shares)

    def mixture_cost(share: float) -> float:
        probs = logits.probs(Calibration(fer, ferplus, share))
        return cross_entropy(probs, labels) + cross_entropy(probs, shares)

    share = float(minimize_scalar(mixture_cost, bounds=(0.0, 1.0), method="bounded").x)
    return Calibration(round(fer, 4), round(ferplus, 4), round(share, 2))
