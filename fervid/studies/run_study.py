"""Run a study of events: results, events and people in, a `Study` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fervid.errors import ResultError
from fervid.studies.areas import Area
from fervid.studies.collecting import FEW, Collector
from fervid.studies.event_study import Study
from fervid.studies.events import OWN_COLUMNS, events_from_table, read_events
from fervid.studies.matching import RecordingIndex, some
from fervid.studies.methods import Provenance
from fervid.studies.opening import Notify, Opened, Tables, open_results
from fervid.studies.responses import Window
from fervid.studies.rules import Rules
from fervid.studies.sources import Measure

MAX_LEVELS = 12


def study(
    results: str | Path,
    events: Tables | Sequence[str | Path] | None = None,
    people: Tables | None = None,
    *,
    by: str | None = None,
    labels: Sequence[str] = (),
    speech: Tables | Sequence[str | Path] | None = None,
    areas: Sequence[Area | str] = (),
    measure: Measure | None = None,
    window: Window | None = None,
    rules: Rules | None = None,
    seed: int = 0,
    draws: int = 2000,
    notify: Notify = lambda line: None,
    spool: Callable[[pd.DataFrame], None] = lambda table: None,
) -> Study:
    """What people show around events, in a folder of results or in one.

    Args:
        results: the folder, with results at any depth.
        events: a table, or files of events; see `fervid.studies.events` and `formats`.
        people: a table with a column `recording`, and face_id, participant or others.
        by: column of events or people by which levels are compared; None: the first further column
            of `events`, else of `people`, else the label if there are 2 to 12.
        labels: only events of these labels count.
        speech: who speaks when, as `events`; each figure comes without speech, too.
        areas: parts of the frame, or `NAME=x,y,w,h`; people elsewhere are left out.
        measure: "change" or "probability"; None: change, where at least half of the people have a
            known resting face.
        window, rules: what is looked at, and what must be met; None: the defaults.
        seed, draws: of the bootstrap.
        notify: gets a line for everything that is left out.
        spool: gets the responses of each recording, which are not all kept of many.

    Raises:
        ResultError: no usable result, a table that cannot be read, or nothing that fits it.
        ValueError: no such area, measure or level.
    """
    opened = open_results(results, people, areas=areas, measure=measure, rules=rules, notify=notify)
    table = None if events is None else events_table(events, labels)
    talk = None if speech is None else events_table(speech)
    reader, chosen, note = opened.reader, opened.measure, opened.note
    levels = _by(by, table, reader.table, areas)
    index = None if table is None else RecordingIndex(table)
    collector = Collector(
        reader, index, None if talk is None else RecordingIndex(talk), window or Window(), levels,
        len(opened.places) > FEW, spool,
    )  # fmt: skip
    provenance = Provenance()
    for source in opened.sources():
        provenance.add(source.meta)
        collector.add(source)
    _tell_unused(index, table, collector, note)
    made = _made(collector, chosen, levels, opened, provenance)
    made.seed, made.draws = seed, draws
    for line in made.detection:
        note(line)
    return made


def events_table(events: Tables | Sequence[str | Path], labels: Sequence[str] = ()) -> pd.DataFrame:
    """Events of a table or of files; only those of some labels if there are any.

    Raises:
        ResultError: they cannot be read, or there is no such label.
    """
    if isinstance(events, pd.DataFrame):
        table = events_from_table(events)
    else:
        paths = [events] if isinstance(events, str | Path) else list(events)
        table = read_events([Path(path) for path in paths])
    if not labels:
        return table
    there = [label for label in dict.fromkeys(table["label"]) if label]
    unknown = [label for label in labels if label not in there]
    if unknown:
        raise ResultError(f"no event is labelled {some(unknown)}; labels are {some(there, 10)}")
    return table[table["label"].isin(list(labels))].reset_index(drop=True)


def _by(
    by: str | None, events: pd.DataFrame | None, people: pd.DataFrame | None,
    areas: Sequence[Area | str],
) -> str:  # fmt: skip
    """The column of the levels."""
    of_events = [] if events is None else [n for n in events.columns if n not in OWN_COLUMNS]
    own = ("recording", "face_id", "participant", "offset")
    of_people = [] if people is None else [n for n in people.columns if n and n not in own]
    if by is not None:
        known = ["label", *of_events, *of_people, *(["area"] if areas else [])]
        if by not in known:
            raise ResultError(f"no table has a column {by!r}; columns are {some(known, 10)}")
        return by
    if of_people or of_events:
        return (of_events or of_people)[0]
    labels = 0 if events is None else events["label"].nunique()
    return "label" if 2 <= labels <= MAX_LEVELS else ""


def _tell_unused(
    index: RecordingIndex | None, events: pd.DataFrame | None, collector: Collector, note: Notify
) -> None:  # fmt: skip
    """Say what fits no recording: a silent miss looks like an answer."""
    if index is not None and events is not None:
        unused = events["recording"].iloc[index.unused]
        if len(unused) == len(events):
            told = some([*dict.fromkeys(unused)])
            raise ResultError(f"no event speaks of a recording that has a result: {told}")
        if len(unused):
            names = [*dict.fromkeys(unused)]
            note(f"events that fit no recording ({len(unused)}): of {some(names)}")
        if not collector.has_responses:
            raise ResultError("no event speaks of a person who counts; see participant, face_id")
        if collector.overlapping:
            note(
                f"{collector.overlapping} times an event begins while the response to the one "
                f"before still counts or its own baseline covers it; think of a shorter --after "
                f"({collector.window.after:g} s) or --before ({collector.window.before:g} s)"
            )


def _made(
    collector: Collector, measure: Measure, by: str, opened: Opened, provenance: Provenance
) -> Study:  # fmt: skip
    responses, keys, curves = collector.whole()
    lanes = pd.DataFrame(
        collector.lanes, columns=["lane", "kind", "level", "label", "start", "end"]
    )
    dropped = pd.DataFrame(collector.people.dropped, columns=["recording", "face_id", "rule"])
    return Study(
        measure=measure,
        by=by,
        window=collector.window,
        rules=collector.people.rules,
        responses=responses,
        people=pd.DataFrame(collector.found),
        dropped=dropped,
        exclusions=opened.tally.table(),
        lanes=lanes,
        notes=opened.notes,
        provenance=provenance,
        _curves=curves,
        _keys=keys,
    )
