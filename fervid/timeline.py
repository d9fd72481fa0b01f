"""Tables of what was found: one row a face and frame, and one summary row for each face.

Frame table, one row for each face in each sampled frame (`FRAME_COLUMNS`):

| column | meaning |
| --- | --- |
| frame | position of the frame in the recording, in presentation order from 0 |
| timestamp | presentation time in seconds |
| face_id | number that tells faces apart within this recording |
| success | 1 for a face, 0 for a frame without any face (all columns after it are empty then) |
| confidence | detector score in [0, 1] |
| face_x, face_y, face_w, face_h | box in pixels of the displayed frame |
| angry ... neutral | probability of each expression; they sum to 1 |
| emotion, emotion_confidence | the most probable expression and its probability |
| valence | derived: happy minus strongest of angry, disgust, fear, sad; in [-1, 1] |
| frontality | 1 for a face seen from the front, towards 0 in profile |
| filled | 1 if the detector missed the face in this one frame; its box is then a guess |

Summary table, one row `all` and one for each face_id (`SUMMARY_COLUMNS`):

| column | meaning |
| --- | --- |
| face_id | `all`, or the number of a face |
| frames | sampled frames: of the whole recording, or from a face's first to its last frame |
| frames_with_face | how many of those frames show a face (this face) |
| detection_rate | frames_with_face / frames |
| faces | rows of the frame table that went into the numbers below |
| first_seen, last_seen | seconds |
| valence_mean | mean of the derived valence |
| *_mean, *_sd, *_max | mean, sample standard deviation and maximum of a probability |
| *_dominant | share of `faces` in which this expression is the most probable |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.framing import frontality
from fervid.records import EXPRESSIONS, Expressions, FrameBatch, TrackedFaces

NEGATIVE = ("angry", "disgust", "fear", "sad")
"""Expressions that pull the derived valence down."""

BOX_COLUMNS = ("face_x", "face_y", "face_w", "face_h")

FRAME_COLUMNS: tuple[str, ...] = (
    *("frame", "timestamp", "face_id", "success", "confidence"),
    *BOX_COLUMNS,
    *EXPRESSIONS,
    *("emotion", "emotion_confidence", "valence", "frontality", "filled"),
)

SUMMARY_COLUMNS: tuple[str, ...] = (
    *("face_id", "frames", "frames_with_face", "detection_rate", "faces"),
    *("first_seen", "last_seen", "valence_mean"),
    *(f"{name}_{what}" for what in ("mean", "sd", "max", "dominant") for name in EXPRESSIONS),
)


@dataclass(frozen=True)
class Timeline:
    """Everything known about one analysed recording.

    Attributes:
        frames: the frame table, `FRAME_COLUMNS`.
        summary: the summary table, `SUMMARY_COLUMNS`.
        meta: recording, settings, model cards, warnings; what `meta.json` holds.
        folder: the result folder it was read from or written to, if any.
    """

    frames: pd.DataFrame
    summary: pd.DataFrame
    meta: dict[str, Any]
    folder: Path | None = None


def valence(probs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Derived valence (N,) in [-1, 1] of (N, 7) probabilities: happy minus strongest negative."""
    negative = probs[:, [EXPRESSIONS.index(name) for name in NEGATIVE]]
    happy = probs[:, EXPRESSIONS.index("happy")]
    return np.asarray(happy - negative.max(axis=1), np.float64)


ROW = np.dtype(
    [
        *(("frame", np.int64), ("time_s", np.float64), ("face_id", np.int64)),
        *(("score", np.float32), ("xywh", np.float32, 4), ("probs", np.float32, len(EXPRESSIONS))),
        *(("frontality", np.float32), ("filled", np.bool_)),
    ]
)
"""A face in a frame, or with face_id 0 a frame without any, as it is kept until all are known."""


def face_rows(batch: FrameBatch, tracked: TrackedFaces, expressions: Expressions) -> NDArray[Any]:
    """One `ROW` for each face, ordered by frame, and one for each frame without a face.

    Args:
        batch: T frames.
        tracked: N faces in them, and who they are.
        expressions: (N, 7) probabilities, row for row with `tracked`.

    Raises:
        ValueError: the number of probabilities is not the number of faces.
    """
    faces = tracked.faces
    if len(faces) != len(expressions):
        raise ValueError(f"{len(faces)} faces, {len(expressions)} expressions")
    faceless = np.setdiff1d(np.arange(len(batch)), faces.frame)
    row = np.concatenate([faces.frame, faceless])
    rows = np.zeros(len(row), ROW)
    rows["frame"], rows["time_s"] = batch.index[row], batch.time_s[row]
    mine = rows[: len(faces)]
    mine["face_id"], mine["filled"] = tracked.face_id, tracked.filled
    mine["score"], mine["xywh"] = faces.score, faces.xywh
    mine["probs"], mine["frontality"] = expressions.probs, frontality(faces.points)
    return rows[np.argsort(row, kind="stable")]


def frame_table(rows: NDArray[Any]) -> pd.DataFrame:
    """The frame table of some rows, by frame, then by face_id.

    Args:
        rows: (R,) of `ROW`, frames ascending.

    Returns:
        Table of `FRAME_COLUMNS`: frame and success int64, face_id and filled nullable Int64,
        emotion categorical over `EXPRESSIONS`, the rest float64. A frame without any face has
        success 0 and its face columns missing.
    """
    rows = rows[np.lexsort([rows["face_id"], rows["frame"]])]
    is_face = rows["face_id"] > 0

    def known(values: NDArray[Any]) -> NDArray[np.float64]:
        """Values of faces, NaN at the frames without one."""
        return np.where(is_face, values.astype(np.float64), np.nan)

    def whole(name: str) -> pd.arrays.IntegerArray:
        return pd.arrays.IntegerArray(rows[name].astype(np.int64), ~is_face)

    probs = rows["probs"].astype(np.float64)
    codes = np.where(is_face, probs.argmax(axis=1), -1)
    columns: dict[str, Any] = {
        "frame": rows["frame"],
        "timestamp": rows["time_s"],
        "face_id": whole("face_id"),
        "success": is_face.astype(np.int64),
        "confidence": known(rows["score"]),
        **{name: known(rows["xywh"][:, k]) for k, name in enumerate(BOX_COLUMNS)},
        **{name: known(probs[:, k]) for k, name in enumerate(EXPRESSIONS)},
        "emotion": pd.Categorical.from_codes(codes, categories=pd.Index(EXPRESSIONS)),
        "emotion_confidence": known(probs.max(axis=1)),
        "valence": known(valence(probs)),
        "frontality": known(rows["frontality"]),
        "filled": whole("filled"),
    }
    return pd.DataFrame(columns, columns=list(FRAME_COLUMNS))


def summarize(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Summary of a frame table that arrives in pieces, in one pass.

    Memory grows with the number of face ids only. A frame may be split over two pieces.

    Args:
        tables: consecutive pieces of one frame table, frames ascending.

    Returns:
        Table of `SUMMARY_COLUMNS`; face_id is text, `all` first, then each id ascending.
    """
    totals = _Totals()
    for table in tables:
        if len(table):
            totals.add(table)
    return totals.table()


_P = list(EXPRESSIONS)
_SUMS = ["faces", "valence", *_P, *(f"{e}^2" for e in _P), *(f"{e} wins" for e in _P)]
_LOWS = ["first_frame", "first_seen"]
_HIGHS = ["last_frame", "last_seen", *(f"{e} max" for e in _P)]


class _Totals:
    """Running sums, minima and maxima of each face id."""

    def __init__(self) -> None:
        self.frames = 0
        self.frames_with_face = 0
        self._last_frame: int | None = None
        self._last_with_face = -1
        self._sums = pd.DataFrame(columns=_SUMS, dtype=float)
        self._lows = pd.DataFrame(columns=_LOWS, dtype=float)
        self._highs = pd.DataFrame(columns=_HIGHS, dtype=float)

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
        probs = faces[_P].to_numpy(np.float64)
        wins = faces["emotion"].to_numpy(object)[:, None] == np.array(_P, object)
        time = faces["timestamp"].to_numpy(np.float64)
        sums = [np.ones((len(faces), 1)), faces[["valence"]].to_numpy(), probs, probs**2, wins]
        self._sums = _merge(self._sums, np.hstack(sums), ids, "sum")
        self._lows = _merge(self._lows, np.column_stack([position, time]), ids, "min")
        self._highs = _merge(self._highs, np.column_stack([position, time, probs]), ids, "max")

    def table(self) -> pd.DataFrame:
        each = pd.concat([self._sums, self._lows, self._highs], axis=1).sort_index()
        names = [str(int(i)) for i in each.index]
        span = (each["last_frame"] - each["first_frame"] + 1).to_numpy()
        faces = _table(names, each, span, each["faces"].to_numpy())
        whole = pd.concat([self._sums.sum(), self._lows.min(), self._highs.max()]).to_frame().T
        frames, with_face = np.array([self.frames]), np.array([self.frames_with_face])
        everyone = _table(["all"], whole, frames, with_face)
        return pd.concat([everyone, faces], ignore_index=True) if names else everyone


def _merge(
    so_far: pd.DataFrame, values: NDArray[np.float64], ids: NDArray[np.int64], how: str
) -> pd.DataFrame:
    """Fold the rows of `values` into `so_far`, one row for each id."""
    new = pd.DataFrame(values, index=ids, columns=so_far.columns)
    both = pd.concat([so_far, new]) if len(so_far) else new
    return both.groupby(level=0).agg(how)


def _table(
    names: list[str], each: pd.DataFrame, frames: NDArray[Any], with_face: NDArray[Any]
) -> pd.DataFrame:
    """Rows of the summary from sums, minima and maxima."""
    n = each["faces"].to_numpy()
    columns: dict[str, Any] = {
        "face_id": names,
        "frames": frames.astype(np.int64),
        "frames_with_face": with_face.astype(np.int64),
        "detection_rate": _ratio(with_face, frames),
        "faces": n.astype(np.int64),
        "first_seen": each["first_seen"],
        "last_seen": each["last_seen"],
        "valence_mean": _ratio(each["valence"], n),
    }
    for name in EXPRESSIONS:
        total = each[name].to_numpy()
        # Rounding may leave a tiny negative sum of squares where all values are equal.
        squares = np.maximum(each[f"{name}^2"].to_numpy() - total * _ratio(total, n), 0.0)
        columns[f"{name}_mean"] = _ratio(total, n)
        columns[f"{name}_sd"] = np.sqrt(_ratio(squares, n - 1))
        columns[f"{name}_max"] = each[f"{name} max"]
        columns[f"{name}_dominant"] = _ratio(each[f"{name} wins"], n)
    return pd.DataFrame(columns, columns=list(SUMMARY_COLUMNS)).reset_index(drop=True)


def _ratio(part: Any, whole: NDArray[Any]) -> NDArray[np.float64]:
    """`part` / `whole`, NaN where `whole` is not positive."""
    return np.asarray(part, np.float64) / np.where(whole > 0, whole, np.nan)
