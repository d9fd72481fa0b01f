"""The tables of photos, `faces.csv` and `photos.csv`: their columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.columns import BOX_COLUMNS, UNCERTAIN, Column, dtypes
from fervid.errors import ResultError
from fervid.photos.faces import PhotoFaces
from fervid.photos.jobs import PhotoOutcome
from fervid.records import EXPRESSIONS
from fervid.result_files import csv_name
from fervid.rows import valence

_BOX = ("left edge", "upper edge", "width", "height")

FACES = (
    Column("photo", "word", "path of the photo, from the folder that was analysed"),
    Column("face", "id", "number of the face in its photo, from left to right"),
    Column("confidence", "share", "detector score"),
    *(
        Column(name, "pixels", f"{what} of the face in the photo as displayed")
        for name, what in zip(BOX_COLUMNS, _BOX, strict=True)
    ),
    *(Column(name, "share", f"probability of {name}; the seven sum to 1") for name in EXPRESSIONS),
    Column("emotion", "word", "most probable expression"),
    Column("emotion_confidence", "share", "its probability"),
    Column("state", "word", f"the same if it is clear enough (--min-confidence), else {UNCERTAIN}"),
    Column("valence", "number", "derived: happy - strongest of angry, disgust, fear, sad"),
    Column("frontality", "share", "1 for a face seen from the front, towards 0 in profile"),
    Column("sharpness", "share", "fine detail in the face, 1 from that of typical photographs"),
)

PHOTOS = (
    Column("photo", "word", "path of the photo, from the folder that was analysed"),
    Column("status", "word", "ok, or refused: it could not be read"),
    Column("reason", "word", "why it could not"),
    Column("width", "count", "pixels of the photo as displayed; 0 if it could not be read"),
    Column("height", "count", "likewise"),
    Column("faces", "count", "rows of the table of faces"),
    Column("annotated", "word", "the picture with faces drawn in, from this folder"),
    Column("sha256", "word", "of the file; empty if that could not be read at all"),
)

PHOTO_TABLES = {"faces": FACES, "photos": PHOTOS}

FACES_NAME, PHOTOS_NAME = csv_name("faces"), csv_name("photos")

_HEAD = ",".join(column.name for column in PHOTOS[:4])


@dataclass(frozen=True)
class PhotoResult:
    """What was found in a photo.

    Attributes:
        outcome: what became of it.
        displayed: width and height in pixels, 0 if it was refused.
        sha256: of the file, in hexadecimal.
        annotated: the picture with faces drawn in, from the result folder; empty without one.
        faces: those that were found.
    """

    outcome: PhotoOutcome
    displayed: tuple[int, int] = (0, 0)
    sha256: str = ""
    annotated: str = ""
    faces: PhotoFaces = field(default_factory=PhotoFaces.empty)


def states(found: PhotoFaces, min_confidence: float) -> list[str]:
    """The most probable expression of each face, or that it is uncertain."""
    probs = found.expressions.probs
    return [
        EXPRESSIONS[best] if row[best] >= min_confidence else UNCERTAIN
        for row, best in zip(probs, probs.argmax(axis=1).tolist(), strict=True)
    ]


def face_table(found: PhotoFaces, min_confidence: float) -> pd.DataFrame:
    """One row for each face of a photo, with the columns of `FACES` but for `photo`."""
    return face_rows([("", found)], min_confidence).drop(columns="photo")


def face_rows(found: Sequence[tuple[str, PhotoFaces]], min_confidence: float) -> pd.DataFrame:
    """One row for each face of photos, given with their names, with the columns of `FACES`."""
    each = [faces for _, faces in found]
    xywh = np.concatenate([faces.faces.xywh for faces in each]).astype(np.float64)
    probs = np.concatenate([faces.expressions.probs for faces in each]).astype(np.float64)
    best = np.array(EXPRESSIONS, object)[probs.argmax(axis=1)]
    columns: dict[str, Any] = {
        "photo": _words([name for name, faces in found for _ in range(len(faces))]),
        "face": np.concatenate([np.arange(1, len(faces) + 1) for faces in each]),
        "confidence": np.concatenate([faces.faces.score for faces in each]).astype(np.float64),
        **{name: xywh[:, k] for k, name in enumerate(BOX_COLUMNS)},
        **{name: probs[:, k] for k, name in enumerate(EXPRESSIONS)},
        "emotion": _words(best),
        "emotion_confidence": probs.max(axis=1),
        "state": _words([word for faces in each for word in states(faces, min_confidence)]),
        "valence": valence(probs),
        "frontality": np.concatenate([faces.frontality for faces in each]).astype(np.float64),
        "sharpness": np.concatenate([faces.sharpness for faces in each]).astype(np.float64),
    }
    return pd.DataFrame(columns, columns=[column.name for column in FACES])


def photo_rows(results: Sequence[PhotoResult]) -> pd.DataFrame:
    """One row for each photo, with the columns of `PHOTOS`."""
    rows = [
        (
            text_of(one.outcome.photo.place),
            one.outcome.status,
            one.outcome.reason,
            *one.displayed,
            one.outcome.faces,
            text_of(one.annotated),
            one.sha256,
        )
        for one in results
    ]
    return pd.DataFrame(rows, columns=[column.name for column in PHOTOS])


def _words(words: Sequence[str] | NDArray[np.object_]) -> pd.Series[str]:
    return pd.Series(words, dtype="str")


def is_photo_result(folder: Path) -> bool:
    """Whether a folder holds a result of photos."""
    try:
        return begins_as_photos(folder)
    except OSError:
        return False


def begins_as_photos(folder: Path) -> bool:
    """The same; an OSError if that cannot be told."""
    try:
        with (folder / PHOTOS_NAME).open(encoding="utf-8", errors="replace") as file:
            return file.readline().startswith(_HEAD)
    except (FileNotFoundError, NotADirectoryError):
        return False


def text_of(name: str) -> str:
    """A file name as valid text in one line of CSV."""
    # Readers take a CR for a line's end, and Python's csv before 3.13 does not quote it.
    return name.encode("utf-8", "backslashreplace").decode().replace("\r", "\\r")


def read_photo_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`faces.csv` and `photos.csv` of a result folder.

    Raises:
        ResultError: they are missing, damaged or not fervid's.
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
        raise ResultError(f"{folder}: not a result of photos (it has no {path.name})") from error
    except (OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ResultError(f"{path}: not a table of fervid ({first})") from error
