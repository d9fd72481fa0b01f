"""Runs a study of events: from results, events and people to a `Study`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fervid.errors import ResultError
from fervid.studies.areas import Area
from fervid.studies.collecting import FEW, Collector
from fervid.studies.event_study import Study
from fervid.studies.events import OWN_COLUMNS, events_from_table, read_events
from fervid.studies.matching import RecordingIndex, first_few
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
    """Study what people show around events, in a folder of results or in one result.

    Args:
        results: folder with results at any depth, or one result.
        events: table or files of events; see `fervid.studies.events` and `formats`.
        people: table with a column `recording`, and face_id, participant or others.
        by: column of events or people to compare by; None: the first further column of `events`,
            else of `people`, else the label if it has 2 to 12 values.
        labels: use only events with these labels; empty: all.
        speech: who speaks when, in the form of `events`; all results are then repeated without the
            frames in which the person speaks.
        areas: parts of the frame, or `NAME=x,y,w,h`; people elsewhere are excluded.
        measure: "change" or "probability"; None: change, if at least half of the people have a
            known resting face.
        window, rules: time around events, and rules of exclusion; None: the defaults.
        seed, draws: seed and number of samples of the bootstrap.
        notify: called with a line for everything that is left out.
        spool: called with the responses of each recording, which are not all kept if there are
            many.

    Raises:
        ResultError: there is no usable result, a table cannot be read, or nothing matches.
        ValueError: an area, measure or column is invalid.
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
    _report_unused(index, table, collector, note)
    made = _made(collector, chosen, levels, opened, provenance)
    made.seed, made.draws = seed, draws
    for line in made.detection:
        note(line)
    return made


def events_table(events: Tables | Sequence[str | Path], labels: Sequence[str] = ()) -> pd.DataFrame:
    """Read events from a table or files, and keep those with the given labels, if any.

    Raises:
        ResultError: they cannot be read, or a label does not exist.
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
        raise ResultError(
            f"no event is labelled {first_few(unknown)}; labels are {first_few(there, 10)}"
        )
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
            raise ResultError(f"no table has a column {by!r}; columns are {first_few(known, 10)}")
        return by
    if of_people or of_events:
        return (of_events or of_people)[0]
    labels = 0 if events is None else events["label"].nunique()
    return "label" if 2 <= labels <= MAX_LEVELS else ""


def _report_unused(
    index: RecordingIndex | None, events: pd.DataFrame | None, collector: Collector, note: Notify
) -> None:  # fmt: skip
    """Report what matches no recording, because a silent miss would look like a result."""
    if index is not None and events is not None:
        unused = events["recording"].iloc[index.unused]
        if len(unused) == len(events):
            unmatched = first_few([*dict.fromkeys(unused)])
            raise ResultError(
                f"no event matches a recording with a result; the events name {unmatched}"
            )
        if len(unused):
            names = [*dict.fromkeys(unused)]
            note(f"events that match no recording ({len(unused)}): {first_few(names)}")
        if not collector.has_responses:
            raise ResultError(
                "no event matches a person who is included; check the columns "
                "participant and face_id"
            )
        if collector.overlapping:
            note(
                f"{collector.overlapping} events or their baselines begin before the response to "
                f"the previous event ends; consider a shorter --after ({collector.window.after:g} "
                f"s) or --before ({collector.window.before:g} s)"
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
