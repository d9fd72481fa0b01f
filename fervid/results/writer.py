"""Writes the result folder `<recording>.fervid/`: tables, codebook, meta.json and report.

A folder gets its final name only when it is complete. `pandas.read_csv` reads every table without
options.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.records import Thumbnail
from fervid.results.atomic_folder import WholeFolder, sync_folder
from fervid.results.codebook import NAMED_TABLES, TABLES
from fervid.results.files import (
    AS_FOUND_NAME,
    CODEBOOK_NAME,
    FRAMES_NAME,
    META_NAME,
    PEOPLE_EDITS_NAME,
    REPORT_NAME,
    THUMBNAILS_NAME,
    begins_as_frame_table,
    csv_name,
    disk_errors,
    maps_name,
    read_frames,
    read_meta,
    read_table,
    text_file,
    thumbnail_name,
    write_codebook,
    write_rows,
)
from fervid.results.people_edits import EditedPeople
from fervid.results.row_store import RowStore
from fervid.results.rows import ROW
from fervid.results.summaries import summarize

__all__ = [
    "CODEBOOK_NAME",
    "FRAMES_NAME",
    "META_NAME",
    "REPORT_NAME",
    "ResultWriter",
    "read_frames",
    "read_meta",
    "read_table",
]


_FEW = 0.1
"""The user is warned if a smaller share of frames shows a face."""

File = TypeVar("File", IO[str], RowStore)


class Report(Protocol):
    """The interface of what makes a page from the tables while they are written."""

    def watch(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass the pieces of the frame table on unchanged, and learn from them."""

    def metadata(self, folder: Path) -> dict[str, Any]:
        """Further contents of `meta.json`."""

    def save(self, folder: Path, people: pd.DataFrame, summary: pd.DataFrame) -> None:
        """Write the page into a folder that is otherwise complete."""


class ResultWriter:
    """Writes a complete result folder, or nothing.

    Rows stream into a hidden folder beside `folder`, which `finish` renames. Leaving the context
    without `finish` removes it. Rows can be stored there until all are known.

    Args:
        folder: the result folder to write.
        overwrite: replace an earlier result; files in it that fervid did not write are kept.
        report: makes the page, such as `fervid.report.maker.ReportMaker`; None: no page.
        edited: the people after changes of the user, if there are any; the tables then name them.

    Raises:
        ResultError: `folder` exists and may not be replaced, or its parent is not writable.
    """

    def __init__(
        self,
        folder: Path,
        *,
        overwrite: bool = False,
        report: Report | None = None,
        edited: EditedPeople | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._report = report
        self._overwrite = overwrite
        with self._disk():
            self._target = self.folder.resolve()
            self._check()
        self._edited = edited
        self._tables = TABLES if edited is None else NAMED_TABLES
        self._columns = tuple(column.name for column in self._tables["frames"])
        self._whole = WholeFolder(self._target, self._outlives)
        self._rows: IO[str] | None = None
        self._store: RowStore | None = None

    @property
    def _temporary(self) -> Path:
        return self._whole.path

    def _outlives(self, name: str) -> bool:
        """Whether a file of an earlier result stays."""
        return not derived(name) or (name == AS_FOUND_NAME and self._edited is not None)

    def _check(self) -> None:
        parent = self._target.parent
        while not parent.exists():  # missing parents are created with the first row
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise ResultError(f"{self.folder.parent}: is not a writable folder")
        if not self._target.exists():
            return
        if not self._overwrite:
            raise ResultError(f"{self.folder}: already exists; use --overwrite to replace it")
        if not _is_result(self._target):
            raise ResultError(f"{self.folder}: is not a fervid result, so it is not overwritten")

    def __enter__(self) -> Self:
        try:
            with self._disk():
                self._whole.create()
                self._rows = (self._temporary / FRAMES_NAME).open("w", encoding="utf-8", newline="")
                self._rows.write(",".join(self._columns) + "\n")
                self._store = RowStore(tempfile.TemporaryFile(dir=self._temporary), ROW)
        except BaseException:
            self._discard()
            raise
        return self

    def _discard(self) -> None:
        for file in (self._rows, self._store):
            if file is not None:
                with contextlib.suppress(OSError):  # on a full disk, closing fails again
                    file.close()
        self._whole.discard()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def store(self, rows: NDArray[Any]) -> None:
        """Store the next rows (`fervid.results.rows.ROW`) for `stored` and `stored_frames`."""
        with self._disk():
            self._open(self._store).append(rows)

    def stored(self, *, back: bool = False) -> Iterator[NDArray[Any]]:
        """Yield all rows in pieces, forwards or backwards; changes to them are stored."""
        yield from self._while_disk_works(self._open(self._store).chunks(back=back))

    def stored_frames(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in pieces, with no frame split."""
        yield from self._while_disk_works(self._open(self._store).frames())

    def _while_disk_works(self, pieces: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        while True:
            with self._disk():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def append(self, frames: pd.DataFrame) -> None:
        """Write the next rows of the frame table.

        Raises:
            ValueError: the columns are not those of the codebook.
        """
        if tuple(frames.columns) != self._columns:
            raise ValueError(f"columns are {list(frames.columns)}, not those of a frame table")
        with self._disk():
            write_rows(frames, self._tables["frames"], self._open(self._rows), header=False)

    def finish(
        self, episodes: pd.DataFrame, meta: dict[str, Any], thumbnails: Sequence[Thumbnail] = ()
    ) -> None:
        """Write the other tables, metadata and report, then give the folder its final name.

        Args:
            episodes: the table of episodes.
            meta: contents of `meta.json`; `detection`, `overview` and the warning about few faces
                are added from the table.
            thumbnails: pictures of people.

        Raises:
            TypeError: `meta` contains something that JSON cannot express.
            ResultError: the disk is full, or the final name has been taken in the meantime.
        """
        rows = self._open(self._rows)
        self._rows = None
        self._open(self._store).close()
        with self._disk():
            with rows:
                _sync(rows)
            name = str((meta.get("recording") or {}).get("name") or "")
            # Readers take a CR as the end of a line, and Python's csv does not quote it before
            # 3.13.
            name = name.encode("utf-8", "backslashreplace").decode().replace("\r", "\\r")
            frames: Iterable[pd.DataFrame] = read_frames(self._temporary)
            if self._report is not None:
                frames = self._report.watch(frames)
            people, summary = summarize(frames, episodes, name, meta.get("resting_faces") or ())
            people = people if self._edited is None else self._edited.named(people)
            tables = {"episodes": episodes, "people": people, "summary": summary}
            for table, rows_of in tables.items():
                with self._new(csv_name(table)) as file:
                    write_rows(rows_of, self._tables[table], file, header=True)
            with self._new(CODEBOOK_NAME) as file:
                write_codebook(file, self._tables)
            if self._edited is not None:
                with self._new(PEOPLE_EDITS_NAME) as file:
                    file.write(self._edited.text)
            with self._new(META_NAME) as file:
                made = {} if self._report is None else self._report.metadata(self._temporary)
                detection = _detection(summary)
                warnings = [*(meta.get("warnings") or []), *few_faces(detection), *self._edits()]
                everything = {**meta, "warnings": warnings, "detection": detection, **made}
                whole = _plain(everything)
                file.write(json.dumps(whole, indent=2, allow_nan=False) + "\n")
            self._write_thumbnails(thumbnails)
            if self._report is not None:
                self._report.save(self._temporary, people, summary)
            self._check()
            self._whole.publish()

    def _edits(self) -> list[str]:
        """A line if the result that is replaced had names of people, which are not in this one."""
        if self._edited is not None or not (self._target / PEOPLE_EDITS_NAME).exists():
            return []
        file = f"{self.folder.name}/{PEOPLE_EDITS_NAME}"
        return [
            f"{file} is from an earlier analysis and was not applied; to apply it, use "
            "fervid report --people"
        ]

    def _write_thumbnails(self, thumbnails: Sequence[Thumbnail]) -> None:
        if not thumbnails:
            return
        folder = self._temporary / THUMBNAILS_NAME
        folder.mkdir()
        for one in thumbnails:
            name = thumbnail_name(one.face_id, one.expression, one.time_s)
            for path, content in ((name, one.jpeg), (maps_name(name), one.maps)):
                if content is not None:
                    with (folder / path).open("wb") as file:
                        file.write(content)
                        _sync(file)
        sync_folder(folder)

    def _new(self, name: str) -> contextlib.AbstractContextManager[IO[str]]:
        return text_file(self._temporary / name)

    def _disk(self) -> contextlib.AbstractContextManager[None]:
        return disk_errors(self.folder)

    def _open(self, file: File | None) -> File:
        if file is None:
            raise ValueError("ResultWriter was used outside its context or after finish()")
        return file


def _detection(summary: pd.DataFrame) -> dict[str, Any]:
    everyone = summary.iloc[0]
    return {
        "frames": int(everyone["frames"]),
        "frames_with_face": int(everyone["frames_with_face"]),
        "detection_rate": float(everyone["detection_rate"]),
    }


def few_faces(detection: dict[str, Any]) -> list[str]:
    """A warning if so few frames show a face that means can mislead."""
    rate = detection["detection_rate"]
    if not detection["frames"] or rate >= _FEW:
        return []
    if not detection["frames_with_face"]:
        return ["no face was found; try a larger --working-size or a lower --min-score"]
    return [
        f"only {rate:.1%} of the frames show a face; means and shares describe only these frames"
    ]


def _plain(value: Any) -> Any:
    """`value` as JSON can express it: NaN and infinity become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"meta contains a {type(value).__name__}, which JSON cannot express")


def _is_result(folder: Path) -> bool:
    """Whether `folder` is empty or contains a frame table of any version of fervid."""
    if not folder.is_dir():
        return False
    return begins_as_frame_table(folder / FRAMES_NAME) or not any(folder.iterdir())


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def derived(name: str) -> bool:
    """Whether a file was made from the tables of an earlier result and would no longer match."""
    parquet = name.removesuffix(".parquet") in TABLES and name.endswith(".parquet")
    exported = name.endswith((".openface.csv", ".pyfeat.csv", ".xlsx"))
    return name in (THUMBNAILS_NAME, AS_FOUND_NAME) or parquet or exported
