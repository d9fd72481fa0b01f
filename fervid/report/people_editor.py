"""Data for the page's table of people, in which readers can make changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.results.people_edits import names_of

META_KEY = "people_edits"
"""Key of the changes in `meta.json`."""

MAX_LISTED = 200
"""Most people listed: those seen longest."""


def people_file(recording: str) -> str:
    """The name of the file of changes.

    >>> people_file("my lecture.mp4")
    'my_lecture.people.csv'
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(recording).stem).strip("._")
    return f"{stem or 'recording'}.people.csv"


def listed_people(people: pd.DataFrame, meta: dict[str, Any]) -> list[dict[str, Any]]:
    """The people in order, then those who are left out.

    Args:
        people: the table of people.
        meta: contents of `meta.json`.

    Returns:
        For each person, the name, whether they are shown, when they are first and last seen in
        seconds, `parts` of the original faces, and `sources`, the same by numbers in the table.
        `from` and `to` are missing if they are the start and end.
    """
    edits = meta.get(META_KEY)
    known = edits if isinstance(edits, dict) else {}
    parts = {one["face_id"]: one["parts"] for one in known.get("people", ())}
    longest = set(people.nlargest(MAX_LISTED, "faces")["face_id"])
    names = names_of(people)
    shown = [
        {
            "name": names[face],
            "shown": True,
            "seen": [float(first), float(last)],
            "parts": parts.get(face, [{"face": face}]),
            "sources": [{"id": face}],
        }
        for face, first, last in zip(
            *(people[name] for name in ("face_id", "first_seen", "last_seen")), strict=True
        )
        if face in longest
    ]
    return shown + [
        {"name": one["name"], "shown": False, "seen": one["seen"], "parts": one["parts"]}
        | {"sources": []}
        for one in known.get("left_out", ())
    ]
