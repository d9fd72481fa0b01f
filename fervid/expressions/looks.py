"""Statistics of how the model reads each person, from which resting faces are found later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS, is_covered

_CELL_S = 0.2
"""Rows are averaged over cells of this length: shorter than an expression, longer than noise."""

_MOST_CELLS = 2048
"""Cells kept per person; at twice as many, every other pair of neighbours is dropped."""

_QUARTER = 0.3186
"""A quarter of normally distributed values is within this many standard deviations."""

_FLOOR = 1e-3
"""Added to probabilities, so that changes among negligible ones do not count."""

DIMENSIONS = len(EXPRESSIONS) - 1
"""Number of expressions without neutral, which is the last one."""


def log_ratios(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-ratios (N, 6) of all expressions but neutral, in nats, from (N, 7) probabilities.

    The log-ratio of an expression is the logarithm of its probability minus the mean logarithm of
    all seven (centred log-ratio, Aitchison 1982). Compared with neutral alone, all six would rise
    and fall with every doubt about neutral, and a smile that makes a face less sad would not count
    more.
    """
    logs = np.log(probs.astype(np.float64) + _FLOOR)
    return np.asarray((logs - logs.mean(axis=1, keepdims=True))[:, :-1])


def with_neutral(ratios: NDArray[np.floating]) -> NDArray[np.float64]:
    """Append neutral to (..., 6) log-ratios or changes: (..., 7), which sum to 0."""
    neutral = -ratios.sum(axis=-1, keepdims=True)
    return np.concatenate([ratios, neutral], axis=-1, dtype=np.float64)


def clarity(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-ratios (N, 7) of all seven expressions in nats, from (N, 7) probabilities.

    Whatever a person's resting face is, the frame with the highest log-ratio has the largest
    change.
    """
    return with_neutral(log_ratios(probs))


@dataclass(frozen=True)
class Looks:
    """How the model reads a person over time, in C cells of a fifth of a second.

    Attributes:
        ratios: (C, 6) weighted means of `log_ratios` in nats.
        squares: (C, 6) weighted means of their squares.
        weights: (C,) sums of the weights of rows.
        cells: (C,) time in cells, ascending.
        rows, seconds: totals of the person, including dropped cells.
        covered_s: seconds for which the face was covered. They count for nothing else.
    """

    ratios: NDArray[np.float64]
    squares: NDArray[np.float64]
    weights: NDArray[np.float64]
    cells: NDArray[np.int64]
    rows: int
    seconds: float
    covered_s: float = 0.0

    @property
    def noise(self) -> NDArray[np.float64]:
        """(6,) standard deviation from cell to cell in nats, without expressions."""
        steps = np.diff(self.ratios, axis=0)[np.diff(self.cells) == 1]
        if not len(steps):
            return np.zeros(DIMENSIONS)
        # From the smallest quarter of steps, as others may be changes of expression.
        quarter = np.quantile(np.abs(steps), 0.25, axis=0)
        return np.asarray(quarter / (_QUARTER * np.sqrt(2)))

    def thinned(self, most: int) -> Looks:
        """At most this many cells, evenly spread."""
        some = slice(None, None, max(-(-len(self.cells) // most), 1))
        parts = (self.ratios[some], self.squares[some], self.weights[some], self.cells[some])
        return Looks(*parts, self.rows, self.seconds, self.covered_s)


class LooksKeeper:
    """Collects looks from rows (`fervid.results.rows.ROW`) in pieces of any size, times ascending.

    It needs at most a quarter of a megabyte per person.

    Args:
        person: the person of each track; None: each track is a person.
    """

    def __init__(self, person: Mapping[int, int] | None = None) -> None:
        self._person = person
        self._everyone: dict[int, _PersonCells] = {}

    def learn(self, rows: NDArray[np.void]) -> None:
        """Add the next rows."""
        rows = rows[rows["face_id"] > 0]
        for track in np.unique(rows["face_id"]).tolist():
            person_id = track if self._person is None else self._person[track]
            kept = self._everyone.setdefault(person_id, _PersonCells())
            kept.add(rows[rows["face_id"] == track])

    def everyone(self) -> dict[int, Looks]:
        """The looks of each person so far."""
        return {person_id: kept.looks() for person_id, kept in sorted(self._everyone.items())}

    def of_person(self, person_id: int) -> Looks:
        """The looks of one person so far."""
        return self._everyone[person_id].looks()

    def seconds(self, person_id: int) -> float:
        """Seconds for which a person has been seen so far, without those with a covered face."""
        return self._everyone[person_id].seconds

    def forget(self, person_id: int) -> None:
        """Forget a person."""
        del self._everyone[person_id]


_WEIGHT, _RATIOS, _SQUARES = 0, slice(1, 1 + DIMENSIONS), slice(1 + DIMENSIONS, None)


class _PersonCells:
    """Sums in the cells of one person: weights, weighted log-ratios, weighted squares."""

    def __init__(self) -> None:
        self._sums = np.zeros((0, 1 + 2 * DIMENSIONS))
        self._cells = np.zeros(0, np.int64)
        self._places = np.zeros(0, np.int64)
        self._step, self._count = 1, 0
        self._rows, self.seconds, self._covered_s = 0, 0.0, 0.0

    def add(self, rows: NDArray[np.void]) -> None:
        """Add rows of one track. A piece may contain several tracks of a person."""
        hidden = is_covered(rows["covered"])
        self._covered_s += float(rows["lasts_s"][hidden].sum())
        rows = rows[~hidden]
        if not len(rows):
            return
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
        """Which cells to keep: pairs of neighbours, and the last cell, which may still grow."""
        return np.asarray((places // 2 % self._step == 0) | (places == places[-1]))

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        self._sums, self._cells = self._sums[kept], self._cells[kept]
        self._places = self._places[kept]

    def looks(self) -> Looks:
        weight = self._sums[:, _WEIGHT]
        ratios, squares = (self._sums[:, part] / weight[:, None] for part in (_RATIOS, _SQUARES))
        totals = (self._rows, self.seconds, self._covered_s)
        return Looks(ratios, squares, weight, self._cells, *totals)
