"""Codes of human coders and of fervid for the same frames and episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fervid.records import EXPRESSIONS
from fervid.studies.sources import Source
from fervid.studies.speech import inside, merged

NONE = "none"
"""Category of frames that show none of the coded expressions."""

WORDS = {
    **{name: name for name in EXPRESSIONS},
    **{"anger": "angry", "disgusted": "disgust", "contempt": "disgust", "fearful": "fear"},
    **{
        "afraid": "fear",
        "happiness": "happy",
        "joy": "happy",
        "smile": "happy",
        "smiling": "happy",
    },
    **{"laugh": "happy", "laughter": "happy", "sadness": "sad", "surprised": "surprise"},
    **{"smile": "happy", "rest": "neutral"},
}
"""Words that coders use for expressions."""

MATCHING = 0.5
"""Two episodes match if they overlap by this share of the shorter one."""

BLOCK_S = 10.0
"""Length in seconds of the blocks that are resampled; longer than most episodes."""


def expression_of(label: str, names: Mapping[str, str]) -> str:
    """The expression that a coder's label stands for; empty if unknown."""
    word = label.strip().lower()
    return names.get(label.strip(), names.get(word, WORDS.get(word, "")))


@dataclass(frozen=True)
class Rated:
    """The frames of one person, with the codes of each rater.

    Attributes:
        recording, face_id: the person.
        time_s, lasts_s: (N,) seconds.
        codes: (N, R) indices of categories; the last rater is fervid.
        strength: (N,) probability of fervid's category.
        boxes: (N, 4) x, y, w, h in pixels.
    """

    recording: str
    face_id: int
    time_s: NDArray[np.floating[Any]]
    lasts_s: NDArray[np.floating[Any]]
    codes: NDArray[np.int64]
    strength: NDArray[np.floating[Any]]
    boxes: NDArray[np.floating[Any]]


def rated_frames(
    source: Source, face_id: int, coded: Sequence[pd.DataFrame], categories: Sequence[str],
    spans: NDArray[np.floating[Any]] | None,
) -> Rated:  # fmt: skip
    """One person's frames, with the codes of all raters.

    Args:
        source: the recording.
        face_id: the person in it.
        coded: for each coder, events about this person with a column `expression`.
        categories: `NONE`, then the coded expressions.
        spans: (S, 2) coded stretches in seconds; None: the whole recording.
    """
    rows = source.rows[source.rows["face_id"] == face_id]
    time = rows["timestamp"].to_numpy(np.float64)
    middle = time + rows["duration"].to_numpy(np.float64) / 2
    if spans is not None:
        within = inside(middle, merged(spans))
        rows, time, middle = rows[within], time[within], middle[within]
    ours = source.episodes[source.episodes["face_id"] == face_id]
    own = ours.rename(columns={"onset": "start", "offset": "end"})
    codes = [codes_at(middle, table, categories) for table in (*coded, own)]
    return Rated(
        recording=source.path,
        face_id=face_id,
        time_s=time,
        lasts_s=rows["duration"].to_numpy(np.float64),
        codes=np.column_stack(codes),
        strength=rows["confidence"].to_numpy(np.float64) if "confidence" in rows else time * 0,
        boxes=rows[["face_x", "face_y", "face_w", "face_h"]].to_numpy(np.float64),
    )


def codes_at(
    time_s: NDArray[np.floating[Any]], events: pd.DataFrame, categories: Sequence[str]
) -> NDArray[np.int64]:
    """(N,) category at each time; if events overlap, the one that began last."""
    codes = np.zeros(len(time_s), np.int64)
    for expression, start, end in zip(
        *(events.sort_values("start")[name] for name in ("expression", "start", "end")),
        strict=True,
    ):
        if expression in categories:
            first, last = np.searchsorted(time_s, [start, end])
            codes[first:last] = categories.index(expression)
    return codes


def matched(
    coder: NDArray[np.floating[Any]], ours: NDArray[np.floating[Any]]
) -> list[tuple[int, int]]:
    """Match (n, 2) and (m, 2) stretches one to one, with the largest total overlap."""
    if not len(coder) or not len(ours):
        return []
    shared = np.minimum(coder[:, None, 1], ours[:, 1]) - np.maximum(coder[:, None, 0], ours[:, 0])
    shorter = np.minimum(np.diff(coder, axis=1), np.diff(ours, axis=1).T)
    same = shared >= MATCHING * shorter
    gain = np.where(same, np.maximum(shared, 0), 0.0)
    pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return [(int(i), int(j)) for i, j in pairs if same[i, j] and gain[i, j] > 0]


def episode_matches(
    source: Source, face_id: int, coded: pd.DataFrame, categories: Sequence[str],
    spans: NDArray[np.floating[Any]] | None, coder: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each episode of one person that a coder, fervid or both found.

    Episodes outside the coded stretches are ignored; those across an edge are included.
    """
    rows = []
    ours = source.episodes[source.episodes["face_id"] == face_id]
    for expression in categories[1:]:
        theirs = coded.loc[coded["expression"] == expression, ["start", "end"]]
        own = ours.loc[ours["expression"] == expression, ["onset", "offset"]]
        a, b = (_within(table.to_numpy(np.float64), spans) for table in (theirs, own))
        pairs = matched(a, b)
        about = {"recording": source.path, "face_id": face_id, "coder": coder}
        about["expression"] = expression
        for i, j in pairs:
            rows.append({**about, **_edges(a[i], b[j]), "result": "both"})
        left = set(range(len(a))) - {i for i, _ in pairs}
        over = set(range(len(b))) - {j for _, j in pairs}
        nothing = np.full(2, np.nan)
        rows += [{**about, **_edges(a[i], nothing), "result": "only coder"} for i in sorted(left)]
        rows += [{**about, **_edges(nothing, b[j]), "result": "only fervid"} for j in sorted(over)]
    return rows


def _edges(theirs: NDArray[np.floating[Any]], ours: NDArray[np.floating[Any]]) -> dict[str, float]:
    return {
        "onset": float(theirs[0]),
        "offset": float(theirs[1]),
        "fervid_onset": float(ours[0]),
        "fervid_offset": float(ours[1]),
        "onset_difference": float(ours[0] - theirs[0]),
        "offset_difference": float(ours[1] - theirs[1]),
    }


def _within(
    stretches: NDArray[np.floating[Any]], spans: NDArray[np.floating[Any]] | None
) -> NDArray[np.floating[Any]]:
    """The stretches that begin or end in one of the spans."""
    if spans is None or not len(stretches):
        return stretches.reshape(-1, 2)
    spans = merged(spans)
    touches = (stretches[:, None, 0] < spans[:, 1]) & (stretches[:, None, 1] > spans[:, 0])
    return stretches[touches.any(axis=1)]
