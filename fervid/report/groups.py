"""Reads a table about recordings: participants, conditions, groups."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fervid.errors import ResultError
from fervid.report.recordings import Notify, Recording
from fervid.results.encodings import text_of
from fervid.results.folder_names import RESULT_SUFFIX

KEY_COLUMN = "recording"
PARTICIPANT, FACE = "participant", "face_id"
_OWN = (PARTICIPANT, FACE, "offset")
"""Columns with a fixed meaning, by which recordings are compared only if this is asked for."""
_DELIMITERS = ",;\t"
_MOST_NAMES = 3

Parts = tuple[str, ...]
"""The parts of a path."""


@dataclass(frozen=True)
class Metadata:
    """The contents of a CSV about recordings.

    Attributes:
        columns: all columns except `recording`.
        by: the column to compare recordings by.
        rows: for each row, the recording, then the values of `columns`.
    """

    columns: tuple[str, ...]
    by: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def read_metadata(path: Path, by: str | None = None) -> Metadata:
    """Read a CSV with a column `recording`, separated by commas, semicolons or tabs.

    Args:
        path: the file.
        by: the column to compare by; by default the first one without a fixed meaning.

    Raises:
        ResultError: the file cannot be read, or a column is missing.
    """
    try:
        file = io.StringIO(text_of(path.read_bytes()), newline="")
        first = file.readline()
        file.seek(0)
        lines = list(csv.reader(file, delimiter=max(_DELIMITERS, key=first.count)))
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(
            f"{path}: cannot be read as a CSV; save it as CSV in UTF-8 ({reason})"
        ) from error
    header = [name.strip() for name in lines[0]] if lines else []
    columns = tuple(name for name in header if name and name != KEY_COLUMN)
    _check(path, header, columns, by)
    rows = (_filled(line, len(header)) for line in lines[1:] if any(map(str.strip, line)))
    at, others = header.index(KEY_COLUMN), [header.index(name) for name in columns]
    parted = tuple((row[at], tuple(row[k] for k in others)) for row in rows)
    own = [name for name in columns if name not in _OWN]
    return Metadata(columns, by or (own or columns)[0], parted)


def _check(path: Path, header: Sequence[str], columns: Parts, by: str | None) -> None:
    if KEY_COLUMN not in header:
        raise ResultError(
            f"{path}: has no column {KEY_COLUMN!r}; its header is {_first_few(header)}"
        )
    if not columns:
        raise ResultError(f"{path}: has no other column than {KEY_COLUMN!r}")
    if len(set(columns)) < len(columns):
        raise ResultError(f"{path}: two columns have the same name")
    if by is not None and by not in columns:
        raise ResultError(
            f"{path}: has no column {by!r} to group by; its columns are {_first_few(columns)}"
        )


def _filled(line: list[str], width: int) -> list[str]:
    return [*map(str.strip, line), *[""] * width][:width]


def match(
    metadata: Metadata, recordings: Sequence[Recording], notify: Notify
) -> list[tuple[str, ...] | None]:
    """The values of each recording; None if no row matches it.

    A row matches the recording or result with its path, or else the only one whose path ends with
    it, so a file name is enough if it is unique.
    """
    by_name = defaultdict(list)
    for place, recording in enumerate(recordings):
        for parts in _paths(recording):
            by_name[parts[-1]].append((parts, place))
    found: list[tuple[str, ...] | None] = [None] * len(recordings)
    unknown: list[str] = []
    unclear: list[str] = []
    twice: list[str] = []
    for text, values in metadata.rows:
        parts = _parts(text)
        places = _matching(parts, by_name[parts[-1]]) if parts else set()
        if len(places) != 1:
            (unclear if places else unknown).append(text)
        elif found[place := places.pop()] is not None:
            twice.append(text)
        else:
            found[place] = values
    alone = [one.path for one, values in zip(recordings, found, strict=True) if values is None]
    _notify_all(notify, "recordings without a row in the table of groups", alone)
    _notify_all(notify, "rows of the table of groups that match no recording", unknown)
    _notify_all(notify, "rows of the table of groups that match several recordings", unclear)
    _notify_all(notify, "repeated rows about a recording, of which the first is used", twice)
    return found


def _matching(parts: Parts, candidates: Iterable[tuple[Parts, int]]) -> set[int]:
    candidates = list(candidates)
    exact = {place for path, place in candidates if path == parts}
    return exact or {place for path, place in candidates if path[-len(parts) :] == parts}


def _paths(recording: Recording) -> set[Parts]:
    """Paths of the result, under the names of its folder and of its recording, and of the
    recording."""
    parts, beside = _parts(recording.path), _parts(recording.beside)
    named = (*parts[:-1], unicodedata.normalize("NFC", recording.name))
    return {parts, named} | ({beside} if beside else set())


def _parts(text: str) -> Parts:
    plain = unicodedata.normalize("NFC", text).replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    if parts:
        parts[-1] = parts[-1].removesuffix(RESULT_SUFFIX)
    return tuple(parts)


def _notify_all(notify: Notify, what: str, names: Sequence[str]) -> None:
    if names:
        notify(f"{what} ({len(names)}): {_first_few(names)}")


def _first_few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(f"{name[:100]!r}" for name in names[:_MOST_NAMES]) + more
