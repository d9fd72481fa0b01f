"""Rows as stored during an analysis, and the frame table made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.results.codebook import (
    BOX_COLUMNS,
    CHANGE_COLUMNS,
    FRAME_COLUMNS,
    SMOOTH_COLUMNS,
    STATES,
    STATUSES,
)

NEGATIVE = ("angry", "disgust", "fear", "sad")
"""Expressions that lower the derived valence."""


def valence(probs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Derived valence (N,) in [-1, 1] of (N, 7) probabilities: happy minus the strongest negative.

    >>> valence(np.array([[0.1, 0.0, 0.1, 0.6, 0.2, 0.0, 0.0]])).round(3).tolist()
    [0.4]
    """
    negative = probs[:, [EXPRESSIONS.index(name) for name in NEGATIVE]]
    happy = probs[:, EXPRESSIONS.index("happy")]
    return np.asarray(happy - negative.max(axis=1), np.float64)


ROW = np.dtype(
    [
        *(("frame", np.int64), ("time_s", np.float64), ("face_id", np.int64)),
        *(("score", np.float32), ("xywh", np.float32, 4), ("probs", np.float32, len(EXPRESSIONS))),
        *(("frontality", np.float32), ("sharpness", np.float32), ("covered", np.float32)),
        ("weight", np.float32),
        *(("adjusted", np.float32, len(EXPRESSIONS)), ("change", np.float32, len(EXPRESSIONS) - 1)),
        *(("intensity", np.float32), ("compared", np.bool_)),
        *(("smooth", np.float32, len(EXPRESSIONS)), ("smooth_weight", np.float32)),
        *(("lasts_s", np.float64), ("episode", np.int32), ("state", np.int8), ("filled", np.bool_)),
        ("lost", np.bool_),
    ]
)
"""A face in a frame, or, with face_id 0, a frame without a face. The fields from `change` to
`state` are filled in when all rows are known. `adjusted` equals `probs` unless the person is
compared with a resting face, or the face is covered."""


def lost_rows(frame: NDArray[np.int64], time_s: NDArray[np.float64]) -> NDArray[Any]:
    """One `ROW` for each of (N,) frames that could not be decoded, with (N,) due times."""
    rows = np.zeros(len(frame), ROW)
    rows["frame"], rows["time_s"], rows["lost"] = frame, time_s, True
    rows["episode"] = -1
    return rows


def without_tracks(rows: NDArray[Any], kept: NDArray[np.int64]) -> None:
    """Turn rows (R,) of all tracks but the `kept` ones (ascending) into rows without a face."""
    gone = (rows["face_id"] > 0) & ~np.isin(rows["face_id"], kept)
    empty = np.zeros(int(gone.sum()), ROW)
    for name in ("frame", "time_s"):
        empty[name] = rows[name][gone]
    rows[gone] = empty


def one_a_frame(rows: NDArray[Any]) -> NDArray[Any]:
    """Regroup rows so that no frame is split, and drop superfluous rows without a face."""
    frame, is_face = rows["frame"], rows["face_id"] > 0
    needed = is_face.copy()
    if not needed.all():
        faceless = np.setdiff1d(frame, frame[is_face])
        first = np.flatnonzero(np.isin(frame, faceless))
        needed[first[np.unique(frame[first], return_index=True)[1]]] = True
    return rows[needed]


def frame_table(rows: NDArray[Any]) -> pd.DataFrame:
    """The frame table of some rows, sorted by frame, then by face_id.

    Args:
        rows: (R,) of `ROW`, frames ascending.

    Returns:
        Table of `FRAME_COLUMNS`: frame and success are int64; face_id and filled are nullable
        Int64; emotion, state and status are categorical over `EXPRESSIONS`, `STATES` and
        `STATUSES`; all others are float64. In a frame without a face, success is 0 and the face
        columns are missing. Intensity and changes are missing for people without a known resting
        face, and for covered faces.
    """
    rows = rows[np.lexsort([rows["face_id"], rows["frame"]])]
    is_face = rows["face_id"] > 0

    def known(values: NDArray[Any]) -> NDArray[np.float64]:
        """Values of faces, NaN for frames without a face."""
        return np.where(is_face, values.astype(np.float64), np.nan)

    def whole(name: str) -> pd.arrays.IntegerArray:
        return pd.arrays.IntegerArray(rows[name].astype(np.int64), ~is_face)

    def word(codes: NDArray[np.integer[Any]], words: tuple[str, ...]) -> pd.Categorical[Any]:
        codes = np.where(is_face, codes % len(words), -1)
        return pd.Categorical.from_codes(codes, categories=pd.Index(words))

    probs, smooth = rows["probs"].astype(np.float64), rows["smooth"].astype(np.float64)
    intensity = np.where(rows["compared"], rows["intensity"], np.nan)
    change = np.where(rows["compared"][:, None], rows["change"], np.nan)
    columns: dict[str, Any] = {
        "frame": rows["frame"],
        "timestamp": rows["time_s"],
        "face_id": whole("face_id"),
        "success": is_face.astype(np.int64),
        "confidence": known(rows["score"]),
        **{name: known(rows["xywh"][:, k]) for k, name in enumerate(BOX_COLUMNS)},
        **{name: known(probs[:, k]) for k, name in enumerate(EXPRESSIONS)},
        "emotion": word(probs.argmax(axis=1), EXPRESSIONS),
        "emotion_confidence": known(probs.max(axis=1)),
        "valence": known(valence(probs)),
        "frontality": known(rows["frontality"]),
        "filled": whole("filled"),
        "duration": known(rows["lasts_s"]),
        "sharpness": known(rows["sharpness"]),
        "covered": known(rows["covered"]),
        "weight": known(rows["weight"]),
        **{name: known(smooth[:, k]) for k, name in enumerate(SMOOTH_COLUMNS)},
        "smooth_valence": known(valence(smooth)),
        # The index of uncertain is -1, which selects the last word.
        "state": word(rows["state"], STATES),
        "intensity": known(intensity),
        **{name: known(change[:, k]) for k, name in enumerate(CHANGE_COLUMNS)},
        "status": pd.Categorical.from_codes(rows["lost"].astype(np.int8), pd.Index(STATUSES)),
    }
    return pd.DataFrame(columns, columns=list(FRAME_COLUMNS))
