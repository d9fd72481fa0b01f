"""Tables of events: when something happened in which recordings, and what it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.settings import seconds_of

OWN_COLUMNS = ("recording", "start", "end", "label", "participant")
"""Columns that every table of events has. `recording` holds a file name, a path or a pattern with
* and ?, empty for all recordings; `end` is missing for moments; `participant` is empty for all."""

_SYNONYMS = {"onset": "start", "trial_type": "label"}
"""What the Brain Imaging Data Structure calls them; it has `duration`, too."""

EventTable = pd.DataFrame


def events_from_table(table: pd.DataFrame, source: object = "events") -> EventTable:
    """Events of a table as people write it: times are seconds, m:ss or h:mm:ss.

    Args:
        table: with a column `start` (or `onset`); `end` or `duration`, `label` (or `trial_type`),
            `recording` and `participant` may be missing; further columns are kept as words.
        source: what an error names.

    Returns:
        Table of `OWN_COLUMNS`, then further ones; start and end float64 in seconds.

    Raises:
        ResultError: no such column, no rows, a time that is none, an end before its start.
    """
    names = {new: old for old, new in _SYNONYMS.items() if new not in table}
    table = table.rename(columns={old: new for new, old in names.items()})
    if "start" not in table:
        columns = ", ".join(map(repr, table.columns)) or "none"
        raise ResultError(f"{source}: has no column 'start' (or 'onset'); its columns: {columns}")
    if not len(table):
        raise ResultError(f"{source}: holds no event")
    start = _seconds(table["start"], source, "start", missing=False)
    if "end" in table:
        end = _seconds(table["end"], source, "end")
    elif "duration" in table:
        end = start + _seconds(table["duration"], source, "duration")
    else:
        end = np.full(len(table), np.nan)
    wrong = np.flatnonzero(end < start)
    if len(wrong):
        raise ResultError(f"{source}: row {wrong[0] + 1}: ends before it starts")
    # An event without length is a moment.
    end = np.where(end > start, end, np.nan)
    words = {
        name: table[name].astype(str).str.strip() if name in table else ""
        for name in ("recording", "label", "participant")
    }
    own = pd.DataFrame({"start": start, "end": end, **words}, index=table.index)
    more = [name for name in table.columns if name not in {*OWN_COLUMNS, "duration"}]
    both = pd.concat([own[list(OWN_COLUMNS)], table[more].astype(str)], axis=1)
    return both.reset_index(drop=True)


def _seconds(
    column: pd.Series[Any], source: object, name: str, *, missing: bool = True
) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:  # numbers, as most tables have them
        found = pd.to_numeric(column.replace({"": None, "n/a": None, "NA": None}))
        values = found.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        values = np.array([_time(text, source, name, row) for row, text in enumerate(column)])
    if np.isinf(values).any() or (np.isnan(values).any() and not missing):
        row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise ResultError(f"{source}: row {row}: {name} is no time")
    return values


def _time(text: object, source: object, name: str, row: int) -> float:
    word = str(text).strip()
    if word in ("", "n/a", "NA", "nan", "None"):
        return np.nan
    try:
        return -seconds_of(word[1:]) if word.startswith("-") else seconds_of(word)
    except ValueError as error:
        raise ResultError(f"{source}: row {row + 1}: {name}: {error}") from error


def read_events(paths: Sequence[Path]) -> EventTable:
    """Events of some files, or of all files of known kinds in folders.

    A file that says nothing of recordings speaks of those of its own name (`p01.eaf` of `p01.mp4`)
    if there are several files, or else of all.

    Raises:
        ResultError: a file cannot be read, is of no known kind or holds nothing.
    """
    from fervid.studies.formats import READERS, read_events_file

    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [one for one in inside if not path.is_dir() or one.suffix.lower() in READERS]
    if not files:
        raise ResultError(f"{', '.join(map(str, paths))}: no file of events")
    tables = []
    for file in files:
        table = read_events_file(file)
        if len(files) > 1 and not table["recording"].any():
            table["recording"] = file.name.removesuffix(file.suffix) + ".*"
        tables.append(table)
    return pd.concat(tables, ignore_index=True).fillna(
        {name: "" for table in tables for name in table.columns if name not in ("start", "end")}
    )
