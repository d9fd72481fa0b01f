"""The codebook: every column of every table, with its unit and meaning. Imports nothing heavy."""

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

FOUND, TOLD, UNKNOWN, UNUSED = RESTING = ("found", "told", "unknown", "unused")
"""How a person's resting face is known; unused: nobody is compared with theirs."""

OK, LOST = STATUSES = ("ok", "lost")
"""Whether a frame could be decoded."""

BOX_COLUMNS = ("face_x", "face_y", "face_w", "face_h")
SMOOTH_COLUMNS = tuple(f"smooth_{name}" for name in EXPRESSIONS)
CHANGE_COLUMNS = tuple(f"change_{name}" for name in EXPRESSIONS if name != "neutral")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, what kind of values it holds, and what they mean."""

    name: str
    kind: Kind
    meaning: str


def _frames() -> list[Column]:
    box = ("left edge", "upper edge", "width", "height")
    return [
        Column("frame", "count", "position in presentation order from 0; lost frames count, too"),
        Column("timestamp", "seconds", "presentation time, counted from the recording's start"),
        Column("face_id", "id", "number of a person within this recording; empty without a face"),
        Column("success", "flag", "1 for a face; 0 for a frame without any, empty but for status"),
        Column("confidence", "share", "detector score"),
        *(
            Column(name, "pixels", f"{what} of the face in the displayed frame")
            for name, what in zip(BOX_COLUMNS, box, strict=True)
        ),
        *(
            Column(name, "share", f"probability of {name} in this frame; the seven sum to 1")
            for name in EXPRESSIONS
        ),
        Column("emotion", "word", "most probable expression in this frame"),
        Column("emotion_confidence", "share", "its probability"),
        Column("valence", "number", "derived: happy - strongest of angry, disgust, fear, sad"),
        Column(
            "frontality",
            "share",
            "1 for a face seen from the front, .7 turned by 45 degrees, towards 0 in profile",
        ),
        Column("filled", "flag", "1 if the detector missed the face here; its box is then a guess"),
        Column("duration", "seconds", "time until the next sampled frame"),
        Column(
            "sharpness", "share", "fine detail in the face; 1 is as much as in typical photographs"
        ),
        Column(
            "weight",
            "share",
            "how much this row counts: score x size x sharpness x how far it faces the camera",
        ),
        *(
            Column(column, "share", f"probability of {name} compared with rest, smoothed; sum 1")
            for column, name in zip(SMOOTH_COLUMNS, EXPRESSIONS, strict=True)
        ),
        Column("smooth_valence", "number", "valence of the smoothed values"),
        Column("intensity", "share", "how much is shown here; 1: as in FER-2013 on average"),
        *(
            Column(column, "nats", f"change of {column[7:]} from this person's resting face")
            for column in CHANGE_COLUMNS
        ),
        Column("state", "word", f"expression of the episode this row is in, else {UNCERTAIN}"),
        Column("status", "word", f"{OK}, or {LOST}: the frame could not be decoded"),
    ]


def _episodes() -> list[Column]:
    return [
        Column("face_id", "id", "number of the person"),
        Column("expression", "word", "the expression"),
        Column("onset", "seconds", "time of its first frame"),
        Column("offset", "seconds", "time of the frame after its last one"),
        Column("duration", "seconds", "offset - onset"),
        Column("first_frame", "count", "its first frame"),
        Column("last_frame", "count", "its last frame"),
        Column("peak", "share", "highest smoothed probability"),
        Column("peak_time", "seconds", "time of the peak"),
        Column("mean", "share", "mean smoothed probability"),
        Column("previous", "word", "expression of the episode directly before"),
    ]


def _statistics() -> list[Column]:
    """What is told of a person and of a recording alike."""
    probability = "smoothed probability of {name}"
    of_each = {
        "mean": ("share", f"mean {probability}"),
        "median": ("share", f"median {probability}"),
        "sd": ("share", f"sample standard deviation of the {probability}"),
        "max": ("share", f"highest {probability}"),
        "dominant": ("share", "share of faces in which {name} is most probable, smoothed"),
        "time": ("share", "share of seen_s in episodes of {name}"),
    }
    return [
        Column(
            "frames",
            "count",
            "sampled frames: all, or from the first to the last with this person",
        ),
        Column("frames_with_face", "count", "those that show a face (this one)"),
        Column("detection_rate", "share", "frames_with_face / frames"),
        Column("faces", "count", "rows of the frame table that went into the numbers below"),
        Column("first_seen", "seconds", "time of the first face"),
        Column("last_seen", "seconds", "time of the last face"),
        Column("seen_s", "seconds", "how long faces are seen, summed over people"),
        Column("valence_mean", "number", "mean of smooth_valence"),
        *(
            Column(f"{name}_{what}", kind, meaning.format(name=name))  # type: ignore[arg-type]
            for what, (kind, meaning) in of_each.items()
            for name in EXPRESSIONS
        ),
        Column("uncertain_time", "share", "share of seen_s in no episode"),
        Column("episodes", "count", "episodes of any expression"),
        Column("transitions", "count", "episodes straight after one of another expression"),
    ]


FRAMES, EPISODES = tuple(_frames()), tuple(_episodes())
PEOPLE = (
    Column("face_id", "id", "number of a person within this recording"),
    *_statistics(),
    Column("resting_face", "word", f"{FOUND} or {TOLD}; if {UNKNOWN} or {UNUSED}, see --reading"),
    Column("rest_s", "seconds", "how long this person rests, about"),
    Column("rest_rows", "count", "about how many rows that is"),
    Column("rest_visits", "count", "how often this person comes to rest"),
    Column("rest_spread", "nats", "standard deviation of single rows at rest, mean of expressions"),
)
SUMMARY = (
    Column("recording", "word", "file name"),
    Column("people", "count", "how many face ids"),
    *_statistics(),
    Column("lost_frames", "count", "sampled frames that could not be decoded; not among frames"),
)

_DTYPES: dict[Kind, str] = {"count": "int64", "id": "int64", "flag": "Int64", "word": "str"}


def dtypes(columns: Sequence[Column]) -> dict[str, str]:
    """What pandas calls the types of their values."""
    return {column.name: _DTYPES.get(column.kind, "float64") for column in columns}


TABLES = {"frames": FRAMES, "episodes": EPISODES, "people": PEOPLE, "summary": SUMMARY}

_FOUND_AS = "number of this person before people were named, merged or split"
_NAME = Column("name", "word", "what the person is called")
NAMED: dict[str, tuple[Column, ...]] = {
    "frames": (Column("found_as", "id", _FOUND_AS), _NAME),
    "episodes": (Column("found_as", "id", _FOUND_AS), _NAME),
    "people": (Column("found_as", "word", f"{_FOUND_AS}; several with spaces between"), _NAME),
    "summary": (),
}
"""Further columns of results whose people somebody named, merged, split or left out."""

NAMED_TABLES = {name: (*columns, *NAMED[name]) for name, columns in TABLES.items()}

FRAME_COLUMNS, EPISODE_COLUMNS, PEOPLE_COLUMNS, SUMMARY_COLUMNS = (
    tuple(column.name for column in table) for table in TABLES.values()
)
