"""Reads the tables in a result folder of photos."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fervid.errors import ResultError
from fervid.photos.columns import PHOTO_TABLES, PHOTOS
from fervid.results.codebook import dtypes
from fervid.results.files import csv_name

FACES_NAME, PHOTOS_NAME = csv_name("faces"), csv_name("photos")

_HEAD = ",".join(column.name for column in PHOTOS[:4])


def is_photo_result(folder: Path) -> bool:
    """Whether a folder contains a result of photos."""
    try:
        return begins_as_photos(folder)
    except OSError:
        return False


def begins_as_photos(folder: Path) -> bool:
    """Like `is_photo_result`, but raises OSError if the folder cannot be read."""
    try:
        with (folder / PHOTOS_NAME).open(encoding="utf-8", errors="replace") as file:
            return file.readline().startswith(_HEAD)
    except (FileNotFoundError, NotADirectoryError):
        return False


def text_of(name: str) -> str:
    """A file name as valid text on one line of CSV."""
    # Readers take a CR as the end of a line, and Python's csv does not quote it before 3.13.
    return name.encode("utf-8", "backslashreplace").decode().replace("\r", "\\r")


def read_photo_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read `faces.csv` and `photos.csv` of a result folder.

    Raises:
        ResultError: they are missing, damaged or not written by fervid.
    """
    faces, photos = (_read(folder, name) for name in PHOTO_TABLES)
    return faces, photos


def _read(folder: Path, name: str) -> pd.DataFrame:
    path, types = Path(folder) / csv_name(name), dtypes(PHOTO_TABLES[name])
    words = {column: "str" for column, kind in types.items() if kind == "str"}
    try:
        table = pd.read_csv(path, dtype=words, keep_default_na=False, na_values={})
        if tuple(table.columns) != tuple(types):
            raise ValueError("its columns are different")
        return table.astype(types)
    except FileNotFoundError as error:
        raise ResultError(f"{folder}: is not a result of photos (it has no {path.name})") from error
    except (OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ResultError(f"{path}: is not a table of fervid ({first})") from error
