"""Who speaks when, by a transcript or a diarisation: talking mouths look like expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.people import Person

Spans = NDArray[np.floating[Any]]
"""(S, 2) starts and ends in seconds, apart from each other and ascending."""


def spans_of(person: Person, speech: pd.DataFrame) -> Spans:
    """When a person speaks.

    Args:
        person: by name, or as `face 1`.
        speech: events about the recording; one without a participant counts for everyone.
    """
    names = {person.name, f"face {person.face_id}", str(person.face_id)}
    whose = speech["participant"].astype(str)
    mine = speech[whose.isin(names) | whose.eq("")].dropna(subset=["end"])
    return merged(mine[["start", "end"]].to_numpy(np.float64))


def merged(spans: Spans) -> Spans:
    """Spans that overlap as one."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    if not len(spans):
        return spans.reshape(0, 2)
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.append(True, spans[1:, 0] > reach[:-1])
    last = np.append(np.flatnonzero(first)[1:] - 1, len(spans) - 1)
    return np.column_stack([spans[first, 0], reach[last]])


def inside(time_s: NDArray[np.floating[Any]], spans: Spans) -> NDArray[np.bool_]:
    """Which of some times lie in one of the spans."""
    if not len(spans):
        return np.zeros(len(time_s), np.bool_)
    place = np.searchsorted(spans[:, 0], time_s, side="right") - 1
    return np.asarray((place >= 0) & (time_s < spans[np.maximum(place, 0), 1]), np.bool_)


def overlap(
    starts: NDArray[np.floating[Any]], ends: NDArray[np.floating[Any]], spans: Spans
) -> NDArray[np.floating[Any]]:
    """Seconds of each stretch that lie in spans, which are apart from each other."""
    both = np.minimum(ends[:, None], spans[:, 1]) - np.maximum(starts[:, None], spans[:, 0])
    return np.asarray(np.maximum(both, 0.0).sum(axis=1), np.float64)
