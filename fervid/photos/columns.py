"""The columns of the tables of photos, `faces.csv` and `photos.csv`. Imports nothing heavy."""

from __future__ import annotations

from fervid.records import EXPRESSIONS
from fervid.results.codebook import BOX_COLUMNS, UNCERTAIN, Column

_BOX = ("left edge", "upper edge", "width", "height")

FACES = (
    Column("photo", "word", "path of the photo relative to the analysed folder"),
    Column("face", "id", "number of the face in its photo, from left to right"),
    Column("confidence", "share", "score of the face detector"),
    *(
        Column(name, "pixels", f"{what} of the face in the displayed photo")
        for name, what in zip(BOX_COLUMNS, _BOX, strict=True)
    ),
    *(Column(name, "share", f"probability of {name}; the seven sum to 1") for name in EXPRESSIONS),
    Column("emotion", "word", "most probable expression"),
    Column("emotion_confidence", "share", "probability of the most probable expression"),
    Column(
        "state",
        "word",
        f"most probable expression if it reaches --min-confidence, else {UNCERTAIN}; "
        f"{UNCERTAIN} if the face is covered",
    ),
    Column(
        "valence",
        "number",
        "happy minus the strongest of angry, disgust, fear and sad; derived, not measured",
    ),
    Column("frontality", "share", "1 if the face is seen from the front, near 0 in profile"),
    Column("sharpness", "share", "fine detail in the face; 1 is as sharp as a typical photograph"),
    Column(
        "covered", "share", "probability that the mouth is hidden, by a mask or a hand for example"
    ),
)

PHOTOS = (
    Column("photo", "word", "path of the photo relative to the analysed folder"),
    Column("status", "word", "ok, or refused if the photo could not be read"),
    Column("reason", "word", "why the photo was refused"),
    Column("width", "count", "size of the displayed photo; 0 if it could not be read"),
    Column("height", "count", "likewise"),
    Column("faces", "count", "number of faces"),
    Column("annotated", "word", "path of the photo with its faces marked, relative to this folder"),
    Column("sha256", "word", "sha256 of the file; empty if it could not be read"),
)

PHOTO_TABLES = {"faces": FACES, "photos": PHOTOS}
