"""What people show, read as a change from their own resting face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.looks import log_odds
from fervid.expressions.resting import RestingFace

_EVEN = 0.65
"""Nats of change that show an expression as likely as not."""

_STEEP = 4.0
"""By so much the log-odds of showing it rise a nat of change."""

_BY_CHANGE, _BY_LOOKS = 8.0, 1.0
"""What an expression is called: weight of its share in the change, and of its log-odds."""

_QUIET = 0.3
"""Nats of spread at rest up to which a change counts in full."""

_FULL = 4.0
"""Nats of change at which the intensity is 1."""


def changes(probs: NDArray[np.floating], face: RestingFace) -> NDArray[np.float64]:
    """Change of each expression from rest in nats (N, 6), of (N, 7) probabilities.

    It is the difference of the log-odds against neutral. Where a face jitters at rest by more than
    0.3 nats, it is divided by how often more, so that one nat means as much in any face.
    """
    quiet = np.minimum(1.0, _QUIET / np.maximum(face.spread, _QUIET))
    return (log_odds(probs) - face.log_odds) * quiet


def relative_probabilities(
    change: NDArray[np.floating], probs: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Probabilities (N, 7) that faces show each expression, or nothing (neutral).

    Whether something is shown is told by the largest change alone, with odds of
    exp(4 (change - 0.65)). What it is, is told by the share that each expression has in the largest
    change, and by its odds: two that rise together are told apart by what the face looks like.

    Args:
        change: (N, 6) of `changes`.
        probs: (N, 7) of the same faces.
    """
    largest = change.max(axis=1, keepdims=True)
    shown = 1 / (1 + np.exp(-np.clip(_STEEP * (largest - _EVEN), -50, 50)))
    share = np.minimum(change, largest) / np.maximum(largest, _EVEN)
    names = _BY_CHANGE * share + _BY_LOOKS * log_odds(probs)
    names = np.exp(names - names.max(axis=1, keepdims=True))
    each = shown * names / names.sum(axis=1, keepdims=True)
    return np.concatenate([each, 1 - shown], axis=1)


def intensities(change: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) how much is shown: the largest change over 4 nats, 0 to 1."""
    return np.asarray(np.clip(change.max(axis=1, initial=0.0) / _FULL, 0.0, 1.0))
