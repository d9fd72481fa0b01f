"""Writes the result folder of photos: tables, codebook, metadata, pictures and contact sheet."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Self

from fervid.errors import ResultError
from fervid.photos.columns import PHOTO_TABLES
from fervid.photos.files import FACES_NAME, PHOTOS_NAME, begins_as_photos, text_of
from fervid.photos.sheet import save_sheet
from fervid.photos.tables import PhotoResult, face_rows, photo_rows
from fervid.results.atomic_folder import WholeFolder, sync_folder
from fervid.results.files import (
    CODEBOOK_NAME,
    META_NAME,
    csv_name,
    disk_errors,
    text_file,
    write_codebook,
    write_rows,
)
from fervid.results.folder_names import file_name

ANNOTATED_NAME = "annotated"

_JPEGS = (".jpg", ".jpeg")


class PhotoFolder:
    """Writes a complete result folder of photos, or nothing.

    Args:
        folder: the result folder to write. An earlier result of photos is replaced; files in it
            that fervid did not write are kept.

    Raises:
        ResultError: something else is in its place, or its parent is not writable.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        with self._disk():
            target = self.folder.resolve()
            if target.exists() and not (begins_as_photos(target) or _is_empty(target)):
                raise ResultError(
                    f"{self.folder}: is not a result of photos, so it is not replaced"
                )
        self._whole = WholeFolder(target, lambda name: not _is_replaced(name))
        self._tables: dict[str, IO[str]] = {}
        self._taken: set[str] = set()
        self._folders: set[Path] = set()
        self._opening = threading.Lock()
        self._is_gone = False

    def __enter__(self) -> Self:
        try:
            with self._disk():
                self._whole.create()
                for name, columns in PHOTO_TABLES.items():
                    path = self._whole.path / csv_name(name)
                    self._tables[name] = path.open("w", encoding="utf-8", newline="")
                    self._tables[name].write(",".join(c.name for c in columns) + "\n")
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        with self._opening:  # no thread writes into it any more
            self._is_gone = True
        for file in self._tables.values():
            with contextlib.suppress(OSError):  # on a full disk, closing fails again
                file.close()
        self._whole.discard()

    def name_of_annotated(self, place: str) -> str:
        """A unique path, from this folder, for the annotated photo of a place."""
        path = PurePosixPath(place)
        # Files end in .jpg here, folders do not.
        folders = [f"{p}_" if p.lower().endswith(_JPEGS) else p for p in path.parent.parts]
        path = PurePosixPath(*folders, path.name)
        name = path.name if path.suffix.lower() in _JPEGS else f"{path.name}.jpg"
        name = f"{ANNOTATED_NAME}/{path.with_name(file_name(name))}"
        if name.casefold() in self._taken:
            name = f"{ANNOTATED_NAME}/{path.with_name(file_name(path.name, place) + '.jpg')}"
        self._taken.add(name.casefold())
        return name

    def write_annotated(self, name: str, jpeg: bytes) -> None:
        """Write an annotated photo; thread-safe.

        Raises:
            ResultError: the disk is full or fails.
        """
        with self._disk(), self._opened(self._whole.path / name) as file:
            file.write(jpeg)
            file.flush()
            os.fsync(file.fileno())

    def _opened(self, path: Path) -> IO[bytes]:
        with self._opening:
            if self._is_gone:
                raise FileNotFoundError(errno.ENOENT, "the folder is gone")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
            return path.open("wb")

    def append(self, results: Sequence[PhotoResult], min_confidence: float) -> None:
        """Write the rows of photos.

        Args:
            results: the results of the photos.
            min_confidence: probability below which a face's state is "uncertain".
        """
        named = [(text_of(one.outcome.photo.place), one.faces) for one in results]
        rows = {"faces": face_rows(named, min_confidence), "photos": photo_rows(results)}
        with self._disk():
            for name, table in rows.items():
                write_rows(table, PHOTO_TABLES[name], self._tables[name], header=False)

    def finish(self, meta: dict[str, Any]) -> None:
        """Write codebook, metadata and contact sheet, then give the folder its final name.

        Raises:
            ResultError: the disk is full, or the final name has been taken in the meantime.
        """
        with self._disk():
            for table in self._tables.values():
                with table:
                    table.flush()
                    os.fsync(table.fileno())
            with self._new(CODEBOOK_NAME) as file:
                write_codebook(file, PHOTO_TABLES)
            with self._new(META_NAME) as file:
                file.write(json.dumps(meta, indent=2, allow_nan=False) + "\n")
            save_sheet(self._whole.path)
            for folder in self._folders:
                sync_folder(folder)
            self._whole.publish()

    def _new(self, name: str) -> contextlib.AbstractContextManager[IO[str]]:
        return text_file(self._whole.path / name)

    def _disk(self) -> contextlib.AbstractContextManager[None]:
        return disk_errors(self.folder)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _is_replaced(name: str) -> bool:
    """Whether an entry of an earlier result is replaced or would no longer match."""
    written = (FACES_NAME, PHOTOS_NAME, CODEBOOK_NAME, META_NAME, ANNOTATED_NAME)
    return name in written or (name.startswith("report") and name.endswith(".html"))
