"""Summaries of a frame table: one row for each person, and one for the recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS, is_covered
from fervid.results.codebook import (
    LOST,
    PEOPLE_COLUMNS,
    SMOOTH_COLUMNS,
    STATES,
    SUMMARY_COLUMNS,
    UNUSED,
)

_LEVELS = 1000
"""Medians come from counts of thousandths, so memory does not grow with the recording."""

_NEARLY_NOTHING = 1e-6

_P = list(EXPRESSIONS)
_SUMS = ["faces", "weight", "valence", "seen_s", *_P, *(f"{e}^2" for e in _P)]
_SUMS += [*(f"{e} wins" for e in _P), *(f"{s} time" for s in STATES)]
_LOWS = ["first_frame", "first_seen"]
_HIGHS = ["last_frame", "last_seen", *(f"{e} max" for e in _P)]


def summarize(
    tables: Iterable[pd.DataFrame],
    episodes: pd.DataFrame,
    recording: str = "",
    resting: Sequence[Mapping[str, Any]] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summarise a frame table that arrives in pieces, in one pass.

    Memory grows only with the number of face ids. A frame may be split between two pieces.

    Args:
        tables: consecutive pieces of the frame table, frames ascending.
        episodes: the recording's episodes.
        recording: file name of the recording.
        resting: people's resting faces, as in `meta.json`.

    Returns:
        people: table of `PEOPLE_COLUMNS`, face_id ascending.
        summary: table of `SUMMARY_COLUMNS` with one row.
    """
    totals = _Totals()
    for table in tables:
        is_lost = table["status"].eq(LOST).to_numpy()
        totals.lost_frames += int(is_lost.sum())
        if not is_lost.all():
            totals.add(table[~is_lost])
    return totals.people(episodes, resting), totals.summary(episodes, recording)


class _Totals:
    """Running sums, minima and maxima by face id."""

    def __init__(self) -> None:
        self.frames = 0
        self.frames_with_face = 0
        self.lost_frames = 0
        self._last_frame: int | None = None
        self._last_with_face = -1
        self._sums = pd.DataFrame(columns=_SUMS, dtype=float)
        self._lows = pd.DataFrame(columns=_LOWS, dtype=float)
        self._highs = pd.DataFrame(columns=_HIGHS, dtype=float)
        self._counts: dict[int, NDArray[np.int32]] = {}

    def add(self, table: pd.DataFrame) -> None:
        frame = table["frame"].to_numpy(np.int64)
        before = frame[0] - 1 if self._last_frame is None else self._last_frame
        position = self.frames - 1 + np.cumsum(np.diff(frame, prepend=before) != 0)
        self.frames, self._last_frame = int(position[-1]) + 1, int(frame[-1])

        is_face = table["success"].to_numpy() == 1
        if not is_face.any():
            return
        position = position[is_face]
        self.frames_with_face += int(np.sum(np.diff(position, prepend=self._last_with_face) != 0))
        self._last_with_face = int(position[-1])
        self._add_faces(table[is_face], position)

    def _add_faces(self, faces: pd.DataFrame, position: NDArray[np.int64]) -> None:
        ids = faces["face_id"].to_numpy(np.int64)
        probs = faces[list(SMOOTH_COLUMNS)].to_numpy(np.float64)
        valence = faces["smooth_valence"].to_numpy(np.float64)
        time, lasts = (faces[name].to_numpy(np.float64) for name in ("timestamp", "duration"))
        wins = probs.argmax(axis=1)[:, None] == np.arange(len(_P))
        weight = weights_in_means(faces["covered"].to_numpy(np.float64))
        known = weight == 1.0
        state = faces["state"].to_numpy(object)[:, None] == np.array(STATES, object)
        own = np.column_stack([np.ones(len(faces)), weight, weight * valence, lasts])
        each = weight[:, None] * np.hstack([probs, probs**2])
        sums = np.hstack([own, each, wins & known[:, None], state * lasts[:, None]])
        self._sums = _merge(self._sums, sums, ids, "sum")
        self._lows = _merge(self._lows, np.column_stack([position, time]), ids, "min")
        self._highs = _merge(self._highs, np.column_stack([position, time, probs]), ids, "max")
        level = np.round(probs * _LEVELS).astype(np.int64) + np.arange(len(_P)) * (_LEVELS + 1)
        for face_id in np.unique(ids).tolist():
            mine = level[(ids == face_id) & known].ravel()
            counts = np.bincount(mine, minlength=len(_P) * (_LEVELS + 1))
            self._counts[face_id] = self._counts.get(face_id, 0) + counts.astype(np.int32)

    def people(self, episodes: pd.DataFrame, resting: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        each = pd.concat([self._sums, self._lows, self._highs], axis=1).sort_index()
        ids = [int(i) for i in each.index]
        medians = [_medians(self._counts[i]) for i in ids]
        frames = (each["last_frame"] - each["first_frame"] + 1).to_numpy()
        found = [episodes[episodes["face_id"] == i] for i in ids]
        table = _statistics(each, frames, each["faces"].to_numpy(), medians, found)
        known = {one["face_id"]: one for one in resting}
        rest = _resting([known.get(i, {}) for i in ids])
        return table.assign(face_id=np.array(ids, np.int64), **rest)[list(PEOPLE_COLUMNS)]

    def summary(self, episodes: pd.DataFrame, recording: str) -> pd.DataFrame:
        whole = pd.concat([self._sums.sum(), self._lows.min(), self._highs.max()]).to_frame().T
        medians = _medians(np.sum(list(self._counts.values()) or [np.zeros(0, np.int32)], axis=0))
        frames, with_face = np.array([self.frames]), np.array([self.frames_with_face])
        table = _statistics(whole, frames, with_face, [medians], [episodes])
        whole_only = {"people": len(self._sums), "lost_frames": self.lost_frames}
        table = table.assign(recording=recording, **whole_only)
        return table[list(SUMMARY_COLUMNS)]


def weights_in_means(covered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (N,) of rows in means over time and people, by the probability of being covered.

    Covered faces count only where there are no others.
    """
    return np.where(is_covered(covered), _NEARLY_NOTHING, 1.0)


def _merge(
    so_far: pd.DataFrame, values: NDArray[np.float64], ids: NDArray[np.int64], how: str
) -> pd.DataFrame:
    """Merge the rows of `values` into `so_far`, one row per id."""
    new = pd.DataFrame(values, index=ids, columns=so_far.columns)
    both = pd.concat([so_far, new]) if len(so_far) else new
    return both.groupby(level=0).agg(how)


def _medians(counts: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(7,) medians from counts of thousandths; NaN without any."""
    if not counts.size or not counts.any():
        return np.full(len(_P), np.nan)
    below = np.cumsum(counts.reshape(len(_P), _LEVELS + 1), axis=1)
    middle = (below[:, -1:] + 1) / 2
    low, high = (np.argmax(below >= edge(middle), axis=1) for edge in (np.floor, np.ceil))
    return np.asarray((low + high) / (2 * _LEVELS))


def _statistics(
    each: pd.DataFrame,
    frames: NDArray[Any],
    with_face: NDArray[Any],
    medians: list[NDArray[np.float64]],
    episodes: list[pd.DataFrame],
) -> pd.DataFrame:
    """The columns that people and recordings share, from sums, minima and maxima."""
    n, seen_s = each["weight"].to_numpy(), each["seen_s"].to_numpy()
    columns: dict[str, Any] = {
        "frames": frames.astype(np.int64),
        "frames_with_face": with_face.astype(np.int64),
        "detection_rate": _ratio(with_face, frames),
        "faces": each["faces"].to_numpy().astype(np.int64),
        "first_seen": each["first_seen"].to_numpy(),
        "last_seen": each["last_seen"].to_numpy(),
        "seen_s": seen_s,
        "valence_mean": _ratio(each["valence"], n),
        "uncertain_time": _ratio(each["uncertain time"], seen_s),
        "episodes": np.array([len(own) for own in episodes], np.int64),
        "transitions": np.array([(own["previous"] != "").sum() for own in episodes], np.int64),
    }
    for k, name in enumerate(EXPRESSIONS):
        total = each[name].to_numpy()
        # Rounding can make the sum of squares slightly negative if all values are equal.
        squares = np.maximum(each[f"{name}^2"].to_numpy() - total * _ratio(total, n), 0.0)
        columns[f"{name}_mean"] = _ratio(total, n)
        columns[f"{name}_median"] = np.array([median[k] for median in medians], np.float64)
        columns[f"{name}_sd"] = np.sqrt(_ratio(squares, np.round(n) - 1))
        columns[f"{name}_max"] = each[f"{name} max"].to_numpy()
        columns[f"{name}_dominant"] = _ratio(each[f"{name} wins"], n)
        columns[f"{name}_time"] = _ratio(each[f"{name} time"], seen_s)
    return pd.DataFrame(columns)


def _resting(faces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of people about their resting faces."""
    return {
        "resting_face": [face.get("resting_face", UNUSED) for face in faces],
        "rest_s": np.array([face.get("rest_s", np.nan) for face in faces], np.float64),
        "rest_rows": np.array([face.get("rest_rows", 0) for face in faces], np.int64),
        "rest_visits": np.array([face.get("rest_visits", 0) for face in faces], np.int64),
        "rest_spread": np.array([face.get("rest_spread", np.nan) for face in faces], np.float64),
    }


def _ratio(part: Any, whole: NDArray[Any]) -> NDArray[np.float64]:
    """`part` / `whole`, NaN where `whole` is not positive."""
    return np.asarray(part, np.float64) / np.where(whole > 0, whole, np.nan)
