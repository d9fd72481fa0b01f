"""Chooses the images that the page shows: right and wrong ones of each label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from training.evaluate.scores import Floats

EACH = 5
"""Number of right images, and of wrong ones, shown for each label."""


def choose_samples(
    probs: Floats, labels: NDArray[np.int32], rows: NDArray[np.int64], each: int = EACH
) -> list[dict[str, Any]]:
    """Choose samples evenly spaced through the split, so that nobody picks what looks good.

    Args:
        probs: (N, 7) distributions of one split.
        labels: (N,) its labels.
        rows: (N,) row of each image in the data set.
        each: most right images, and most wrong images, for each label.

    Returns:
        For each sample row, label, predicted, confidence (0 to 1) and right; sorted by label, the
        right ones first.
    """
    predicted = probs.argmax(axis=1)
    chosen = []
    for label, name in enumerate(EXPRESSIONS):
        for right in (True, False):
            pool = np.flatnonzero((labels == label) & ((predicted == labels) == right))
            places = np.unique(np.linspace(0, len(pool) - 1, min(each, len(pool))).round())
            chosen += [
                {
                    "row": int(rows[k]),
                    "label": name,
                    "predicted": EXPRESSIONS[int(predicted[k])],
                    "confidence": float(probs[k].max()),
                    "right": right,
                }
                for k in pool[places.astype(int)]
            ]
    return chosen
