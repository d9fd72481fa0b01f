"""Collects responses of many recordings in one pass with little memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.matching import RecordingIndex
from fervid.studies.people import PeopleReader, Person
from fervid.studies.responses import Responses, Window, responses_of, table_of
from fervid.studies.sources import Measure, Source, expressions_of
from fervid.studies.speech import SPEECH, Spans, inside, overlap, spans_of

FEW = 500
"""Up to this many recordings, single repetitions are kept; with more, means for each person."""

_MOST_LANES = 40
_AT_ONCE = 200
"""Number of people whose responses become a table at once."""

OUTCOMES = (
    *("mean", "baseline", "response", "peak", "shown", "showings", "latency", "shown_after"),
)
ALL, SILENT = "all", "silent"

Sink = Callable[[pd.DataFrame], None]


@dataclass
class Collector:
    """Reads recordings one by one and keeps what a study needs.

    Args:
        people: reads the people in recordings.
        events: table of events, or None.
        speech: who speaks when, or None. With it, responses come twice, the second time without the
            frames in which the person speaks.
        window: the time around an event.
        by: column of the levels by which curves are averaged; empty for none.
        averaged: whether to average repetitions within people at once.
        sink: called with the responses of some hundred people at a time.
    """

    people: PeopleReader
    events: RecordingIndex | None
    speech: RecordingIndex | None
    window: Window
    by: str
    averaged: bool
    sink: Sink
    waiting: list[Responses] = field(default_factory=list)
    kept: list[pd.DataFrame] = field(default_factory=list)
    curves: list[NDArray[np.float32]] = field(default_factory=list)
    keys: list[pd.DataFrame] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)
    lanes: list[dict[str, Any]] = field(default_factory=list)
    overlapping: int = 0

    @property
    def measure(self) -> Measure:
        """The measure of the study."""
        return self.people.measure

    @property
    def has_responses(self) -> bool:
        """Whether anybody responded to an event."""
        return bool(self.waiting or self.curves)

    def add(self, source: Source) -> None:
        """Add the next recording."""
        events = None if self.events is None else self.events.of(source)
        people = self.people.of(source, "" if events is None else _participant(events))
        speech = None if self.speech is None else self.speech.of(source)
        talks = [None if speech is None else spans_of(person, speech) for person in people]
        for person, talk in zip(people, talks, strict=True):
            self._note(person, talk, source)
            mine = None if events is None else events_of(person, events)
            if mine is None or not len(mine):
                continue
            self.overlapping += _overlapping(mine, self.window)
            self.waiting.append(self._respond(person, mine, source, ALL, talk))
            if talk is not None:
                silent = _without_speech(person, talk)
                self.waiting.append(self._respond(silent, mine, source, SILENT, talk))
        if len(self.waiting) >= _AT_ONCE:
            self._keep()
        if events is not None:
            self._add_lanes(source, events, people, talks)

    def _respond(
        self, person: Person, events: pd.DataFrame, source: Source, speech: str, talk: Spans | None
    ) -> Responses:
        tally = self.people.tally
        names = expressions_of(self.measure)
        args = (names, self.window, self.people.rules, tally, source.end_s, speech, talk)
        return responses_of(person, events, *args)

    def _note(self, person: Person, talk: Spans | None, source: Source) -> None:
        about = {"recording": person.recording, "face_id": person.face_id}
        seen = {"seen_s": person.series.seen_s, "present": person.present}
        spoken = {} if talk is None else {"speaking_s": float(np.diff(talk, axis=1).sum())}
        self.found.append({**about, "participant": person.name, **person.about, **seen, **spoken})

    def _keep(self) -> None:
        """Make tables of the pending responses and pass them to the sink."""
        parts, whole = self.waiting, table_of(self.waiting)
        self.waiting = []
        if self.by:  # people who are not in the table of people
            level = whole[self.by] if self.by in whole else pd.Series("", index=whole.index)
            whole = whole.assign(**{self.by: level.fillna("")})
        self.sink(whole)
        kept = np.concatenate([part.kept for part in parts])
        curves = np.concatenate([part.curves for part in parts])[kept]
        each = len(expressions_of(self.measure))
        table = whole
        if not kept.all():
            table = whole[np.repeat(kept, each)].reset_index(drop=True)
        keys = table.iloc[::each].reset_index(drop=True)
        names = ["recording", "participant", "speech", *([self.by] if self.by else [])]
        keys = keys[list(dict.fromkeys(names))]
        if self.averaged and len(keys):
            table, keys, curves = _averaged(table, keys, curves)
        self.kept.append(table if self.averaged else whole)
        self.keys.append(keys)
        self.curves.append(curves)

    def whole(self) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float32]]:
        """All responses, keys of the curves, and (E, T, K) curves; empty if there are none."""
        if self.waiting:
            self._keep()
        if not self.curves:
            return pd.DataFrame(), pd.DataFrame(), np.zeros((0, 0, 0), np.float32)
        both = [pd.concat(parts, ignore_index=True) for parts in (self.kept, self.keys)]
        return both[0], both[1], np.concatenate(self.curves)

    def _add_lanes(
        self,
        source: Source,
        events: pd.DataFrame,
        people: list[Person],
        talks: Sequence[Spans | None],
    ) -> None:
        if len({lane["lane"] for lane in self.lanes}) >= _MOST_LANES:
            return
        ends = events["end"].fillna(events["start"] + self.window.after)
        levels = events[self.by] if self.by in events else [""] * len(events)
        for start, end, label, level in zip(
            events["start"], ends, events["label"], levels, strict=True
        ):
            lane = {"lane": source.path.removesuffix(".fervid"), "kind": "event"}
            self.lanes.append(
                {**lane, "level": str(level), "label": label, "start": start, "end": end}
            )
        for person, talk in zip(people, talks, strict=True):
            lane_name = source.path.removesuffix(".fervid")
            lane_name += f" · face {person.face_id}" if len(people) > 1 else ""
            shown = person.episodes[["expression", "onset", "offset"]].itertuples(index=False)
            spoken = [] if talk is None else [(SPEECH, *span) for span in talk.tolist()]
            for name, start, end in (*shown, *spoken):
                if name != "neutral":
                    lane = {"lane": lane_name, "kind": name, "level": "", "label": name}
                    self.lanes.append({**lane, "start": start, "end": end})


def _participant(events: pd.DataFrame) -> str:
    """The participant of all events of a recording, if there is only one and no face is named."""
    names = [name for name in events["participant"].astype(str).unique() if name]
    is_one = len(names) == 1 and not names[0].startswith("face ")
    return names[0] if is_one and (events["participant"] != "").all() else ""


def events_of(person: Person, events: pd.DataFrame) -> pd.DataFrame:
    """The events of a person: those without a participant, and their own."""
    if not events["participant"].any():
        return events
    names = ("", person.name, f"face {person.face_id}", str(person.face_id))
    return events[events["participant"].astype(str).isin(names)]


def _overlapping(events: pd.DataFrame, window: Window) -> int:
    """Number of events that begin, with their baseline, before the previous response ends."""
    start, end = (events[name].to_numpy(np.float64) for name in ("start", "end"))
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.where(np.isnan(end), start + window.after, end)[order]
    return int((start[1:] - window.before < np.maximum.accumulate(end)[:-1] - 1e-9).sum())


def _without_speech(person: Person, talk: Spans) -> Person:
    series = person.series
    middle = series.time_s + series.lasts_s / 2
    episodes = person.episodes
    spoken = overlap(
        episodes["onset"].to_numpy(np.float64), episodes["offset"].to_numpy(np.float64), talk
    )
    mostly = spoken > 0.5 * episodes["duration"].to_numpy(np.float64)
    return Person(
        person.recording,
        person.face_id,
        person.name,
        person.about,
        series.without(inside(middle, talk)),
        episodes[~mostly],
        person.present,
    )


def _averaged(
    table: pd.DataFrame, keys: pd.DataFrame, curves: NDArray[np.float32]
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float32]]:
    """One repetition for each person and level: the mean of their repetitions."""
    # groupby would take longer than everything else for the few rows of a recording.
    numbers: dict[tuple[Any, ...], int] = {}
    rows = zip(*(keys[name] for name in keys.columns), strict=True)
    codes = np.array([numbers.setdefault(row, len(numbers)) for row in rows])
    first = keys.iloc[np.unique(codes, return_index=True)[1]].reset_index(drop=True)
    each = len(table) // len(keys)
    values = table[list(OUTCOMES)].to_numpy(np.float64).reshape(len(keys), each, -1)
    means = _means_of(values, codes, len(first)).reshape(len(first) * each, -1)
    whole = first.loc[np.repeat(np.arange(len(first)), each)].reset_index(drop=True)
    names = np.tile(table["expression"].to_numpy()[:each], len(first))
    averaged = pd.DataFrame(means, columns=list(OUTCOMES))
    whole = pd.concat([whole.assign(expression=names), averaged], axis=1)
    return whole, first, _means_of(curves, codes, len(first)).astype(np.float32)


def _means_of(values: NDArray[Any], codes: NDArray[np.int64], count: int) -> NDArray[Any]:
    """(count, ...) means of the (E, ...) values of each code, ignoring NaN."""
    known = ~np.isnan(values)
    sums = np.zeros((count, *values.shape[1:]))
    counts = np.zeros_like(sums)
    np.add.at(sums, codes, np.where(known, values, 0.0))
    np.add.at(counts, codes, known)
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))
