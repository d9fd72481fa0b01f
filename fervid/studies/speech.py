"""Who speaks when, from a transcript or diarisation, as talking mouths look like expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.people import Person

SPEECH = "speech"
"""Kind of the lanes that show who speaks."""

Spans = NDArray[np.floating[Any]]
"""(S, 2) starts and ends in seconds, ascending, without overlap."""


def spans_of(person: Person, speech: pd.DataFrame) -> Spans:
    """The spans in which a person speaks.

    Args:
        person: the person, whom events name or call `face 1`.
        speech: events of the recording; those without a participant apply to everyone.
    """
    names = {person.name, f"face {person.face_id}", str(person.face_id)}
    whose = speech["participant"].astype(str)
    mine = speech[whose.isin(names) | whose.eq("")].dropna(subset=["end"])
    return merged(mine[["start", "end"]].to_numpy(np.float64))


def merged(spans: Spans) -> Spans:
    """Join overlapping spans."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    if not len(spans):
        return spans.reshape(0, 2)
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.append(True, spans[1:, 0] > reach[:-1])
    last = np.append(np.flatnonzero(first)[1:] - 1, len(spans) - 1)
    return np.column_stack([spans[first, 0], reach[last]])


def inside(time_s: NDArray[np.floating[Any]], spans: Spans) -> NDArray[np.bool_]:
    """Whether each time is in one of the spans."""
    if not len(spans):
        return np.zeros(len(time_s), np.bool_)
    place = np.searchsorted(spans[:, 0], time_s, side="right") - 1
    return np.asarray((place >= 0) & (time_s < spans[np.maximum(place, 0), 1]), np.bool_)


def overlap(
    starts: NDArray[np.floating[Any]], ends: NDArray[np.floating[Any]], spans: Spans
) -> NDArray[np.floating[Any]]:
    """Seconds of each stretch that are in spans, which must not overlap."""
    both = np.minimum(ends[:, None], spans[:, 1]) - np.maximum(starts[:, None], spans[:, 0])
    return np.asarray(np.maximum(both, 0.0).sum(axis=1), np.float64)
