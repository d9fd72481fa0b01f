"""Tables of events: what happened when, and in which recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.settings import seconds_of

OWN_COLUMNS = ("recording", "start", "end", "label", "participant")
"""Columns of every table of events. `recording` is a file name, a path or a pattern with * and ?;
empty means all recordings. `end` is missing for moments. An empty `participant` means everyone."""

_SYNONYMS = {"onset": "start", "trial_type": "label"}
"""Names in the Brain Imaging Data Structure, which also has `duration`."""

EventTable = pd.DataFrame


def events_from_table(table: pd.DataFrame, source: object = "events") -> EventTable:
    """Read events from a table; times are seconds, m:ss or h:mm:ss.

    Args:
        table: has a column `start` (or `onset`). The columns `end` or `duration`, `label` (or
            `trial_type`), `recording` and `participant` are optional. Further columns are kept as
            text.
        source: name of the table in errors.

    Returns:
        Table of `OWN_COLUMNS`, then further columns; start and end are float64 in seconds.

    Raises:
        ResultError: a column is missing, there are no rows, a time is invalid, or an end is before
            its start.
    """
    names = {new: old for old, new in _SYNONYMS.items() if new not in table}
    table = table.rename(columns={old: new for new, old in names.items()})
    if "start" not in table:
        columns = ", ".join(map(repr, table.columns)) or "none"
        raise ResultError(
            f"{source}: has no column 'start' (or 'onset'); its columns are {columns}"
        )
    if not len(table):
        raise ResultError(f"{source}: contains no events")
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
    # An event of length 0 is a moment.
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
    try:  # numbers, as in most tables
        found = pd.to_numeric(column.replace({"": None, "n/a": None, "NA": None}))
        values = found.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        values = np.array([_time(text, source, name, row) for row, text in enumerate(column)])
    if np.isinf(values).any() or (np.isnan(values).any() and not missing):
        row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise ResultError(f"{source}: row {row}: {name} is not a time")
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
    """Read events from files, or from all files of known kinds in folders.

    If a file does not name recordings, it applies to those of its own name (`p01.eaf` to
    `p01.mp4`), or, if it is the only file, to all.

    Raises:
        ResultError: a file cannot be read, is of an unknown kind or has no events.
    """
    from fervid.studies.formats import READERS, read_events_file

    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [one for one in inside if not path.is_dir() or one.suffix.lower() in READERS]
    if not files:
        raise ResultError(f"{', '.join(map(str, paths))}: contains no file of events")
    tables = []
    for file in files:
        table = read_events_file(file)
        if len(files) > 1 and not table["recording"].any():
            table["recording"] = file.name.removesuffix(file.suffix) + ".*"
        tables.append(table)
    return pd.concat(tables, ignore_index=True).fillna(
        {name: "" for table in tables for name in table.columns if name not in ("start", "end")}
    )
