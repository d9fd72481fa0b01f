"""Resting faces: what the model sees in a person who shows nothing, taken out of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.tracking.people import numbered

_NEUTRAL = 0.85
"""A resting face is to read as neutral with this probability, and as all else alike."""

_LEAST = 1e-4
"""Probabilities below this all count as this; the tables do not tell them apart either."""

_TARGET = np.log(
    [
        _NEUTRAL if name == "neutral" else (1 - _NEUTRAL) / (len(EXPRESSIONS) - 1)
        for name in EXPRESSIONS
    ]
)


class Baseline:
    """Shifts each person's log-probabilities by what their resting face is off.

    In a stretch of the recording in which people look neutral, the weighted mean of a person's
    log-probabilities tells how the model reads that face at rest: someone's brows may look angry,
    the corners of a mouth sad. The difference to a face that reads as 85% neutral is subtracted
    everywhere. People who are not seen in the stretch stay as they are.

    Rows are those of `fervid.results.rows.ROW`; `learn` sees all of them before `apply` changes
    `adjusted`.

    Args:
        start_s, end_s: the stretch, its end excluded.
        person: the person that each track shows.
    """

    def __init__(self, start_s: float, end_s: float, person: Mapping[int, int]) -> None:
        self._start_s, self._end_s = start_s, end_s
        self._person = person
        count = max(person.values(), default=0) + 1
        self._sums = np.zeros((count, len(EXPRESSIONS)))
        self._weights = np.zeros(count)

    def learn(self, rows: NDArray[Any]) -> None:
        """Take into account those that lie in the stretch."""
        inside = (rows["time_s"] >= self._start_s) & (rows["time_s"] < self._end_s)
        mine = rows[inside & (rows["face_id"] > 0)]
        person = numbered(mine["face_id"], self._person)
        weight = mine["weight"].astype(np.float64)
        np.add.at(self._sums, person, weight[:, None] * _logs(mine["probs"]))
        np.add.at(self._weights, person, weight)

    def apply(self, rows: NDArray[Any]) -> None:
        """Adjust rows."""
        seen = self._weights > 0
        rest = self._sums / np.where(seen, self._weights, 1.0)[:, None]
        shift = np.where(seen[:, None], _TARGET - rest, 0.0)
        person = numbered(rows["face_id"], self._person)
        adjusted = np.exp(_logs(rows["probs"]) + shift[person])
        known = (person > 0) & seen[person]
        adjusted /= adjusted.sum(axis=1, keepdims=True)
        rows["adjusted"][known] = adjusted[known]

    @property
    def people(self) -> list[int]:
        """Who was seen in the stretch."""
        return np.flatnonzero(self._weights > 0).tolist()


def _logs(probs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.log(np.maximum(probs.astype(np.float64), _LEAST))
