"""Finds a person's resting face, the state that they keep returning to between expressions.

Nothing says when a person rests. But among all looks of a person, the resting one is common, and
little of the remaining time is *below* it, which means that it shows less of every expression.
Looks that show more of an expression are departures, however long they last. So each look m is
rated by

    share of the time spent near m  -  `_BELOW_COUNTS` x share of the time spent below m,

The best one is moved to the middle of its cluster (mean shift; Fukunaga & Hostetler 1975), and the
spread there is how much this face jitters at rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fervid.expressions.looks import DIMENSIONS, Looks, with_neutral
from fervid.records import EXPRESSIONS

_WIDTH, _NOISES = 0.2, 4.0
"""Looks within this many nats, or this many times the noise from cell to cell, count as near."""

_BELOW, _SOFT = 0.3, 0.1
"""Nats by which one look must be less than another to count as below it, and the width of this
limit, which is gradual."""

_BELOW_COUNTS = 3.0
"""Weight of time below relative to time near, because rest may be much shorter than a smile."""

_MOST_CANDIDATES, _MOST_CELLS = 256, 1024
"""Most looks that are rated, and most cells used to rate them."""

_IN_CLUSTER = math.exp(-1.0)
"""Cells at least this near belong to the cluster."""

_MOVED, _DIFFERENT = 0.4, 1.5
"""Nats by which a face at rest may differ elsewhere, and at which it is another look."""

_STEPS = 5
_MOST = 0.68
"""Share of normally distributed values within a standard deviation."""


LEAST_SEEN_S, _LEAST_REST_S = 4.0, 1.0
"""Shortest times that a person must be seen and must rest to have a known resting face."""

_EXPRESSIVE = 0.5
"""A look with an expression of this probability does not count as rest, as in someone who smiles
throughout. None of 102 real people at rest reads like that."""

Source = Literal["found", "given", "unknown"]


@dataclass(frozen=True)
class RestingFace:
    """How the model reads a person at rest, and how reliable that is.

    Attributes:
        ratios: (6,) log-ratio of each expression in nats; see
            `fervid.expressions.looks.log_ratios`.
        spread: (6,) standard deviation of single rows at rest in nats.
        seconds: approximate time at rest.
        rows: approximate number of rows at rest.
        visits: number of times the person comes to rest.
        source: "found" in the recording, "given" by --baseline, or "unknown".
        reason: why it is unknown, for the user; empty if it is known.
    """

    ratios: NDArray[np.float64]
    spread: NDArray[np.float64]
    seconds: float
    rows: int
    visits: int
    source: Source
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether faces can be compared with it."""
        return self.source != "unknown"

    def stated(self, face_id: int) -> dict[str, Any]:
        """Plain JSON for `meta.json`; see the codebook of people."""
        known: dict[str, Any] = {"face_id": face_id, "resting_face": self.source}
        if not self.known:
            return known | {"reason": self.reason}
        return known | {
            "rest_s": round(self.seconds, 3),
            "rest_rows": self.rows,
            "rest_visits": self.visits,
            "rest_spread": round(float(self.spread.mean()), 4),
            "log_ratios": _by_expression(self.ratios),
            "spread": _by_expression(self.spread),
        }

    @classmethod
    def none(cls, reason: str) -> RestingFace:
        """An unknown resting face."""
        return cls(np.zeros(DIMENSIONS), np.zeros(DIMENSIONS), 0.0, 0, 0, "unknown", reason)


def find_resting_face(looks: Looks) -> RestingFace:
    """Find the resting face in all looks of a person."""
    if looks.seconds < LEAST_SEEN_S:
        bare = " with the mouth in sight" if looks.covered_s else ""
        return RestingFace.none(f"seen for only {looks.seconds:.1f} s{bare}")
    some = looks.thinned(_MOST_CELLS)
    places, widths = some.thinned(_MOST_CANDIDATES).ratios, _widths(looks)
    near = _near(some, places, widths)
    rating = (near - _BELOW_COUNTS * _below(some, places)) @ some.weights
    face = _face_around(some, places[int(np.argmax(rating))], widths, "found")
    if face.seconds < _LEAST_REST_S:
        return RestingFace.none("no look lasts long or comes back often")
    most, probability = _most_probable(face.ratios)
    if probability >= _EXPRESSIVE:
        return RestingFace.none(f"looks {most} most of the time")
    return face


def given_resting_face(at_rest: Looks, everywhere: Looks | None = None) -> RestingFace:
    """The resting face of a person from where they are known to rest: their most common look there.

    The resting face is then a common look in the recording that is near it, so that a short
    stretch, another light or another camera does no harm. If no look in the recording is near it,
    it is ignored, and the resting face is found as without it.

    Args:
        at_rest: looks where the person rests.
        everywhere: looks in the whole recording; None: unknown.
    """
    some = at_rest.thinned(_MOST_CELLS)
    places, widths = some.thinned(_MOST_CANDIDATES).ratios, _widths(at_rest)
    rating = _near(some, places, widths) @ some.weights
    face = _face_around(some, places[int(np.argmax(rating))], widths, "given")
    if everywhere is None:
        return face
    whole, widths = everywhere.thinned(_MOST_CELLS), _widths(everywhere)
    candidates = whole.thinned(_MOST_CANDIDATES).ratios
    away = ((candidates - face.ratios) ** 2).sum(axis=1)
    if away.min() > _DIFFERENT**2:
        return find_resting_face(everywhere)
    # Light and camera may differ, so the given face only says which look here is rest.
    rating = _near(whole, candidates, widths) @ whole.weights * np.exp(-away / (2 * _MOVED**2))
    return _face_around(whole, candidates[int(np.argmax(rating))], widths, "given")


def _widths(looks: Looks) -> NDArray[np.float64]:
    """(6,) distances in nats within which looks are near."""
    return np.asarray(np.hypot(_WIDTH, _NOISES * looks.noise))


def _near(
    looks: Looks, places: NDArray[np.float64], widths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P, C) nearness of each cell to each of (P, 6) places, from 1 to 0."""
    x, m = looks.ratios / widths, places / widths
    squares = (x**2).sum(axis=1) - 2 * m @ x.T + (m**2).sum(axis=1)[:, None]
    return np.asarray(np.exp(-0.5 * np.maximum(squares, 0.0)))


def _below(looks: Looks, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, C) degree to which each cell is below each of (P, 6) places, from 1 to 0."""
    change = looks.ratios.T[None] - places[:, :, None]
    lower = -change.min(axis=1) - change.max(axis=1)
    return np.asarray(1 / (1 + np.exp(-np.clip((lower - _BELOW) / _SOFT, -50, 50))))


def _face_around(
    looks: Looks, place: NDArray[np.float64], widths: NDArray[np.float64], source: Source
) -> RestingFace:
    """The resting face whose cluster contains a place."""
    for _ in range(_STEPS):
        near = _near(looks, place[None], widths)[0]
        weights = near * looks.weights
        place = weights @ looks.ratios / weights.sum()
    at_rest = near >= _IN_CLUSTER
    away = looks.squares - 2 * looks.ratios * place + place**2
    # From most cells, as a few contain the beginning or end of an expression.
    spread = np.sqrt(np.maximum(np.quantile(away[at_rest], _MOST, axis=0), 0.0))
    visits = int(np.sum(np.diff(at_rest.astype(np.int8), prepend=0) == 1))
    share = float(np.mean(at_rest))
    seconds, rows = share * looks.seconds, round(share * looks.rows)
    return RestingFace(place, spread, seconds, rows, visits, source)


def _by_expression(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(v, 4) for name, v in zip(EXPRESSIONS[:-1], values.tolist(), strict=True)}


def _most_probable(ratios: NDArray[np.float64]) -> tuple[str, float]:
    """The most probable expression except neutral, and its probability."""
    shares = np.exp(with_neutral(ratios))
    most = int(np.argmax(ratios))
    return EXPRESSIONS[most], float(shares[most] / shares.sum())
