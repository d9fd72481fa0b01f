"""Reads and writes the files of a result folder."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS, Thumbnail
from fervid.results.codebook import (
    CHANGE_COLUMNS,
    FRAME_COLUMNS,
    LOST,
    NAMED,
    NAMED_TABLES,
    STATES,
    STATUSES,
    TABLES,
    UNITS,
    Column,
    Kind,
    dtypes,
)
from fervid.results.earlier import columns_of_0_9, complete

META_NAME = "meta.json"
REPORT_NAME = "report.html"
CODEBOOK_NAME = "codebook.csv"
THUMBNAILS_NAME = "thumbnails"

AS_FOUND_NAME = "as_found"
"""Folder of the tables as they were before people were named, merged, split or left out."""

PEOPLE_EDITS_NAME = "people.edits.csv"
"""What was changed about people; see `fervid.results.people_edits`."""

BLURRED = ".blurred.mp4"
"""Suffix of an exported video with hidden faces."""

NEWEST_SCHEMA = 1
"""Newest schema number that this version reads. It is raised when tables or `meta.json` change in a
way that older programs would misread. fervid 0.9 wrote no number; see `fervid.results.earlier`."""

PHOTOS = "photos"
"""Value of `kind` in the `meta.json` of a result of photos."""

_META_KINDS = {
    "recording": dict,
    "settings": dict,
    "models": list,
    "warnings": list,
    "resting_faces": list,
}
"""Types of the values in `meta.json`."""

_RESTING_KINDS: dict[str, Any] = {
    "face_id": int,
    "resting_face": str,
    "rest_s": int | float,
    "rest_rows": int,
    "rest_visits": int,
    "rest_spread": int | float,
}
_DECIMALS: dict[Kind, int] = {"seconds": 6, "pixels": 1, "share": 4, "number": 4, "nats": 3}


def csv_name(table: str) -> str:
    """File name of a table of `fervid.results.codebook.TABLES`."""
    return f"{table}.csv"


FRAMES_NAME = csv_name("frames")


_FRAME_TYPES: dict[str, Any] = dtypes(TABLES["frames"])
_FRAME_TYPES |= {"face_id": "Int64", "success": "int64"}
_NAMED_TYPES: dict[str, Any] = {**_FRAME_TYPES, "found_as": "Int64", "name": "str"}
_FLOATS = [name for name, kind in _FRAME_TYPES.items() if kind == "float64"]
_MAY_MISS = ["covered", "intensity", *CHANGE_COLUMNS]
"""Columns that are missing in results of 0.9, or for people without a known resting face."""
_SHARES = [column.name for column in TABLES["frames"] if column.kind == "share"]


def read_frames(folder: Path, *, chunk_rows: int = 5_000) -> Iterator[pd.DataFrame]:
    """Read the frame table of a result folder, `chunk_rows` rows at a time, with dtypes as in
    `frame_table`.

    Raises:
        ResultError: the table is missing, damaged or not written by fervid. Damage may be found
            only when the damaged rows are reached.
    """
    path = _existing(folder, FRAMES_NAME)
    if not has_frame_header(path):
        raise ResultError(f"{path}: is not a frame table of fervid (its columns are different)")
    if not _ends_with_newline(path):
        raise ResultError(f"{path}: is damaged: its last line is cut off")
    return _chunks(path, chunk_rows)


def read_meta(folder: Path) -> dict[str, Any]:
    """Read the `meta.json` of a result folder.

    Raises:
        ResultError: the file is missing, or its contents are not what fervid writes.
    """
    path = _existing(folder, META_NAME)
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: is damaged: {_first_line(error)}") from error
    if not isinstance(meta, dict):
        raise ResultError(f"{path}: is damaged: it is not a JSON object")
    schema = meta.get("schema", 0)  # fervid 0.9 wrote none
    if not isinstance(schema, int) or schema > NEWEST_SCHEMA:
        raise ResultError(
            f"{path}: was written by a newer version of fervid (schema {schema!r}); update fervid"
        )
    for key, kind in _META_KINDS.items():
        if not isinstance(meta.get(key), kind | None):
            raise ResultError(f"{path}: is damaged: {key!r} is not of type {kind.__name__}")
    for face in meta.get("resting_faces") or ():
        if not isinstance(face, dict) or not _is_resting_face(face):
            raise ResultError(f"{path}: is damaged: 'resting_faces' is not as fervid writes it")
    return meta


def _is_resting_face(face: dict[str, Any]) -> bool:
    known = {key: face[key] for key in _RESTING_KINDS if key in face}
    kinds = all(isinstance(value, _RESTING_KINDS[key]) for key, value in known.items())
    return "face_id" in known and kinds


def missing_from(meta: dict[str, Any]) -> list[str]:
    """What an older version did not write into `meta.json`; one line each."""
    version = meta.get("fervid")
    if "schema" in meta or not isinstance(version, str):
        return []
    without = "resting faces, nor how each table was made"
    return [f"this result was made by fervid {version}, which did not record {without}"]


def read_table(folder: Path, name: Literal["episodes", "people", "summary"]) -> pd.DataFrame:
    """Read one of the small tables of a result folder.

    Raises:
        ResultError: the table is missing, damaged or not written by fervid.
    """
    path, types = _existing(folder, csv_name(name)), dtypes(TABLES[name])
    words = [column for column, kind in types.items() if kind == "str"]
    more = [column.name for column in NAMED[name] if column.kind == "word"]
    try:
        as_words = dict.fromkeys([*words, *more], "str")
        table = pd.read_csv(path, dtype=as_words, keep_default_na=True)
        table = complete(table, name)
        if tuple(table.columns) == tuple(column.name for column in NAMED_TABLES[name]):
            types = dtypes(NAMED_TABLES[name])
            words = [column for column, kind in types.items() if kind == "str"]
        if tuple(table.columns) != tuple(types):
            raise ValueError("its columns are different")
        table = table.fillna(dict.fromkeys(words, ""))
        return table.astype(types)
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: is not a table of fervid ({_first_line(error)})") from error


_THUMBNAIL = re.compile(r"face-(\d{1,9})-([a-z]+)-(\d{1,9}\.\d{3})\.jpg")


def read_thumbnails(folder: Path) -> list[Thumbnail]:
    """Read the thumbnails of a result folder, sorted by face_id, then by time.

    Raises:
        ResultError: a thumbnail cannot be read.
    """
    found = []
    try:
        for path in (Path(folder) / THUMBNAILS_NAME).glob("*.jpg"):
            name = _THUMBNAIL.fullmatch(path.name)
            if name and name[2] in EXPRESSIONS:
                who, when = int(name[1]), float(name[3])
                maps = path.with_name(maps_name(path.name))
                both = path.read_bytes(), maps.read_bytes() if maps.is_file() else None
                found.append(Thumbnail(who, name[2], when, *both))
    except OSError as error:
        raise ResultError(f"{folder}: a thumbnail cannot be read ({error.strerror})") from error
    return sorted(found, key=lambda one: (one.face_id, one.time_s))


def thumbnail_name(face_id: int, expression: str, time_s: float) -> str:
    """File name of a thumbnail."""
    return f"face-{face_id}-{expression}-{time_s:.3f}.jpg"


def maps_name(thumbnail: str) -> str:
    """File name of the maps of a thumbnail."""
    return thumbnail.removesuffix(".jpg") + ".maps.jpg"


def write_rows(
    table: pd.DataFrame, columns: Sequence[Column], file: IO[str], *, header: bool
) -> None:
    """Write a table as CSV: seconds with 6 decimals, pixels with 1, other real numbers with 4."""
    # DataFrame.to_csv would take ten times as long for the few rows of a batch.
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(column.name for column in columns)
    texts = (_as_text(table[column.name], column.kind) for column in columns)
    writer.writerows(zip(*texts, strict=True))


def write_codebook(file: IO[str], tables: Mapping[str, Sequence[Column]] = TABLES) -> None:
    """Write the meaning of every column of some tables."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("table", "column", "unit", "meaning"))
    for table, columns in tables.items():
        writer.writerows((table, c.name, UNITS[c.kind], c.meaning) for c in columns)


@contextmanager
def text_file(path: Path) -> Iterator[IO[str]]:
    """Open a new file of a result folder; it is on the disk when the context ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn disk errors while a result folder is written into a one-line ResultError."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a symbolic link to itself
        reason = getattr(error, "strerror", None) or error
        raise ResultError(f"{folder}: cannot be written ({reason})") from error


def _chunks(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    last = -1
    try:
        with pd.read_csv(path, dtype=_NAMED_TYPES, chunksize=chunk_rows) as chunks:
            for chunk in (complete(some, "frames") for some in chunks):
                last = _checked(chunk, last)
                yield chunk.assign(
                    emotion=chunk["emotion"].astype(pd.CategoricalDtype(pd.Index(EXPRESSIONS))),
                    state=chunk["state"].astype(pd.CategoricalDtype(pd.Index(STATES))),
                    status=chunk["status"].astype(pd.CategoricalDtype(pd.Index(STATUSES))),
                )
    except (OSError, ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        raise ResultError(f"{path}: is damaged: {_first_line(error)}") from error


def _checked(chunk: pd.DataFrame, last: int) -> int:
    """Check rows that follow frame `last`; return their last frame, or raise ValueError."""
    frames = chunk["frame"].to_numpy()
    if np.any(np.diff(frames, prepend=last) < 0):
        raise ValueError("frames are not in ascending order")
    is_face = chunk["success"] == 1
    if not chunk.loc[~is_face, "success"].eq(0).all():
        raise ValueError("success is neither 0 nor 1")
    if (
        chunk.loc[is_face].drop(columns=_MAY_MISS).isna().to_numpy().any()
        or chunk["timestamp"].isna().any()
    ):
        raise ValueError("values are missing")
    if np.isinf(chunk[_FLOATS].to_numpy()).any():
        raise ValueError("values are infinite")
    shares = chunk.loc[is_face, _SHARES].to_numpy()
    if (shares < 0).any() or (shares > 1).any():
        raise ValueError("probabilities are not between 0 and 1")
    if not chunk.loc[is_face, "emotion"].isin(EXPRESSIONS).all():
        raise ValueError("unknown emotion")
    if not chunk.loc[is_face, "state"].isin(STATES).all():
        raise ValueError("unknown state")
    if not chunk["status"].isin(STATUSES).all() or chunk.loc[is_face, "status"].eq(LOST).any():
        raise ValueError("unknown status")
    return int(frames[-1]) if len(frames) else last


def _as_text(column: pd.Series[Any], kind: Kind) -> list[str]:
    """The values as text: real numbers with fixed decimals, missing values empty."""
    if kind not in _DECIMALS:
        missing = column.isna().to_numpy()
        values = column.to_numpy(object)
        return ["" if gone else str(v) for v, gone in zip(values, missing, strict=True)]
    # z: a valence that rounds to zero is not written as "-0.0000".
    form = f"z.{_DECIMALS[kind]}f"
    numbers = column.to_numpy(np.float64).tolist()
    return ["" if value != value else format(value, form) for value in numbers]


_HEADER = ",".join(FRAME_COLUMNS).encode()
_HEADER_OF_0_9 = ",".join(columns_of_0_9("frames")).encode()
_HEADER_NAMED = ",".join(column.name for column in NAMED_TABLES["frames"]).encode()


def has_frame_header(frames: Path) -> bool:
    """Whether a file starts with the column names of a frame table."""
    return _header_of(frames) in (_HEADER, _HEADER_NAMED, _HEADER_OF_0_9)


def begins_as_frame_table(frames: Path) -> bool:
    """Whether a file starts like the frame table of any version; newer ones add columns."""
    return _header_of(frames).startswith((",".join(FRAME_COLUMNS[:4]) + ",").encode())


def _header_of(frames: Path) -> bytes:
    """The file's first bytes, up to the length of a frame table's header; empty if unreadable."""
    try:
        with frames.open("rb") as file:
            return file.readline(len(_HEADER_NAMED) + 2).rstrip(b"\r\n")
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
    if not there and (Path(folder) / f"{PHOTOS}.csv").is_file():
        raise ResultError(f"{folder}: is a result of photos, which has no {name}")
    if not there:
        raise ResultError(f"{folder}: is not a fervid result (it has no {name})")
    return path


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
