"""What human coders and fervid say of the same frames, and of the same episodes."""

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
"""What is said of a frame in which nothing that was coded is shown."""

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
"""What coders call expressions."""

MATCHING = 0.5
"""Share of the shorter of two episodes that must overlap for them to be the same one."""

BLOCK_S = 10.0
"""Stretches of time that are drawn for intervals: longer than what one showing lasts."""


def expression_of(label: str, names: Mapping[str, str]) -> str:
    """The expression that a coder's label means; empty if none is known."""
    word = label.strip().lower()
    return names.get(label.strip(), names.get(word, WORDS.get(word, "")))


@dataclass(frozen=True)
class Rated:
    """Frames of one person as each rater sees them.

    Attributes:
        recording, face_id: who.
        time_s, lasts_s: (N,) seconds.
        codes: (N, R) places in the categories; the last rater is fervid.
        strength: (N,) probability of what fervid says.
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
    """One person's frames, coded by everyone.

    Args:
        source: the recording.
        face_id: who in it.
        coded: of each coder, events with a column `expression` about this person.
        categories: the expressions that were coded, and `NONE` first.
        spans: (S, 2) stretches that were coded; None for the whole recording.
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
    """(N,) which category holds at each time; of those that overlap, the one that began last."""
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
    """Which of (n, 2) and (m, 2) stretches are the same, one to one, by most overlap in all."""
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
    """A row for each episode of a coder, of fervid, or of both, of one person.

    Episodes outside of the stretches that were coded do not count; those across their edge do.
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
    """Stretches that begin or end in one of the spans."""
    if spans is None or not len(stretches):
        return stretches.reshape(-1, 2)
    spans = merged(spans)
    touches = (stretches[:, None, 0] < spans[:, 1]) & (stretches[:, None, 1] > spans[:, 0])
    return stretches[touches.any(axis=1)]
