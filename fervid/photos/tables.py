"""Results of photos, and the tables made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.photos.columns import FACES, PHOTOS
from fervid.photos.faces import PhotoFaces
from fervid.photos.files import text_of
from fervid.photos.jobs import PhotoOutcome
from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS, UNCERTAIN
from fervid.results.rows import valence


@dataclass(frozen=True)
class PhotoResult:
    """The result of one photo.

    Attributes:
        outcome: the outcome.
        displayed: displayed width and height in pixels; 0 if it was refused.
        sha256: sha256 of the file in hexadecimal.
        annotated: path of the annotated photo from the result folder; empty if there is none.
        faces: the faces found.
    """

    outcome: PhotoOutcome
    displayed: tuple[int, int] = (0, 0)
    sha256: str = ""
    annotated: str = ""
    faces: PhotoFaces = field(default_factory=PhotoFaces.empty)


def states(found: PhotoFaces, min_confidence: float) -> list[str]:
    """The state of each face: its most probable expression, or uncertain."""
    shown = found.expressions
    best = shown.probs.argmax(axis=1)
    known = (shown.probs.max(axis=1) >= min_confidence) & ~shown.is_covered
    return [EXPRESSIONS[one] if sure else UNCERTAIN for one, sure in zip(best, known, strict=True)]


def face_table(found: PhotoFaces, min_confidence: float) -> pd.DataFrame:
    """One row for each face of a photo, with the columns of `FACES` except `photo`."""
    return face_rows([("", found)], min_confidence).drop(columns="photo")


def face_rows(found: Sequence[tuple[str, PhotoFaces]], min_confidence: float) -> pd.DataFrame:
    """One row for each face of named photos, with the columns of `FACES`."""
    each = [faces for _, faces in found]
    xywh = np.concatenate([faces.faces.xywh for faces in each]).astype(np.float64)
    probs = np.concatenate([faces.expressions.probs for faces in each]).astype(np.float64)
    best = np.array(EXPRESSIONS, object)[probs.argmax(axis=1)]
    columns: dict[str, Any] = {
        "photo": _text_column([name for name, faces in found for _ in range(len(faces))]),
        "face": np.concatenate([np.arange(1, len(faces) + 1) for faces in each]),
        "confidence": np.concatenate([faces.faces.score for faces in each]).astype(np.float64),
        **{name: xywh[:, k] for k, name in enumerate(BOX_COLUMNS)},
        **{name: probs[:, k] for k, name in enumerate(EXPRESSIONS)},
        "emotion": _text_column(best),
        "emotion_confidence": probs.max(axis=1),
        "state": _text_column([word for faces in each for word in states(faces, min_confidence)]),
        "valence": valence(probs),
        "frontality": np.concatenate([faces.frontality for faces in each]).astype(np.float64),
        "sharpness": np.concatenate([faces.sharpness for faces in each]).astype(np.float64),
        "covered": np.concatenate([f.expressions.covered for f in each]).astype(np.float64),
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


def _text_column(words: Sequence[str] | NDArray[np.object_]) -> pd.Series[str]:
    return pd.Series(words, dtype="str")
