"""The tables of photos, `faces.csv` and `photos.csv`: their columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fervid.columns import BOX_COLUMNS, UNCERTAIN, Column
from fervid.photos.faces import PhotoFaces
from fervid.records import EXPRESSIONS
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
    Column("sha256", "word", "of the file"),
)

PHOTO_TABLES = {"faces": FACES, "photos": PHOTOS}

OF_ONE = tuple(column.name for column in FACES if column.name != "photo")
"""Columns of the faces of one photo."""


def states(found: PhotoFaces, min_confidence: float) -> list[str]:
    """The most probable expression of each face, or that it is uncertain."""
    probs = found.expressions.probs
    return [
        EXPRESSIONS[best] if row[best] >= min_confidence else UNCERTAIN
        for row, best in zip(probs, probs.argmax(axis=1).tolist(), strict=True)
    ]


def face_table(found: PhotoFaces, min_confidence: float) -> pd.DataFrame:
    """One row for each face of a photo, with the columns `OF_ONE`."""
    faces, probs = found.faces, found.expressions.probs.astype(np.float64)
    names = np.array(EXPRESSIONS, object)
    columns: dict[str, Any] = {
        "face": np.arange(1, len(found) + 1),
        "confidence": faces.score.astype(np.float64),
        **{name: faces.xywh[:, k].astype(np.float64) for k, name in enumerate(BOX_COLUMNS)},
        **{name: probs[:, k] for k, name in enumerate(EXPRESSIONS)},
        "emotion": pd.Series(names[probs.argmax(axis=1)], dtype="str"),
        "emotion_confidence": probs.max(axis=1),
        "state": pd.Series(states(found, min_confidence), dtype="str"),
        "valence": valence(probs),
        "frontality": found.frontality.astype(np.float64),
        "sharpness": found.sharpness.astype(np.float64),
    }
    return pd.DataFrame(columns, columns=list(OF_ONE))


def of_photo(photo: str, faces: pd.DataFrame) -> pd.DataFrame:
    """The faces of a photo with its name before them, as in `faces.csv`."""
    named = faces.copy()
    named.insert(0, "photo", pd.Series([photo] * len(faces), dtype="str"))
    return named


def empty(columns: Sequence[Column]) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame(columns=[column.name for column in columns])
