"""Expressions read as changes from a person's own resting face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.looks import log_ratios, with_neutral
from fervid.expressions.resting import RestingFace

_USUAL = np.array(
    [
        [2.80, 0.96, 0.37, -0.62, -1.28, 0.70, -2.94],
        [1.50, 3.59, -0.83, -0.70, -0.46, -0.74, -2.37],
        [-0.74, 0.02, 3.09, -1.00, -0.38, 2.05, -3.04],
        [-0.75, 0.42, -0.55, 4.33, -1.49, 0.54, -2.51],
        [-0.00, 0.23, 0.79, -0.62, 1.68, -0.31, -1.77],
        [-0.86, -0.03, 1.25, -0.41, -1.84, 4.57, -2.68],
    ]
)
"""Mean difference in nats between the log-ratios of faces with each expression and neutral faces.

From the 2,136 faces in FER-2013's PublicTest whose label and FER+ majority agree; see `python -m
training.reading.fit`.
"""

_LENGTHS = np.linalg.norm(_USUAL, axis=1)
_DIRECTIONS = _USUAL / _LENGTHS[:, None]

_EVEN, _STEEP, _LAPSES = 0.45, 9.5, 0.01
"""The probability that a face shows an expression: the largest change, in nats, at which it is a
half; the rise of its log-odds per nat; and its smallest distance from 0 and 1. Fitted to 50 people
whose smiles have known strengths and to rendered people: `python -m training.reading.fit`."""

_BY_CHANGE, _BY_LOOKS = 8.0, 1.0
"""Weights that decide which expression is shown: of the similarity of the change to the usual one
(-1 to 1), and of the expression's log-ratio."""

_QUIET = 0.3
"""Spread at rest in nats up to which changes count in full."""

_SMALL = 0.3
"""Length in nats below which the direction of a change is unreliable."""


def changes(probs: NDArray[np.floating], face: RestingFace) -> NDArray[np.float64]:
    """Changes (N, 6) of each expression from rest in nats, from (N, 7) probabilities.

    A change is a difference of log-ratios. If a face at rest jitters by more than 0.3 nats, its
    changes are divided by the ratio of the two, so that a nat means the same in every face.
    """
    quiet = np.minimum(1.0, _QUIET / np.maximum(face.spread, _QUIET))
    return (log_ratios(probs) - face.ratios) * quiet


def relative_probabilities(
    change: NDArray[np.floating], probs: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Probabilities (N, 7) that faces show each expression, or none (neutral).

    The largest change alone decides whether an expression is shown, with odds of exp(9.5 (change -
    0.45)), but at most 99% certainty. Which one it is depends on the similarity (cosine) of the
    changes of all seven to the usual change of each expression, and on what the face looks like.

    Args:
        change: (N, 6) from `changes`.
        probs: (N, 7) probabilities of the same faces.
    """
    largest = change.max(axis=1, keepdims=True)
    odds = 1 / (1 + np.exp(-np.clip(_STEEP * (largest - _EVEN), -50, 50)))
    shown = _LAPSES + (1 - 2 * _LAPSES) * odds
    names = _BY_CHANGE * _alike(change) + _BY_LOOKS * log_ratios(probs)
    names = np.exp(names - names.max(axis=1, keepdims=True))
    each = shown * names / names.sum(axis=1, keepdims=True)
    return np.concatenate([each, 1 - shown], axis=1)


def intensities(change: NDArray[np.floating]) -> NDArray[np.float64]:
    """Strength of expressions (N,), from 0 to 1.

    The length of the change in the direction of the most similar expression. 1 is the average
    length in FER-2013, whose expressions are posed or strong.
    """
    which = _alike(change).argmax(axis=1)
    along = (with_neutral(change) * _DIRECTIONS[which]).sum(axis=1)
    return np.asarray(np.clip(along / _LENGTHS[which], 0.0, 1.0))


def _alike(change: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 6) cosine between a change and the usual change of each expression."""
    whole = with_neutral(change)
    length = np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), _SMALL)
    return np.asarray(whole @ _DIRECTIONS.T / length)
