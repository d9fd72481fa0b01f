"""Finds episodes, stretches in which a person clearly shows one expression, with hysteresis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.results.codebook import EPISODES, dtypes

_KEPT_SHARE = 0.7
"""An episode continues down to this share of the probability that begins one."""

_SLACK_S = 1e-6
"""Tolerance in seconds, because time stamps have six decimals."""


@dataclass(slots=True)
class _Episode:
    """An episode of a track, as far as it is known."""

    track: int
    number: int
    expression: int
    onset_s: float
    first_frame: int
    offset_s: float = 0.0
    last_frame: int = 0
    peak: float = 0.0
    peak_s: float = 0.0
    total: float = 0.0
    rows: int = 0

    def extend(self, rows: NDArray[Any]) -> None:
        value = rows["smooth"][:, self.expression]
        highest = int(np.argmax(value))
        if value[highest] > self.peak:
            self.peak = float(value[highest])
            self.peak_s = float(rows["time_s"][highest])
        self.total += float(value.sum())
        self.rows += len(rows)
        self.offset_s = float(rows["time_s"][-1] + rows["lasts_s"][-1])
        self.last_frame = int(rows["frame"][-1])


class EpisodeFinder:
    """Finds episodes in smoothed rows that arrive in pieces, frames ascending.

    An episode begins when the smoothed probability of an expression reaches `certain_from`. It
    continues while that probability is at least 70% of `certain_from`, unless another expression
    reaches both `certain_from` and a higher probability. Memory grows with the number of episodes.

    Args:
        certain_from: probability in (0, 1].
        least_s: shorter episodes are dropped at the end, in seconds.
    """

    def __init__(self, certain_from: float, least_s: float) -> None:
        self._certain_from = certain_from
        self._least_s = least_s
        self._latest: dict[int, _Episode] = {}
        self._open: set[int] = set()
        self._all: list[_Episode] = []

    def find(self, rows: NDArray[Any]) -> None:
        """Set the field `episode` of the next rows to the episode's number, or -1."""
        rows["episode"] = -1
        for track in np.unique(rows["face_id"]).tolist():
            if track:
                self._follow(track, rows, np.flatnonzero(rows["face_id"] == track))

    def _follow(self, track: int, rows: NDArray[Any], mine: NDArray[np.intp]) -> None:
        before = self._latest[track].expression if track in self._open else -1
        states = next_states(rows["smooth"][mine], before, self._certain_from)
        starts = np.flatnonzero(np.diff(states, prepend=before) != 0)
        edges = [*([] if len(starts) and starts[0] == 0 else [0]), *starts.tolist(), len(mine)]
        for start, stop in pairwise(edges):
            part = mine[start:stop]
            state = int(states[start])
            if state < 0:
                continue
            if start > 0 or before != state:
                self._begin(track, state, rows[part[0]])
            episode = self._latest[track]
            episode.extend(rows[part])
            rows["episode"][part] = episode.number
        if states[-1] >= 0:
            self._open.add(track)
        else:
            self._open.discard(track)

    def _begin(self, track: int, state: int, row: Any) -> None:
        episode = _Episode(track, len(self._all), state, float(row["time_s"]), int(row["frame"]))
        self._latest[track] = episode
        self._all.append(episode)

    def states(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """States of rows as indices of expressions, -1 for uncertain; call after all rows are
        found."""
        return np.asarray(self._expression_of[rows["episode"]], np.int64)

    @cached_property
    def _expression_of(self) -> NDArray[np.int64]:
        """The expression of each episode, then that of number -1."""
        shown = [episode.expression if self._lasts(episode) else -1 for episode in self._all]
        return np.array([*shown, -1], np.int64)

    def _lasts(self, episode: _Episode) -> bool:
        return episode.offset_s - episode.onset_s >= self._least_s - _SLACK_S

    def table(self, person: Mapping[int, int]) -> pd.DataFrame:
        """The table of `EPISODE_COLUMNS`, sorted by onset, then by face_id.

        Args:
            person: the person of each track.
        """
        previous: dict[int, _Episode] = {}
        rows = []
        for episode in filter(self._lasts, self._all):
            before = previous.get(episode.track)
            straight = before is not None and episode.onset_s <= before.offset_s + _SLACK_S
            previous[episode.track] = episode
            rows.append(
                (
                    person[episode.track],
                    EXPRESSIONS[episode.expression],
                    episode.onset_s,
                    episode.offset_s,
                    episode.offset_s - episode.onset_s,
                    episode.first_frame,
                    episode.last_frame,
                    episode.peak,
                    episode.peak_s,
                    episode.total / episode.rows,
                    EXPRESSIONS[before.expression] if before is not None and straight else "",
                )
            )
        types = dtypes(EPISODES)
        table = pd.DataFrame(rows, columns=list(types)).astype(types)
        return table.sort_values(["onset", "face_id"], kind="stable", ignore_index=True)


def next_states(
    smooth: NDArray[np.floating[Any]], before: int, certain_from: float
) -> NDArray[np.int64]:
    """States of one face in consecutive rows, by the rule of `EpisodeFinder`.

    Args:
        smooth: (N, 7) smoothed probabilities.
        before: state in the row before.
        certain_from: probability in (0, 1].

    Returns:
        (N,) index of the expression; -1 for none.
    """
    top = smooth.argmax(axis=1)
    anchor = smooth.max(axis=1) >= certain_from
    place = np.where(anchor, np.arange(len(smooth)), -1)
    latest = np.maximum.accumulate(place)
    state = np.where(latest >= 0, top[latest], before)
    value = smooth[np.arange(len(smooth)), state]
    fails = (state < 0) | (value < _KEPT_SHARE * certain_from)
    failed = np.maximum.accumulate(np.where(fails, np.arange(len(smooth)), -1))
    return np.where(fails | (failed > latest), -1, state)
