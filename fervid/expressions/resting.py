"""A person's resting face: the state they keep coming back to and from which expressions depart.

Nobody says when a person rests. Of all looks of a person, the resting one is common, and little
of the rest of the time lies *below* it, that is: shows less of every expression. Looks that show
more of something are departures, however long they last. So each look m is rated by

    share of the time spent near m  -  `_BELOW_COUNTS` x share of the time spent below m,

the best one is followed to the middle of its cluster (mean shift; Fukunaga & Hostetler 1975), and
the spread there tells how much this face jitters at rest.
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
"""Looks within so many nats, or so many times the noise from cell to cell, count as near."""

_BELOW, _SOFT = 0.3, 0.1
"""A look lies below another one from so many nats on, and how gradually that sets in."""

_BELOW_COUNTS = 3.0
"""Time below counts so much more than time near: rest may be much shorter than a smile."""

_MOST_CANDIDATES, _MOST_CELLS = 256, 1024
"""Looks that are rated, and cells that rate them."""

_THERE = math.exp(-1.0)
"""A cell that is as near as this belongs to the cluster."""

_MOVED, _UNLIKE = 0.4, 1.5
"""Nats by which a face at rest differs elsewhere, and from which on it is another look."""

_STEPS = 5
_MOST = 0.68
"""Of normally distributed values, so many lie within a standard deviation."""


LEAST_SEEN_S, _LEAST_REST_S = 4.0, 1.0
"""Who is seen, or rests, for a shorter time is not known well enough."""

_NAMED = 0.5
"""A look that reads as an expression with this probability is no rest: someone who smiles
throughout. Of 102 real people at rest, none reads like that."""

Source = Literal["found", "told", "unknown"]


@dataclass(frozen=True)
class RestingFace:
    """How the model reads a person at rest, and how sure that is.

    Attributes:
        ratios: (6,) nats, of each expression; see `fervid.expressions.looks.log_ratios`.
        spread: (6,) nats, standard deviation of single rows at rest.
        seconds: how long the person rests, about.
        rows: about how many rows that is.
        visits: how often the person comes to rest.
        source: "found" in the recording, "told" by the user, or "unknown".
        reason: why it is unknown, for a reader; empty if it is not.
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
        """Whether changes from it can be told."""
        return self.source != "unknown"

    def stated(self, face_id: int) -> dict[str, Any]:
        """What `meta.json` holds of it; see the codebook of people."""
        known: dict[str, Any] = {"face_id": face_id, "resting_face": self.source}
        if not self.known:
            return known | {"reason": self.reason}
        return known | {
            "rest_s": round(self.seconds, 3),
            "rest_rows": self.rows,
            "rest_visits": self.visits,
            "rest_spread": round(float(self.spread.mean()), 4),
            "log_ratios": _by_name(self.ratios),
            "spread": _by_name(self.spread),
        }

    @classmethod
    def none(cls, reason: str) -> RestingFace:
        """Of a person about whom nothing can be said."""
        return cls(np.zeros(DIMENSIONS), np.zeros(DIMENSIONS), 0.0, 0, 0, "unknown", reason)


def find(looks: Looks) -> RestingFace:
    """The resting face in all that is known of a person."""
    if looks.seconds < LEAST_SEEN_S:
        return RestingFace.none(f"seen for {looks.seconds:.1f} s only")
    some = looks.thinned(_MOST_CELLS)
    places, widths = some.thinned(_MOST_CANDIDATES).ratios, _widths(looks)
    near = _near(some, places, widths)
    rating = (near - _BELOW_COUNTS * _below(some, places)) @ some.weights
    face = _around(some, places[int(np.argmax(rating))], widths, "found")
    if face.seconds < _LEAST_REST_S:
        return RestingFace.none("shows no face for long or again and again")
    most, probability = _reads_as(face.ratios)
    if probability >= _NAMED:
        return RestingFace.none(f"looks {most} most of the time")
    return face


def told(there: Looks, everywhere: Looks | None = None) -> RestingFace:
    """The resting face of a person who is known to rest: their most common look there.

    Of all looks in the recording, rest is then a common one that is near it, so that a short
    stretch, another light or another camera is no worse than what would be found. If nothing in
    the recording is like it, it is somebody else's or no rest, and rest is found as without it.

    Args:
        there: where the person rests.
        everywhere: the whole recording; None: nothing else is known.
    """
    some = there.thinned(_MOST_CELLS)
    places, widths = some.thinned(_MOST_CANDIDATES).ratios, _widths(there)
    rating = _near(some, places, widths) @ some.weights
    face = _around(some, places[int(np.argmax(rating))], widths, "told")
    if everywhere is None:
        return face
    whole, widths = everywhere.thinned(_MOST_CELLS), _widths(everywhere)
    candidates = whole.thinned(_MOST_CANDIDATES).ratios
    away = ((candidates - face.ratios) ** 2).sum(axis=1)
    if away.min() > _UNLIKE**2:
        return find(everywhere)
    # Light and camera differ, so the told face only says which of the looks here is rest.
    rating = _near(whole, candidates, widths) @ whole.weights * np.exp(-away / (2 * _MOVED**2))
    return _around(whole, candidates[int(np.argmax(rating))], widths, "told")


def _widths(looks: Looks) -> NDArray[np.float64]:
    """(6,) nats within which looks are near."""
    return np.asarray(np.hypot(_WIDTH, _NOISES * looks.noise))


def _near(
    looks: Looks, places: NDArray[np.float64], widths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P, C) how near each cell is to each of (P, 6) places, 1 to 0."""
    x, m = looks.ratios / widths, places / widths
    squares = (x**2).sum(axis=1) - 2 * m @ x.T + (m**2).sum(axis=1)[:, None]
    return np.asarray(np.exp(-0.5 * np.maximum(squares, 0.0)))


def _below(looks: Looks, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, C) whether each cell lies below each of (P, 6) places, 1 to 0."""
    change = looks.ratios.T[None] - places[:, :, None]
    lower = -change.min(axis=1) - change.max(axis=1)
    return np.asarray(1 / (1 + np.exp(-np.clip((lower - _BELOW) / _SOFT, -50, 50))))


def _around(
    looks: Looks, place: NDArray[np.float64], widths: NDArray[np.float64], source: Source
) -> RestingFace:
    """The resting face whose cluster holds a place."""
    for _ in range(_STEPS):
        near = _near(looks, place[None], widths)[0]
        weights = near * looks.weights
        place = weights @ looks.ratios / weights.sum()
    there = near >= _THERE
    away = looks.squares - 2 * looks.ratios * place + place**2
    # Of most cells: a few hold the beginning or end of something else.
    spread = np.sqrt(np.maximum(np.quantile(away[there], _MOST, axis=0), 0.0))
    visits = int(np.sum(np.diff(there.astype(np.int8), prepend=0) == 1))
    share = float(np.mean(there))
    seconds, rows = share * looks.seconds, round(share * looks.rows)
    return RestingFace(place, spread, seconds, rows, visits, source)


def _by_name(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(v, 4) for name, v in zip(EXPRESSIONS[:-1], values.tolist(), strict=True)}


def _reads_as(ratios: NDArray[np.float64]) -> tuple[str, float]:
    """The most probable expression but neutral, and its probability."""
    shares = np.exp(with_neutral(ratios))
    most = int(np.argmax(ratios))
    return EXPRESSIONS[most], float(shares[most] / shares.sum())
