"""Reads results for studies: the needed columns, one recording at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS
from fervid.results.files import FRAMES_NAME, begins_as_frame_table, csv_name, read_meta

Measure = Literal["change", "probability"]
MEASURES: tuple[Measure, ...] = ("change", "probability")
UNITS: dict[Measure, str] = {"change": "nats above the resting face", "probability": "probability"}

OF_CHANGE = tuple(name for name in EXPRESSIONS if name != "neutral")
KNOWN_REST = ("found", "given")

_ROW_COLUMNS = (
    *("timestamp", "face_id", "success", *BOX_COLUMNS, "frontality", "sharpness", "duration"),
)


def expressions_of(measure: Measure) -> tuple[str, ...]:
    """The expressions of a measure; changes from rest have no neutral."""
    return OF_CHANGE if measure == "change" else EXPRESSIONS


def columns_of(measure: Measure) -> tuple[str, ...]:
    """Columns of the frame table for a measure."""
    return tuple(f"change_{name}" for name in OF_CHANGE) if measure == "change" else EXPRESSIONS


@dataclass(frozen=True)
class Source:
    """One result.

    Attributes:
        path: path of the result folder from the folder of the study, with "/".
        name: file name of the recording.
        rows: rows with a face, sorted by time, with `_ROW_COLUMNS` and the columns of the measure.
        episodes, people: these tables of the result.
        start_s, end_s: time spanned by the sampled frames.
        meta: contents of `meta.json`.
        folder: path of the result folder.
    """

    path: str
    name: str
    rows: pd.DataFrame
    episodes: pd.DataFrame
    people: pd.DataFrame
    start_s: float
    end_s: float
    meta: dict[str, Any]
    folder: Path

    @property
    def main_face(self) -> int:
        """The person seen longest; 0 if there is nobody."""
        seen = self.people["seen_s"].to_numpy(np.float64)
        return int(self.people["face_id"].to_numpy()[seen.argmax()]) if len(seen) else 0


def read_source(folder: Path, path: str, measure: Measure) -> Source:
    """Read one result.

    Raises:
        ResultError: the folder is not a result, is damaged, or lacks the measure.
    """
    meta = read_meta(folder)
    frames = _read_columns(folder, [*_ROW_COLUMNS, *columns_of(measure)])
    time = frames["timestamp"].to_numpy(np.float64)
    if np.any(np.diff(time) < 0) or np.isnan(time).any():
        raise ResultError(f"{folder / FRAMES_NAME}: is damaged: times are not in ascending order")
    rows = frames[frames["success"].to_numpy() == 1]
    length = (meta.get("recording") or {}).get("duration_s")
    length_s = float(length) if isinstance(length, int | float) and np.isfinite(length) else 0.0
    last = float((rows["timestamp"] + rows["duration"]).max()) if len(rows) else 0.0
    end_s = max(length_s, last, float(time[-1]) if len(time) else 0.0)
    return Source(
        path=path,
        name=str((meta.get("recording") or {}).get("name") or folder.name),
        rows=rows,
        episodes=_small_table(folder, "episodes", _EPISODE_TYPES),
        people=read_people(folder),
        start_s=float(time[0]) if len(time) else 0.0,
        end_s=end_s,
        meta=meta,
        folder=folder,
    )


_PEOPLE_TYPES: dict[str, type] = {
    **{"face_id": int, "seen_s": float, "resting_face": str, "name": str},
}
_MAY_MISS = {"resting_face": "unknown", "name": ""}
"""Columns that are missing in older results, or if people were not named."""
_EPISODE_TYPES: dict[str, type] = {
    **{"face_id": int, "expression": str},
    **{"onset": float, "offset": float, "duration": float},
}


def read_people(folder: Path) -> pd.DataFrame:
    """Read the people of a result: face_id, seen_s, resting_face (`unknown` if missing), and name
    (empty if not named).

    Raises:
        ResultError: the table is missing, damaged or not written by fervid.
    """
    return _small_table(folder, "people", _PEOPLE_TYPES)


def _small_table(folder: Path, name: str, types: Mapping[str, type]) -> pd.DataFrame:
    """Read some columns of a small table, ten times as fast as pandas' own reader."""
    path = folder / csv_name(name)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = list(csv.reader(file))
        places = {column: header.index(column) for column in types if column in header}
        table = {
            column: [types[column](line[place]) for line in lines]
            for column, place in places.items()
        }
        if not set(types) - set(table) <= set(_MAY_MISS):
            raise ValueError("its columns are different")
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise ResultError(f"{path}: is not a table of fervid ({error})") from error
    missing = {name: [word] * len(lines) for name, word in _MAY_MISS.items()}
    return pd.DataFrame(
        {
            name: pd.Series(table.get(name, missing.get(name)), dtype=_DTYPES[kind])
            for name, kind in types.items()
        }
    )


_DTYPES: dict[type, str] = {int: "int64", float: "float64", str: "object"}


def _read_columns(folder: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of the frame table, from its Parquet file if it was exported, else the CSV.

    A new analysis removes the Parquet file, so it is never outdated.
    """
    table, parquet = folder / FRAMES_NAME, folder / "frames.parquet"
    if not begins_as_frame_table(table):
        raise ResultError(f"{table}: is not a frame table of fervid")
    try:
        if parquet.is_file() and _has_pyarrow():
            from pyarrow.parquet import ParquetFile

            with ParquetFile(parquet) as file:
                frames: pd.DataFrame = file.read(list(columns)).to_pandas()
        else:
            frames = pd.read_csv(table, usecols=list(columns))
        if missing := [name for name in columns if name not in frames]:
            raise ValueError(f"no column {missing[0]}")
        return frames
    except (OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ResultError(f"{table}: lacks columns that a study needs ({reason})") from error


def _has_pyarrow() -> bool:
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def fitting_measure(people: Iterator[pd.DataFrame]) -> Measure:
    """The default measure: change, if at least half of the people have a known resting face."""
    known = total = 0
    for table in people:
        total += len(table)
        known += int(table["resting_face"].isin(KNOWN_REST).sum())
    return "change" if total and 2 * known >= total else "probability"
