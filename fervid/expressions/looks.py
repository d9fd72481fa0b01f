"""What is kept of how people look to the model, so that resting faces can be told afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS

_CELL_S = 0.2
"""Rows of so many seconds are averaged: shorter than any expression, longer than noise."""

_MOST_CELLS = 2048
"""Cells kept of a person; with twice as many, every other pair of neighbours is dropped."""

_QUARTER = 0.3186
"""Of normally distributed values, a quarter lies within so many standard deviations."""

_FLOOR = 1e-3
"""Added to probabilities: what lies below is as good as nothing and must not look like a change."""

DIMENSIONS = len(EXPRESSIONS) - 1
"""All but neutral, which is the last of the expressions."""


def log_ratios(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """How the model puts each expression but neutral, in nats (N, 6), of (N, 7) probabilities.

    It is the logarithm of its probability less the mean logarithm of all seven: the centred
    log-ratio (Aitchison 1982). Against neutral alone, all six would rise and fall with every doubt
    about neutral, and a smile that makes a face less sad would not count for more.
    """
    logs = np.log(probs.astype(np.float64) + _FLOOR)
    return np.asarray((logs - logs.mean(axis=1, keepdims=True))[:, :-1])


def with_neutral(ratios: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 7) with that of neutral behind (..., 6), as all seven sum to 0; changes as well."""
    neutral = -ratios.sum(axis=-1, keepdims=True)
    return np.concatenate([ratios, neutral], axis=-1, dtype=np.float64)


def clarity(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-ratios (N, 7) of all seven, in nats, of (N, 7) probabilities.

    Whatever a person's resting face, the frame with the highest one has the largest change, too.
    """
    return with_neutral(log_ratios(probs))


@dataclass(frozen=True)
class Looks:
    """A person over time, in C cells of a fifth of a second.

    Attributes:
        ratios: (C, 6) weighted means of `log_ratios`, in nats.
        squares: (C, 6) weighted means of their squares.
        weights: (C,) sums of the weights of rows.
        cells: (C,) position on the clock, in cells; ascending.
        rows, seconds: of the whole person; cells may have been dropped.
    """

    ratios: NDArray[np.float64]
    squares: NDArray[np.float64]
    weights: NDArray[np.float64]
    cells: NDArray[np.int64]
    rows: int
    seconds: float

    @property
    def noise(self) -> NDArray[np.float64]:
        """(6,) nats, standard deviation from cell to cell, as if nothing was ever shown."""
        steps = np.diff(self.ratios, axis=0)[np.diff(self.cells) == 1]
        if not len(steps):
            return np.zeros(DIMENSIONS)
        # The smallest quarter of steps, as others may lead from one expression to the next.
        quarter = np.quantile(np.abs(steps), 0.25, axis=0)
        return np.asarray(quarter / (_QUARTER * np.sqrt(2)))

    def thinned(self, most: int) -> Looks:
        """At most so many cells, evenly spread."""
        some = slice(None, None, max(-(-len(self.cells) // most), 1))
        parts = (self.ratios[some], self.squares[some], self.weights[some], self.cells[some])
        return Looks(*parts, self.rows, self.seconds)


class LooksKeeper:
    """Takes the rows of `fervid.results.rows.ROW` in pieces of any size, times ascending.

    Memory: a quarter of a megabyte a person at most.

    Args:
        person: the person that each track shows; None: each track is a person.
    """

    def __init__(self, person: Mapping[int, int] | None = None) -> None:
        self._person = person
        self._everyone: dict[int, _Kept] = {}

    def learn(self, rows: NDArray[np.void]) -> None:
        """Take the next rows into account."""
        rows = rows[rows["face_id"] > 0]
        for track in np.unique(rows["face_id"]).tolist():
            who = track if self._person is None else self._person[track]
            kept = self._everyone.setdefault(who, _Kept())
            kept.add(rows[rows["face_id"] == track])

    def everyone(self) -> dict[int, Looks]:
        """What is known of each person so far."""
        return {who: kept.looks() for who, kept in sorted(self._everyone.items())}

    def one(self, who: int) -> Looks:
        """What is known of one person so far."""
        return self._everyone[who].looks()

    def seconds(self, who: int) -> float:
        """How long a person was seen so far."""
        return self._everyone[who].seconds

    def forget(self, who: int) -> None:
        """Let go of what is known of a person."""
        del self._everyone[who]


_WEIGHT, _RATIOS, _SQUARES = 0, slice(1, 1 + DIMENSIONS), slice(1 + DIMENSIONS, None)


class _Kept:
    """Sums of the cells of one person: weight, weighted log-ratios, weighted squares."""

    def __init__(self) -> None:
        self._sums = np.zeros((0, 1 + 2 * DIMENSIONS))
        self._cells = np.zeros(0, np.int64)
        self._places = np.zeros(0, np.int64)
        self._step, self._count = 1, 0
        self._rows, self.seconds = 0, 0.0

    def add(self, rows: NDArray[np.void]) -> None:
        """Add rows of one track. Tracks of a person may come one after the other in a piece."""
        cell = np.floor(rows["time_s"] / _CELL_S).astype(np.int64)
        starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
        weight, ratios = rows["weight"].astype(np.float64)[:, None], log_ratios(rows["probs"])
        own = np.hstack([weight, weight * ratios, weight * ratios**2])
        self._put(np.add.reduceat(own, starts, axis=0), cell[starts])
        self._rows += len(rows)
        self.seconds += float(rows["lasts_s"].sum())
        while len(self._cells) > 2 * _MOST_CELLS:
            self._step *= 2
            self._keep(self._chosen(self._places))

    def _put(self, sums: NDArray[np.float64], cells: NDArray[np.int64]) -> None:
        if len(self._cells) and self._cells[-1] == cells[0]:
            self._sums[-1] += sums[0]
            sums, cells = sums[1:], cells[1:]
        if not len(cells):
            return
        if len(self._cells) and self._places[-1] // 2 % self._step:
            self._keep(np.arange(len(self._cells)) < len(self._cells) - 1)
        places = self._count + np.arange(len(cells))
        self._count += len(cells)
        kept = self._chosen(places)
        self._sums = np.concatenate([self._sums, sums[kept]])
        self._cells = np.concatenate([self._cells, cells[kept]])
        self._places = np.concatenate([self._places, places[kept]])

    def _chosen(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which to keep: pairs of neighbours, and the last one, which may still grow."""
        return np.asarray((places // 2 % self._step == 0) | (places == places[-1]))

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        self._sums, self._cells = self._sums[kept], self._cells[kept]
        self._places = self._places[kept]

    def looks(self) -> Looks:
        weight = self._sums[:, _WEIGHT]
        ratios, squares = (self._sums[:, part] / weight[:, None] for part in (_RATIOS, _SQUARES))
        return Looks(ratios, squares, weight, self._cells, self._rows, self.seconds)
