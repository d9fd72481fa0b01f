"""What people show, read as a change from their own resting face."""

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
"""Nats by which log-ratios of faces with each expression differ from those of neutral ones.

Means of FER-2013's PublicTest where its label and FER+'s majority agree (2,136 faces):
`python -m training.reading.fit`.
"""

_LENGTHS = np.linalg.norm(_USUAL, axis=1)
_DIRECTIONS = _USUAL / _LENGTHS[:, None]

_EVEN, _STEEP, _LAPSES = 0.45, 9.5, 0.01
"""Of a largest change of so many nats, something is shown as likely as not; by so much the log-odds
rise a nat; and so often nothing is shown, or something, whatever the change. Fitted to 50 people
whose smiles have known strengths and to rendered people: `python -m training.reading.fit`."""

_BY_CHANGE, _BY_LOOKS = 8.0, 1.0
"""What an expression is called: weight of how alike the change is to the usual one, -1 to 1, and
weight of its log-ratio."""

_QUIET = 0.3
"""Nats of spread at rest up to which a change counts in full."""

_SMALL = 0.3
"""Nats of length below which a change has hardly any direction."""


def changes(probs: NDArray[np.floating], face: RestingFace) -> NDArray[np.float64]:
    """Change of each expression from rest in nats (N, 6), of (N, 7) probabilities.

    It is the difference of the log-ratios. Where a face jitters at rest by more than 0.3 nats, it
    is divided by how often more, so that one nat means as much in any face.
    """
    quiet = np.minimum(1.0, _QUIET / np.maximum(face.spread, _QUIET))
    return (log_ratios(probs) - face.ratios) * quiet


def relative_probabilities(
    change: NDArray[np.floating], probs: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Probabilities (N, 7) that faces show each expression, or nothing (neutral).

    Whether something is shown is told by the largest change alone: with odds of
    exp(9.5 (change - 0.45)), but never surer than 99%. What it is, is told by how alike the change
    of all seven is to the one that each expression usually makes (the cosine between them), and
    by what the face looks like.

    Args:
        change: (N, 6) of `changes`.
        probs: (N, 7) of the same faces.
    """
    largest = change.max(axis=1, keepdims=True)
    odds = 1 / (1 + np.exp(-np.clip(_STEEP * (largest - _EVEN), -50, 50)))
    shown = _LAPSES + (1 - 2 * _LAPSES) * odds
    names = _BY_CHANGE * _alike(change) + _BY_LOOKS * log_ratios(probs)
    names = np.exp(names - names.max(axis=1, keepdims=True))
    each = shown * names / names.sum(axis=1, keepdims=True)
    return np.concatenate([each, 1 - shown], axis=1)


def intensities(change: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) how much is shown, 0 to 1.

    1 is the change that faces in FER-2013 show on average, which are posed or strong, in the
    expression that the change is most like; the length along that direction counts.
    """
    which = _alike(change).argmax(axis=1)
    along = (with_neutral(change) * _DIRECTIONS[which]).sum(axis=1)
    return np.asarray(np.clip(along / _LENGTHS[which], 0.0, 1.0))


def _alike(change: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 6) cosine between a change and the one that each expression usually makes."""
    whole = with_neutral(change)
    length = np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), _SMALL)
    return np.asarray(whole @ _DIRECTIONS.T / length)
