"""The columns of the tables of photos, `faces.csv` and `photos.csv`. Imports nothing heavy."""

from __future__ import annotations

from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS, UNCERTAIN, Column

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
