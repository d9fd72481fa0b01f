"""Reads the results in a folder as rows of an index."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.report.html import known
from fervid.report.overview import Overview, read_overview
from fervid.results.files import (
    FRAMES_NAME,
    META_NAME,
    PHOTOS,
    REPORT_NAME,
    csv_name,
    read_meta,
    read_table,
)
from fervid.results.folder_names import RESULT_SUFFIX
from fervid.results.people_edits import unnamed

Notify = Callable[[str], None]
"""Takes one line for the user."""


@dataclass(frozen=True)
class Failure:
    """A recording without a result.

    Attributes:
        path: path from the analysed folder.
        status: "refused" (not a readable recording) or "failed".
        reason: why, on one line.
        recording: path of the file; None if unknown.
    """

    path: str
    status: str
    reason: str
    recording: Path | None = None


@dataclass(frozen=True)
class Person:
    """A person in one recording.

    Attributes:
        face_id: number within the recording.
        name: as given by the user, or "face N".
        first_s: when they are first seen, in seconds.
        seen_s: for how many seconds they are seen.
        valence: mean smoothed valence.
        most: the expression that is most often the most probable one, and its share of faces.
        episodes: number of episodes.
        means: mean smoothed probability of each expression, in the order of `EXPRESSIONS`.
    """

    face_id: int
    name: str
    first_s: float
    seen_s: float
    valence: float
    most: tuple[str, float]
    episodes: int
    means: tuple[float, ...]


@dataclass(frozen=True)
class Recording:
    """One row of the index.

    Attributes:
        path: path of the result folder, or of a recording without a result, from the folder of the
            index, with "/". Bytes that are not UTF-8 are surrogates.
        name: file name of the recording.
        beside: path of the recording from the result folder, as in `meta.json`.
        status: "ok", or the status in `meta.json` or of the failure.
        reason: why there is no result, on one line.
        summary: the row of `summary.csv`; empty without a result.
        duration_s: length in seconds; None if unknown.
        overview: valence over time.
        warnings: number of warnings in the report.
        has_report: whether there is a report to link to.
        people: who is in it, in the order of the table.
    """

    path: str
    name: str
    beside: str = ""
    status: str = "ok"
    reason: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    duration_s: float | None = None
    overview: Overview | None = None
    warnings: int = 0
    has_report: bool = False
    people: tuple[Person, ...] = ()

    @classmethod
    def without_result(cls, failure: Failure) -> Recording:
        """The row of a recording that could not be analysed."""
        path = failure.path.replace(os.sep, "/")
        name = path.rpartition("/")[2]
        return cls(path, name, status=failure.status, reason=failure.reason)

    @property
    def most(self) -> tuple[str, float] | None:
        """The expression that is most often the most probable one, and its share of the faces."""
        if not self.summary.get("faces"):
            return None
        name = max(reversed(EXPRESSIONS), key=lambda name: float(self.summary[f"{name}_dominant"]))
        return name, float(self.summary[f"{name}_dominant"])


def is_one_result(folder: Path) -> bool:
    """Whether a path is a single result, usable or not, rather than a folder of results."""
    if folder.name.endswith(RESULT_SUFFIX):
        return True
    try:
        own = any((folder / name).exists() for name in (META_NAME, FRAMES_NAME))
        return own or not folder.is_dir()
    except OSError:
        return True


@dataclass(frozen=True)
class PhotoSet:
    """A result of photos, which has its own contact sheet.

    Attributes:
        path: path of the result folder, as in `Recording`.
        photos, with_face, faces, refused: numbers of each.
    """

    path: str
    photos: int
    with_face: int
    faces: int
    refused: int


def read_results(folder: Path, notify: Notify) -> Iterator[Recording | PhotoSet]:
    """Read all usable results in a folder, at any depth, sorted by path.

    Hidden folders are ignored; damaged or foreign `*.fervid` folders are reported to `notify`.
    """
    for result in result_folders(folder, notify):
        path = result.relative_to(folder).as_posix()
        try:
            meta = read_meta(result)
            yield _photo_set(path, meta) or _recording(result, path, meta)
        except ResultError as error:
            notify(f"skipped: {error}")
        except OSError as error:
            notify(f"skipped: {result}: cannot be read ({error.strerror or error})")


def _photo_set(path: str, meta: dict[str, Any]) -> PhotoSet | None:
    """A result of photos; None if the result is of another kind."""
    found = meta.get("detection")
    if meta.get("kind") != PHOTOS or not isinstance(found, dict):
        return None
    names = ("photos", "with_face", "faces", "refused")
    return PhotoSet(path, *(int(found.get(name) or 0) for name in names))


def result_folders(folder: Path, notify: Notify) -> Iterator[Path]:
    """All result folders in a folder, at any depth, sorted by path."""

    def unreadable(error: OSError) -> None:
        notify(f"skipped: {error.filename}: cannot be read ({error.strerror or error})")

    for place, folders, _ in os.walk(folder, onerror=unreadable):
        visible = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in visible if not name.endswith(RESULT_SUFFIX)]
        yield from (Path(place, name) for name in visible if name.endswith(RESULT_SUFFIX))


def _recording(result: Path, path: str, meta: dict[str, Any]) -> Recording:
    table = read_table(result, "summary")
    if len(table) != 1:
        raise ResultError(f"{result}: is damaged: its summary has {len(table)} rows, not one")
    about, status = meta.get("recording") or {}, meta.get("status")
    overview, duration_s = read_overview(result, meta), about.get("duration_s", math.nan)
    return Recording(
        path=path,
        name=str(about.get("name") or result.name.removesuffix(RESULT_SUFFIX)),
        beside=str(about.get("beside") or ""),
        status=status[:40] if isinstance(status, str) and status else "ok",
        summary={str(key): value for key, value in table.iloc[0].to_dict().items()},
        duration_s=float(duration_s if known(duration_s) else overview.edges[-1]),
        overview=overview,
        warnings=len(meta.get("warnings") or []),
        has_report=(result / REPORT_NAME).is_file(),
        people=_people(result),
    )


def _people(result: Path) -> tuple[Person, ...]:
    """The people of a result. pandas' own reader takes ten times as long for a few rows.

    Raises:
        ResultError: there is no such table, or it is damaged.
    """
    path = result / csv_name("people")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_person(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise ResultError(f"{path}: not a table of fervid ({error})") from error


def _person(row: dict[str, str]) -> Person:
    shares = {name: float(row[f"{name}_dominant"]) for name in EXPRESSIONS}
    most = max(reversed(EXPRESSIONS), key=lambda name: shares[name])
    return Person(
        face_id=int(row["face_id"]),
        name=row.get("name") or unnamed(int(row["face_id"])),
        first_s=float(row["first_seen"]),
        seen_s=float(row["seen_s"]),
        valence=float(row["valence_mean"]),
        most=(most, shares[most]),
        episodes=int(row["episodes"]),
        means=tuple(float(row[f"{name}_mean"]) for name in EXPRESSIONS),
    )
