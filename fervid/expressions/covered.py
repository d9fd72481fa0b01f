"""Faces whose expression cannot be read because something hides the mouth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import COVERED


def is_covered(covered: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which of (N,) faces count as covered, by the probabilities that they are."""
    return np.asarray(covered >= COVERED)


def without_covered(
    probs: NDArray[np.floating[Any]], covered: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Probabilities (N, 7) in which all expressions of covered faces are equally likely."""
    return np.where(is_covered(covered)[:, None], 1 / probs.shape[1], probs)
