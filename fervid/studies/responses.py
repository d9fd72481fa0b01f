"""Responses of a person to events: means, changes from the baseline, episodes, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.people import Person
from fervid.studies.rise import rise_starts
from fervid.studies.rules import Rules, Tally
from fervid.studies.series import Floats, Series
from fervid.studies.speech import Spans, overlap

OUTSIDE = "outside the recording"


@dataclass(frozen=True)
class Window:
    """The time around an event.

    Attributes:
        before: length of the baseline before the event in seconds.
        after: length in seconds of the curve, and of the response to a moment. The response to an
            event with an end lasts as long as the event.
        step: bin of the curve in seconds.

    Raises:
        ValueError: a value is not above 0, or the window has fewer than two bins.
    """

    before: float = 2.0
    after: float = 8.0
    step: float = 0.1

    def __post_init__(self) -> None:
        if not (self.before > 0 and self.after > 0 and self.step > 0):
            raise ValueError("before, after and step must be above 0 seconds")
        if self.step * 2 > self.before + self.after:
            raise ValueError("step must be at most half of the window")

    @property
    def edges(self) -> Floats:
        """(T + 1,) edges of the bins in seconds from an event's start; one of them is 0."""
        left, right = (int(np.floor(x / self.step + 1e-9)) for x in (self.before, self.after))
        return np.arange(-left, right + 1) * self.step

    @property
    def centres(self) -> Floats:
        """(T,) centres of the bins."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True)
class Responses:
    """The responses of one person to E events.

    Attributes:
        columns: (E * K,) values by column, with a row for each event and expression, events
            outermost.
        curves: (E, T, K) float32, minus the baseline; NaN where the face is not usable.
        kept: (E,) whether each event meets the rules.
    """

    columns: dict[str, NDArray[Any]]
    curves: NDArray[np.float32]
    kept: NDArray[np.bool_]


def table_of(parts: Sequence[Responses]) -> pd.DataFrame:
    """The responses of many people as one table; separate tables would take twice as long."""
    names = dict.fromkeys(name for part in parts for name in part.columns)

    def column(part: Responses, name: str) -> NDArray[Any]:
        missing = np.full(len(part.columns["expression"]), None, object)
        return part.columns.get(name, missing)

    return pd.DataFrame(
        {name: np.concatenate([column(part, name) for part in parts]) for name in names}
    )


def responses_of(
    person: Person,
    events: pd.DataFrame,
    expressions: Sequence[str],
    window: Window,
    rules: Rules,
    tally: Tally,
    end_s: float,
    speech: str,
    talk: Spans | None = None,
) -> Responses:
    """The responses of a person to the events of a recording.

    Args:
        person: the person.
        events: rows of a table of events; their index is kept.
        expressions: expressions of the person's series.
        window, rules: time around events, and rules of exclusion.
        tally: counts the excluded events.
        end_s: end of the recording in seconds.
        speech: "all", or "silent" without the frames in which the person speaks.
        talk: (S, 2) when the person speaks, in seconds; None: unknown.
    """
    start = events["start"].to_numpy(np.float64)
    own_end = events["end"].to_numpy(np.float64)
    end = np.where(np.isnan(own_end), start + window.after, own_end)
    means, seen = person.series.means(start, end)
    baselines, seen_before = person.series.means(start - window.before, start)
    covered, covered_before = seen / (end - start), seen_before / window.before
    least = rules.min_coverage
    broken = {
        OUTSIDE: (start < 0) | (start >= end_s),
        f"usable in less than {least:.0%} of the window": covered < least,
        f"usable in less than {least:.0%} of the baseline": covered_before < least,
    }
    dropped_by = np.full(len(events), "", object)
    for rule, which in broken.items():
        first = which & (dropped_by == "")
        if speech == "all":
            tally.add("event", rule, int(first.sum()), len(events))
        elif rule != OUTSIDE:  # the same events as with speech
            tally.add("event", f"{rule}, without speech", int(first.sum()), len(events))
        dropped_by[first] = rule
    kept = dropped_by == ""
    episodes = person.episodes
    shown_names = episodes["expression"].to_numpy()
    spans = episodes[["onset", "offset"]].to_numpy(np.float64)
    showings = [
        _showings(person.series, k, spans[shown_names == name], start, end, baselines[:, k])
        for k, name in enumerate(expressions)
    ]
    each = len(expressions)
    figures = {
        "mean": means,
        "baseline": baselines,
        "response": means - baselines,
        "peak": _peaks(person, start, end, window.step) - baselines,
        **{
            name: np.column_stack([shown[name] for shown in showings])
            for name in ("shown", "showings", "latency", "shown_after")
        },
    }
    of_events = {name: events[name].to_numpy() for name in _kept(events)}
    of_events |= {"event": events.index.to_numpy() + 1}
    if talk is not None:
        spoken = overlap(start, end, talk) / (end - start)
        figures["speaking"] = np.repeat(spoken[:, None], each, axis=1)
    rows = len(events) * each
    who = {"recording": person.recording, "participant": person.name, "speech": speech}
    about = {name: value for name, value in person.about.items() if name not in events}
    columns = {
        "face_id": np.full(rows, person.face_id),
        **{name: np.full(rows, value, object) for name, value in (who | about).items()},
        **{name: np.repeat(values, each) for name, values in of_events.items()},
        "expression": np.tile(np.array(expressions, object), len(events)),
        **{name: values.ravel() for name, values in figures.items()},
        "coverage": np.repeat(np.minimum(covered, 1.0), each),
        "baseline_coverage": np.repeat(np.minimum(covered_before, 1.0), each),
        "dropped_by": np.repeat(dropped_by, each),
    }
    curves = person.series.curve(start[:, None] + window.edges) - baselines[:, None, :]
    return Responses(columns, curves.astype(np.float32), kept)


def _kept(events: pd.DataFrame) -> list[str]:
    return [name for name in events.columns if name not in ("recording", "participant")]


def _peaks(person: Person, start: Floats, end: Floats, step: float) -> Floats:
    """(E, K) highest mean of a step in each stretch."""
    counts = np.maximum(np.ceil((end - start) / step - 1e-9).astype(np.int64), 1)
    firsts = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(firsts[-1]) - np.repeat(firsts[:-1], counts)
    lefts = np.repeat(start, counts) + place * step
    means, _ = person.series.means(lefts, np.minimum(lefts + step, np.repeat(end, counts)))
    if not len(start):
        return means
    return np.fmax.reduceat(means, firsts[:-1], axis=0)


def _showings(
    series: Series, column: int, spans: Floats, start: Floats, end: Floats, baselines: Floats
) -> dict[str, Floats]:
    """For each stretch: share in (J, 2) episodes, number of episodes that begin, and the times from
    the start to the first rise and to the first episode.

    There are no times if the expression is already shown when the event starts.
    """
    onset, offset = spans[:, 0], spans[:, 1]
    begins = (onset >= start[:, None]) & (onset < end[:, None])
    already = ((onset < start[:, None]) & (offset > start[:, None])).any(axis=1)
    timed = np.flatnonzero(begins.any(axis=1) & ~already)
    first = np.where(begins[timed], onset, np.inf).argmin(axis=1) if len(timed) else timed
    shown_after, latency = np.full((2, len(start)), np.nan)
    shown_after[timed] = onset[first] - start[timed]
    if len(timed):
        rises = rise_starts(series, column, spans[first], baselines[timed])
        latency[timed] = rises - start[timed]
    return {
        "shown": overlap(start, end, spans) / (end - start),
        "showings": begins.sum(axis=1).astype(np.float64),
        "latency": latency,
        "shown_after": shown_after,
    }
