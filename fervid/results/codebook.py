"""The codebook: unit and meaning of every column of every table. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fervid.records import EXPRESSIONS

Kind = Literal["count", "id", "flag", "seconds", "pixels", "share", "number", "nats", "word"]

UNITS: dict[Kind, str] = {
    "count": "",
    "id": "",
    "flag": "0 or 1",
    "seconds": "s",
    "pixels": "px",
    "share": "0 to 1",
    "number": "",
    "nats": "nats",
    "word": "",
}

UNCERTAIN = "uncertain"
"""The state of a face that shows no expression clearly enough."""

STATES = (*EXPRESSIONS, UNCERTAIN)

FOUND, GIVEN, UNKNOWN, UNUSED = RESTING = ("found", "given", "unknown", "unused")
"""Where a person's resting face comes from: the recording, --baseline, nowhere, or not used."""

OK, LOST = STATUSES = ("ok", "lost")
"""Whether a frame could be decoded."""

BOX_COLUMNS = ("face_x", "face_y", "face_w", "face_h")
SMOOTH_COLUMNS = tuple(f"smooth_{name}" for name in EXPRESSIONS)
CHANGE_COLUMNS = tuple(f"change_{name}" for name in EXPRESSIONS if name != "neutral")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, the kind of its values, and their meaning."""

    name: str
    kind: Kind
    meaning: str


def _frames() -> list[Column]:
    box = ("left edge", "upper edge", "width", "height")
    return [
        Column(
            "frame",
            "count",
            "position of the frame in the recording, from 0; lost frames are counted",
        ),
        Column(
            "timestamp", "seconds", "time of the frame, counted from the start of the recording"
        ),
        Column(
            "face_id", "id", "number of the person in this recording; empty if there is no face"
        ),
        Column(
            "success",
            "flag",
            "1 if the row describes a face; 0 if the frame has no face, and all "
            "later columns except status are empty",
        ),
        Column("confidence", "share", "score of the face detector"),
        *(
            Column(name, "pixels", f"{what} of the face in the displayed frame")
            for name, what in zip(BOX_COLUMNS, box, strict=True)
        ),
        *(
            Column(name, "share", f"probability of {name} in this frame; the seven sum to 1")
            for name in EXPRESSIONS
        ),
        Column("emotion", "word", "most probable expression in this frame"),
        Column("emotion_confidence", "share", "probability of the most probable expression"),
        Column(
            "valence",
            "number",
            "happy minus the strongest of angry, disgust, fear and sad; derived, not measured",
        ),
        Column(
            "frontality",
            "share",
            "1 if the face is seen from the front, 0.7 if turned by 45 degrees, near 0 in profile",
        ),
        Column(
            "filled", "flag", "1 if the detector missed the face here; its box is then interpolated"
        ),
        Column("duration", "seconds", "time until the next sampled frame"),
        Column(
            "sharpness", "share", "fine detail in the face; 1 is as sharp as a typical photograph"
        ),
        Column(
            "covered",
            "share",
            "probability that the mouth is hidden, by a mask or a hand for example",
        ),
        Column(
            "weight",
            "share",
            "weight of this row: score x size x sharpness x frontality; near 0 if covered",
        ),
        *(
            Column(
                column,
                "share",
                f"smoothed probability of {name}, compared with the resting "
                "face; the seven sum to 1",
            )
            for column, name in zip(SMOOTH_COLUMNS, EXPRESSIONS, strict=True)
        ),
        Column("smooth_valence", "number", "valence of the smoothed probabilities"),
        Column(
            "intensity",
            "share",
            "strength of the change from the resting face; 1 is the average expression in FER-2013",
        ),
        *(
            Column(column, "nats", f"change of {column[7:]} from this person's resting face")
            for column in CHANGE_COLUMNS
        ),
        Column("state", "word", f"expression of the episode that this row is in, else {UNCERTAIN}"),
        Column("status", "word", f"{OK}, or {LOST} if the frame could not be decoded"),
    ]


def _episodes() -> list[Column]:
    return [
        Column("face_id", "id", "number of the person"),
        Column("expression", "word", "the expression"),
        Column("onset", "seconds", "time of the first frame"),
        Column("offset", "seconds", "time of the frame after the last one"),
        Column("duration", "seconds", "offset minus onset"),
        Column("first_frame", "count", "number of the first frame"),
        Column("last_frame", "count", "number of the last frame"),
        Column("peak", "share", "highest smoothed probability"),
        Column("peak_time", "seconds", "time of the highest smoothed probability"),
        Column("mean", "share", "mean smoothed probability"),
        Column(
            "previous",
            "word",
            "expression of the episode that ends where this one begins; empty if none does",
        ),
    ]


def _statistics() -> list[Column]:
    """The columns that people and recordings share."""
    probability = "smoothed probability of {name}"
    of_each = {
        "mean": ("share", f"mean {probability}"),
        "median": ("share", f"median {probability}"),
        "sd": ("share", f"sample standard deviation of the {probability}"),
        "max": ("share", f"highest {probability}"),
        "dominant": (
            "share",
            "share of faces in which {name} has the highest smoothed probability",
        ),
        "time": ("share", "share of seen_s that is in episodes of {name}"),
    }
    return [
        Column(
            "frames",
            "count",
            "number of sampled frames; for a person, from their first to their last",
        ),
        Column(
            "frames_with_face",
            "count",
            "number of these frames that show a face; for a person, this person's",
        ),
        Column("detection_rate", "share", "frames_with_face divided by frames"),
        Column(
            "faces",
            "count",
            "number of rows of the frame table that show a face; covered faces are left out of the "
            "means below",
        ),
        Column("first_seen", "seconds", "time at which a face is first seen"),
        Column("last_seen", "seconds", "time at which a face is last seen"),
        Column("seen_s", "seconds", "total time in which faces are seen, summed over people"),
        Column("valence_mean", "number", "mean of smooth_valence"),
        *(
            Column(f"{name}_{what}", kind, meaning.format(name=name))  # type: ignore[arg-type]
            for what, (kind, meaning) in of_each.items()
            for name in EXPRESSIONS
        ),
        Column("uncertain_time", "share", "share of seen_s that is in no episode"),
        Column("episodes", "count", "number of episodes of all expressions"),
        Column(
            "transitions",
            "count",
            "number of episodes that begin where one of another expression ends",
        ),
    ]


FRAMES, EPISODES = tuple(_frames()), tuple(_episodes())
PEOPLE = (
    Column("face_id", "id", "number of the person in this recording"),
    *_statistics(),
    Column(
        "resting_face",
        "word",
        f"where the resting face is from: {FOUND} in the recording, "
        f"{GIVEN} by --baseline, {UNKNOWN}, or {UNUSED} with --reading absolute",
    ),
    Column("rest_s", "seconds", "approximate time for which this person shows the resting face"),
    Column("rest_rows", "count", "approximate number of rows that show the resting face"),
    Column("rest_visits", "count", "number of periods in which this person shows the resting face"),
    Column(
        "rest_spread",
        "nats",
        "standard deviation of single rows that show the resting face, averaged over expressions",
    ),
)
SUMMARY = (
    Column("recording", "word", "file name"),
    Column("people", "count", "number of people"),
    *_statistics(),
    Column(
        "lost_frames",
        "count",
        "number of sampled frames that could not be decoded; not counted in frames",
    ),
)

_DTYPES: dict[Kind, str] = {"count": "int64", "id": "int64", "flag": "Int64", "word": "str"}


def dtypes(columns: Sequence[Column]) -> dict[str, str]:
    """The pandas dtypes of columns, by name."""
    return {column.name: _DTYPES.get(column.kind, "float64") for column in columns}


TABLES = {"frames": FRAMES, "episodes": EPISODES, "people": PEOPLE, "summary": SUMMARY}

_FOUND_AS = "number of this person before people were named, merged or split"
_NAME = Column("name", "word", "name of the person")
NAMED: dict[str, tuple[Column, ...]] = {
    "frames": (Column("found_as", "id", _FOUND_AS), _NAME),
    "episodes": (Column("found_as", "id", _FOUND_AS), _NAME),
    "people": (Column("found_as", "word", f"{_FOUND_AS}; several are separated by spaces"), _NAME),
    "summary": (),
}
"""Further columns of results whose people somebody named, merged, split or left out."""

NAMED_TABLES = {name: (*columns, *NAMED[name]) for name, columns in TABLES.items()}

FRAME_COLUMNS, EPISODE_COLUMNS, PEOPLE_COLUMNS, SUMMARY_COLUMNS = (
    tuple(column.name for column in table) for table in TABLES.values()
)
