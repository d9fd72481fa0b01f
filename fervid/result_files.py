"""Reading and formatting the files of a result folder: frames.csv, summary.csv, meta.json."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.timeline import BOX_COLUMNS, FRAME_COLUMNS, SUMMARY_COLUMNS

FRAMES_NAME = "frames.csv"
SUMMARY_NAME = "summary.csv"
META_NAME = "meta.json"
REPORT_NAME = "report.html"

_META_KINDS = {"recording": dict, "settings": dict, "models": list, "warnings": list}
_WHOLE = ("frame", "face_id", "success", "filled", "frames", "frames_with_face", "faces", "emotion")
_SECONDS = ("timestamp", "first_seen", "last_seen")
_FLOATS = [name for name in FRAME_COLUMNS if name not in _WHOLE]
_FRAME_TYPES: dict[str, Any] = {
    **dict.fromkeys(("frame", "success"), "int64"),
    **dict.fromkeys(("face_id", "filled"), "Int64"),
    "emotion": "str",
    **dict.fromkeys(_FLOATS, "float64"),
}


def read_frames(folder: Path, *, chunk_rows: int = 5_000) -> Iterator[pd.DataFrame]:
    """Frame table of a result folder, `chunk_rows` rows at a time, types as in `frame_table`.

    Raises:
        ResultError: no such table, or not one that fervid wrote, or damaged; at the latest when
            the damaged rows are reached.
    """
    path = _existing(folder, FRAMES_NAME)
    if not has_frame_header(path):
        raise ResultError(f"{path}: not a frame table of fervid (its columns are different)")
    if not _ends_with_newline(path):
        raise ResultError(f"{path}: damaged: its last line is cut off")
    return _chunks(path, chunk_rows)


def read_meta(folder: Path) -> dict[str, Any]:
    """What `meta.json` of a result folder holds.

    Raises:
        ResultError: no such file, or it does not hold what fervid writes.
    """
    path = _existing(folder, META_NAME)
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: damaged: {_first_line(error)}") from error
    if not isinstance(meta, dict):
        raise ResultError(f"{path}: damaged: it holds no JSON object")
    for key, kind in _META_KINDS.items():
        if not isinstance(meta.get(key), kind | None):
            raise ResultError(f"{path}: damaged: {key!r} is no {kind.__name__}")
    return meta


def read_summary(folder: Path) -> pd.DataFrame:
    """Summary table of a result folder; face_id is text.

    Raises:
        ResultError: no such table, or not one that fervid wrote, or damaged.
    """
    path = _existing(folder, SUMMARY_NAME)
    try:
        table = pd.read_csv(path, dtype={"face_id": "str"})
        types = {n: "int64" if n in _WHOLE else "float64" for n in SUMMARY_COLUMNS[1:]}
        table = table.astype(types)
    except (OSError, ValueError, KeyError) as error:
        raise ResultError(f"{path}: damaged: {_first_line(error)}") from error
    if tuple(table.columns) != SUMMARY_COLUMNS or table["face_id"].head(1).to_list() != ["all"]:
        raise ResultError(f"{path}: not a summary table of fervid")
    return table


def write_rows(table: pd.DataFrame, file: IO[str], *, header: bool) -> None:
    """Write a frame or summary table as CSV: seconds 6 decimals, pixels 1, the rest 4."""
    # Not DataFrame.to_csv, which takes ten times as long for the few rows of a batch.
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(table.columns)
    writer.writerows(zip(*(_as_text(table[name]) for name in table.columns), strict=True))


def _chunks(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    last = -1
    try:
        with pd.read_csv(path, dtype=_FRAME_TYPES, chunksize=chunk_rows) as chunks:
            for chunk in chunks:
                last = _checked(chunk, last)
                kinds = pd.CategoricalDtype(pd.Index(EXPRESSIONS))
                yield chunk.assign(emotion=chunk["emotion"].astype(kinds))
    except (OSError, ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        raise ResultError(f"{path}: damaged: {_first_line(error)}") from error


def _checked(chunk: pd.DataFrame, last: int) -> int:
    """Raise ValueError if the rows cannot follow frame `last`; return their last frame."""
    frames = chunk["frame"].to_numpy()
    if np.any(np.diff(frames, prepend=last) < 0):
        raise ValueError("frames are not in ascending order")
    is_face = chunk["success"] == 1
    if not chunk.loc[~is_face, "success"].eq(0).all():
        raise ValueError("success is neither 0 nor 1")
    if chunk.loc[is_face].isna().to_numpy().any() or chunk["timestamp"].isna().any():
        raise ValueError("values are missing")
    if np.isinf(chunk[_FLOATS].to_numpy()).any():
        raise ValueError("values are infinite")
    shares = chunk.loc[is_face, ["confidence", *EXPRESSIONS]].to_numpy()
    if (shares < 0).any() or (shares > 1).any():
        raise ValueError("probabilities lie outside 0 to 1")
    if not chunk.loc[is_face, "emotion"].isin(EXPRESSIONS).all():
        raise ValueError("unknown emotion")
    return int(frames[-1]) if len(frames) else last


def _as_text(column: pd.Series[Any]) -> list[str]:
    """The values as text, real numbers with fixed decimals, missing ones empty."""
    name = str(column.name)
    if name in _WHOLE:
        missing = column.isna().to_numpy()
        values = column.to_numpy(object)
        return ["" if gone else str(v) for v, gone in zip(values, missing, strict=True)]
    decimals = 6 if name in _SECONDS else 1 if name in BOX_COLUMNS else 4
    # z: no "-0.0000" for a valence that rounds to zero.
    form = f"z.{decimals}f"
    numbers = column.to_numpy(np.float64).tolist()
    return ["" if value != value else format(value, form) for value in numbers]


_HEADER = ",".join(FRAME_COLUMNS).encode()


def has_frame_header(frames: Path) -> bool:
    """Whether a file starts with the column names of a frame table."""
    return _header_of(frames) == _HEADER


def begins_as_frame_table(frames: Path) -> bool:
    """Whether a file starts like the frame table of any version: later ones add columns behind."""
    return _header_of(frames).startswith((",".join(FRAME_COLUMNS[:4]) + ",").encode())


def _header_of(frames: Path) -> bytes:
    """As much of it as a frame table's header may need, without its end; empty if unreadable."""
    try:
        with frames.open("rb") as file:
            return file.readline(len(_HEADER) + 2).rstrip(b"\r\n")
    except OSError:
        return b""


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _existing(folder: Path, name: str) -> Path:
    path = Path(folder) / name
    try:
        there = path.is_file()
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not Path(folder).is_dir():
        raise ResultError(f"{folder}: no such folder; give a result folder, RECORDING.fervid")
    if not there:
        raise ResultError(f"{folder}: not a fervid result (it has no {name})")
    return path


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
