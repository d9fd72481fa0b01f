"""Reads files of events of other programs as tables; times in seconds, to the millisecond."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.errors import ResultError
from fervid.results.encodings import marked_encoding, text_of
from fervid.results.user_tables import read_csv_table
from fervid.studies.events import EventTable, events_from_table

Row = dict[str, Any]


def read_events_file(path: Path) -> EventTable:
    """Read the events of a file, by the suffix of its name; see `READERS`.

    Raises:
        ResultError: the file cannot be read, is of an unknown kind or has no events.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ResultError(
            f"{path}: is not a known kind of events file; known are {', '.join(READERS)}"
        )
    if not path.is_file():
        raise ResultError(f"{path}: no such file")
    try:
        return events_from_table(reader(path), path)
    except ResultError:
        raise
    # Libraries of file formats can raise any exception on invalid files.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ResultError(f"{path}: cannot be read as {path.suffix} ({reason})") from error


def _elan(path: Path) -> pd.DataFrame:
    """Annotations of all tiers; the participant is that of the tier, if it has one."""
    from pympi import Elan

    eaf = Elan.Eaf(str(path))
    media = eaf.get_linked_files()
    recording = _base(media[0].get("MEDIA_URL", "")) if media else ""
    rows = [
        {
            "recording": recording,
            "start": start / 1000,
            "end": end / 1000,
            "label": label,
            "participant": eaf.get_parameters_for_tier(tier).get("PARTICIPANT", ""),
            "tier": tier,
        }
        for tier in eaf.get_tier_names()
        for start, end, label, *_ in eaf.get_annotation_data_for_tier(tier)
    ]
    return _table(rows)


def _textgrid(path: Path) -> pd.DataFrame:
    """Intervals and points with text, from all tiers."""
    from pympi import Praat

    codec = marked_encoding(path.read_bytes()) or "utf-8"
    rows: list[Row] = []
    for tier in Praat.TextGrid(str(path), codec=codec).get_tiers():
        for entry in tier.get_all_intervals():
            start, end = (entry[0], entry[1]) if len(entry) == 3 else (entry[0], math.nan)
            label = str(entry[-1]).replace('""', '"').strip()
            if label:
                rows.append({"start": start, "end": end, "label": label, "tier": tier.name})
    return _table(rows)


def _subtitles(path: Path) -> pd.DataFrame:
    """Cues; the participant is the voice (`<v Name>` in WebVTT, `Name:` at the start of a text)."""
    from pysubs2 import SSAFile

    cues = SSAFile.from_string(text_of(path.read_bytes()))
    rows = []
    for cue in cues:
        text = cue.plaintext.replace("\n", " ").strip()
        voice, colon, said = text.partition(": ")
        named = bool(colon) and len(voice) <= 40 and not voice.count(" ") > 2
        rows.append(
            {
                "start": cue.start / 1000,
                "end": cue.end / 1000,
                "label": said if named else text,
                "participant": cue.name or (voice if named else ""),
            }
        )
    return _table(rows)


def _rttm(path: Path) -> pd.DataFrame:
    """Speaker turns of a diarisation; the file column is the recording, and speakers are
    participants."""
    rows = []
    for number, line in enumerate(text_of(path.read_bytes()).splitlines(), 1):
        cells = line.split()
        if not cells or cells[0] != "SPEAKER":
            continue
        if len(cells) < 8:
            raise ResultError(f"{path}: line {number}: is not a line of RTTM")
        start, lasts = float(cells[3]), float(cells[4])
        rows.append(
            {
                "recording": f"{cells[1]}.*",
                "start": start,
                "end": round(start + lasts, 6),
                "label": "speech",
                "participant": cells[7],
            }
        )
    return _table(rows)


def _csv(path: Path) -> pd.DataFrame:
    table = read_csv_table(path)
    return _boris_table(table) if _is_boris(table) else table


def _excel(path: Path) -> pd.DataFrame:
    table = pd.read_excel(path).dropna(how="all")
    table.columns = table.columns.map(lambda name: str(name).strip())
    return _boris_table(table) if _is_boris(table) else table


def _boris_project(path: Path) -> pd.DataFrame:
    """Events of all observations of a BORIS project."""
    project = json.loads(text_of(path.read_bytes()))
    kinds = {one["code"]: str(one.get("type", "")) for one in project["behaviors_conf"].values()}
    rows = []
    for observation in project["observations"].values():
        media = [name for names in (observation.get("file") or {}).values() for name in names]
        for event in observation["events"]:
            time, subject, code = event[:3]
            rows.append(
                {
                    "Media file name": media[0] if media else "",
                    "Time": time,
                    "Subject": subject,
                    "Behavior": code,
                    "state": "state" in kinds.get(code, "").lower(),
                    "Modifiers": event[3] if len(event) > 3 else "",
                }
            )
    return _paired(pd.DataFrame(rows)) if rows else _table([])


def _is_boris(table: pd.DataFrame) -> bool:
    columns = {name.lower() for name in table.columns}
    return {"subject", "behavior"} <= columns or {"time", "subject", "code"} <= columns


def _boris_table(table: pd.DataFrame) -> pd.DataFrame:
    """BORIS's tabular and aggregated events, and the events that fervid writes for BORIS."""
    by_lower = {name.lower(): name for name in table.columns}
    found = {
        ours: by_lower[name]
        for ours, names in _BORIS_COLUMNS.items()
        for name in names
        if name in by_lower
    }
    plain = pd.DataFrame({ours: table[theirs] for ours, theirs in found.items()})
    if "start" in plain:
        rows = plain.rename(columns={"Subject": "participant", "Behavior": "label"})
        rows = rows.rename(columns={"Media file name": "recording"})
        return rows.assign(recording=_bases(rows), participant=_people(rows["participant"]))
    comments = plain.get("comment", pd.Series("", index=plain.index)).astype(str)
    kinds = plain.get("kind", comments.str.partition(",")[0]).astype(str).str.lower()
    plain["state"] = kinds.isin(["start", "stop", "onset", "offset", "state"])
    return _paired(plain)


_BORIS_COLUMNS = {
    "Media file name": ("media file name", "media file path", "media file"),
    "Subject": ("subject",),
    "Behavior": ("behavior", "code"),
    "Modifiers": ("modifiers", "modifier", "modifier #1"),
    "start": ("start (s)",),
    "end": ("stop (s)",),
    "Time": ("time",),
    "kind": ("behavior type", "status"),
    "comment": ("comment",),
}


def _paired(rows: pd.DataFrame) -> pd.DataFrame:
    """State events, with alternating starts and stops, as stretches; others as moments."""
    rows = rows.assign(recording=_bases(rows.rename(columns={"Media file name": "recording"})))
    events: list[Row] = []
    for (recording, subject, label), mine in rows.groupby(
        ["recording", "Subject", "Behavior"], sort=False, dropna=False
    ):
        whose = {"recording": recording, "participant": _person(subject), "label": label}
        times = mine["Time"].astype(float).to_numpy()
        if not mine["state"].any():
            events += [{**whose, "start": time, "end": math.nan} for time in times]
            continue
        if len(times) % 2:
            raise ResultError(f"{label} of {subject or 'nobody'} starts but never stops")
        events += [
            {**whose, "start": start, "end": end}
            for start, end in zip(times[::2], times[1::2], strict=True)
        ]
    return _table(events)


def _person(subject: object) -> str:
    """BORIS writes "No focal subject" if there is no subject."""
    word = "" if subject is None or subject != subject else str(subject).strip()
    return "" if word.lower() == "no focal subject" else word


def _people(subjects: pd.Series[Any]) -> list[str]:
    return [_person(subject) for subject in subjects]


def _bases(rows: pd.DataFrame) -> list[str]:
    if "recording" not in rows:
        return [""] * len(rows)
    return [_base(str(name)) if name == name else "" for name in rows["recording"]]


def _base(address: str) -> str:
    """The file name at the end of a path or an address."""
    from urllib.parse import unquote

    name = address.replace("\\", "/").rpartition("/")[2]
    return unquote(name) if address.startswith("file:") else name


_NAMES = ("recording", "start", "end", "label", "participant")


def _table(rows: list[Row]) -> pd.DataFrame:
    ordered = sorted(rows, key=lambda row: (str(row.get("recording", "")), float(row["start"])))
    return pd.DataFrame(ordered or None, columns=None if ordered else list(_NAMES))


def _kinds() -> Iterator[tuple[str, Callable[[Path], pd.DataFrame]]]:
    yield from ((ending, _csv) for ending in (".csv", ".tsv"))
    yield from ((ending, _excel) for ending in (".xlsx",))
    yield ".boris", _boris_project
    yield ".eaf", _elan
    yield ".textgrid", _textgrid
    yield from ((ending, _subtitles) for ending in (".srt", ".vtt"))
    yield ".rttm", _rttm


READERS = dict(_kinds())
"""The reader of a file, by its suffix."""
