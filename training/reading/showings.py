"""Showings: stretches in which a person shows an expression, and whether an analysis finds it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from training.evaluate.scores import wilson

COLUMNS = ("clip", "person", "frame", "time_s", "intensity", "x0", "y0", "x1", "y1")
"""Columns that a table of truth must have; others, such as gender, are groups. `expression` names
what is shown; without it, that is happy."""

_FULL = 0.9
"""Lowest intensity of a full showing; weaker ones reach at least a quarter."""

_WEAKEST = 0.25


@dataclass(frozen=True)
class Showing:
    """A stretch at its highest intensity, with the ramp that leads to it.

    Attributes:
        expression: what is shown.
        intensity: highest intensity, 0 to 1.
        found: whether the analysis finds the expression in any frame of highest intensity.
        named_other: whether it finds another expression there instead, except neutral.
        onset_error_s: seconds from when the intensity leaves 0 until the expression is found; NaN
            if there is no such moment, or it is not found.
    """

    expression: str
    intensity: float
    found: bool
    named_other: bool
    onset_error_s: float

    @property
    def full(self) -> bool:
        """Whether it is a full showing."""
        return self.intensity >= _FULL


@dataclass(frozen=True)
class Read:
    """One person in one clip.

    Attributes:
        showings: the person's showings.
        rest_frames, rest_misread: numbers of frames at rest, and of those with an expression.
        frames, seen: numbers of frames of the person, and of those with a face.
    """

    showings: list[Showing]
    rest_frames: int
    rest_misread: int
    frames: int
    seen: int


def read_person(truth: pd.DataFrame, frames: pd.DataFrame) -> Read:
    """Compare what a person shows with the frame table of an analysis.

    Args:
        truth: rows of one person in one clip, by frame.
        frames: the frame table of that clip; faces whose centre is in the person's part count.
    """
    named = _named(truth, frames)
    intensity = truth["intensity"].to_numpy(np.float64)
    rest = intensity == 0
    misread = rest & ~np.isin(named, ["", "neutral", "uncertain"])
    showings = [
        _showing(truth, named, first, last)
        for start, end in _runs(intensity > 0)
        for first, last in _heights(intensity, start, end)
    ]
    seen = int((named != "").sum())
    return Read(showings, int(rest.sum()), int(misread.sum()), len(truth), seen)


def _named(truth: pd.DataFrame, frames: pd.DataFrame) -> NDArray[np.object_]:
    """The state in each row of the truth; empty if there is no face."""
    faces = faces_of(truth, frames)
    named = np.full(len(truth), "", object)
    named[faces["row"].to_numpy()] = faces["state"].astype(object).to_numpy()
    return named


def faces_of(truth: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """The rows of a frame table that show a person, at most one per frame.

    `row` is each row's position in `truth`, and `true_intensity` the intensity there. Of several
    faces in the person's part of the frame, the largest counts.
    """
    faces = frames[frames["success"] == 1]
    faces = faces.assign(
        x=faces["face_x"] + faces["face_w"] / 2, y=faces["face_y"] + faces["face_h"] / 2
    )
    part = truth[["frame", "x0", "y0", "x1", "y1"]].assign(
        true_intensity=truth["intensity"], row=np.arange(len(truth))
    )
    both = part.merge(faces, on="frame")
    inside = both["x"].between(both["x0"], both["x1"]) & both["y"].between(both["y0"], both["y1"])
    return both[inside].sort_values("face_h", ascending=False).drop_duplicates("row")


def _showing(truth: pd.DataFrame, named: NDArray[np.object_], first: int, last: int) -> Showing:
    row = truth.iloc[first]
    expression = str(row.get("expression", "happy"))
    there = named[first:last]
    found = bool((there == expression).any())
    other = not found and bool(
        (~np.isin(there, ["", "neutral", "uncertain"])).mean() > 0.5  # most of it
    )
    error = _onset_error(truth, named == expression, first, last) if found else np.nan
    return Showing(expression, float(row["intensity"]), found, other, error)


def _onset_error(truth: pd.DataFrame, is_named: NDArray[np.bool_], first: int, last: int) -> float:
    rest = np.flatnonzero(truth["intensity"].to_numpy()[:first] == 0)
    if not len(rest):
        return np.nan
    times = truth["time_s"].to_numpy(np.float64)
    named = first + int(np.flatnonzero(is_named[first:last])[0])
    while named > 0 and is_named[named - 1]:
        named -= 1
    return float(times[named] - times[rest[-1]])


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Starts and ends of the stretches in which a mask is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _heights(intensity: NDArray[np.float64], start: int, end: int) -> list[tuple[int, int]]:
    """The level parts of a stretch that are higher than their neighbours."""
    level = np.flatnonzero(np.diff(intensity[start:end], prepend=np.nan, append=np.nan)) + start
    parts = [(a, b) for a, b in pairwise(level.tolist()) if b - a >= 5]
    return [(a, b) for a, b in parts if intensity[a] >= _WEAKEST]


def check_truth(truth: pd.DataFrame, where: str) -> None:
    """Raise FervidError unless a table has all the columns that are needed."""
    missing = [name for name in COLUMNS if name not in truth.columns]
    if missing:
        raise FervidError(f"{where}: not a table of truth: it lacks {', '.join(missing)}")


def figures_of(reads: list[Read]) -> dict[str, Any]:
    """The figures of some people, with 95% intervals (Wilson 1927)."""
    showings = [one for read in reads for one in read.showings]
    full = [one for one in showings if one.full]
    less = [one for one in showings if not one.full]
    errors = np.array([one.onset_error_s for one in full])
    known = errors[np.isfinite(errors)]
    rest = sum(read.rest_frames for read in reads)
    return {
        "people": len(reads),
        "full": share(sum(one.found for one in full), len(full)),
        "weaker": share(sum(one.found for one in less), len(less)),
        "named_other": share(sum(one.named_other for one in showings), len(showings)),
        "rest_misread": sum(read.rest_misread for read in reads) / rest if rest else None,
        "onset_error_s": float(np.median(known)) if len(known) else None,
        "seen": sum(read.seen for read in reads) / max(1, sum(read.frames for read in reads)),
    }


def share(part: int, whole: int) -> dict[str, Any]:
    """A share with its 95% interval."""
    if not whole:
        return {"of": 0, "share": None, "low": None, "high": None}
    low, high = wilson(part, whole)
    return {"of": whole, "share": part / whole, "low": low, "high": high}
