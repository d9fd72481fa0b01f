"""Faces whose expression cannot be read because something hides the mouth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import is_covered


def without_covered(
    probs: NDArray[np.floating[Any]], covered: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Probabilities (N, 7) in which all expressions of covered faces are equally likely."""
    return np.where(is_covered(covered)[:, None], 1 / probs.shape[1], probs)
