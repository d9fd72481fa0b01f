"""Reads changes to people: names, merges, splits, exclusions and order."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.results.user_tables import read_csv_table
from fervid.settings import seconds_of

COLUMNS = ("face_id", "name", "from", "to", "show")
"""Columns of the file; all except `face_id` are optional."""

LEFT_OUT = -1
_LONGEST_NAME = 60
_NO = ("no", "0", "false")
_YES = ("", "yes", "1", "true")
_EMPTY_WORDS = ("na", "n/a", "nan", "null", "none", "#n/a", "<na>")
"""Words that programs read as an empty cell."""

_FORMULA = ("=", "+", "-", "@")
_UNNAMED = re.compile(r"face (\d+)")


def unnamed(face_id: int) -> str:
    """The name of a person without a given name.

    >>> unnamed(2)
    'face 2'
    """
    return f"face {face_id}"


def names_of(people: pd.DataFrame) -> dict[int, str]:
    """Names of the people in a table of people, in its order."""
    ids = [int(face) for face in people["face_id"]]
    if "name" not in people:
        return {face: unnamed(face) for face in ids}
    return dict(zip(ids, people["name"].astype(str), strict=True))


@dataclass(frozen=True)
class Part:
    """A face in a stretch of time, and who it is.

    Attributes:
        face_id: the original number.
        name: name of the person; empty: the face keeps its number.
        start_s, end_s: seconds, `start_s` <= time < `end_s`.
        shown: whether the part is in the tables.
    """

    face_id: int
    name: str = ""
    start_s: float = 0.0
    end_s: float = math.inf
    shown: bool = True

    @property
    def person(self) -> str:
        """The name of the person."""
        return self.name or unnamed(self.face_id)


@dataclass(frozen=True)
class Person:
    """A person in the tables: number, name, and parts sorted by face and time."""

    face_id: int
    name: str
    parts: tuple[Part, ...]

    @property
    def found_as(self) -> str:
        """The original numbers, separated by spaces."""
        return " ".join(map(str, dict.fromkeys(part.face_id for part in self.parts)))


@dataclass(frozen=True)
class EditedPeople:
    """The people in a recording, after changes.

    Attributes:
        people: the people, in order.
        parts: all parts of all faces, including those left out, sorted by face and time.
        text: the changes as a CSV; see `read_edits`.
    """

    people: tuple[Person, ...]
    parts: tuple[Part, ...]
    text: str

    def person_indices(
        self, found_as: NDArray[np.int64], time_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """(N,) indices in `people` of (N,) faces at (N,) seconds; `LEFT_OUT` if left out."""
        place = {person.name: k for k, person in enumerate(self.people)}
        persons = np.full(len(found_as), LEFT_OUT, np.int64)
        for part in self.parts:
            mine = (found_as == part.face_id) & (time_s >= part.start_s) & (time_s < part.end_s)
            persons[mine] = place[part.person] if part.shown else LEFT_OUT
        return persons

    def cuts_of(self, face_id: int) -> list[float]:
        """Times in seconds at which a face changes to another person or is left out, ascending."""
        mine = [part for part in self.parts if part.face_id == face_id]
        changes = pairwise(mine)
        return [b.start_s for a, b in changes if (a.person, a.shown) != (b.person, b.shown)]

    def named(self, people: pd.DataFrame) -> pd.DataFrame:
        """The table of people in the new order, with `found_as` and `name`."""
        order = {person.face_id: k for k, person in enumerate(self.people)}
        table = people.iloc[np.argsort(people["face_id"].map(order).to_numpy(), kind="stable")]
        places = table["face_id"].map(order)
        return table.reset_index(drop=True).assign(
            found_as=[self.people[k].found_as for k in places],
            name=[self.people[k].name for k in places],
        )


def read_edits(path: Path) -> list[Part]:
    """Read a file of changes: a row for each face, or for each part of a split face.

    Rows with the same name are one person. `from` and `to` are times (seconds, m:ss or h:mm:ss);
    `show` is yes or no. The rows give the order of the people.

    Raises:
        ResultError: the file cannot be read, or a row is invalid.
    """
    table = read_csv_table(path)
    if "face_id" not in table:
        raise ResultError(f"{path}: has no column 'face_id'; its columns should be {COLUMNS}")
    if more := [name for name in table if name not in COLUMNS]:
        people = "is the table of people, not a file of changes"
        what = people if "resting_face" in more else f"has an unknown column {more[0]!r}"
        raise ResultError(f"{path}: {what}; columns of changes are {', '.join(COLUMNS)}")
    rows = table.reindex(columns=list(COLUMNS), fill_value="").to_dict("records")
    return [_part(row, f"{path}: row {number}") for number, row in enumerate(rows, 2)]


def _part(row: Mapping[Hashable, str], where: str) -> Part:
    number, shown = row["face_id"].removeprefix("face ").strip(), row["show"].lower()
    if not number.isdecimal():
        raise ResultError(f"{where}: face_id {row['face_id']!r} is not the number of a face")
    if shown not in (*_YES, *_NO):
        raise ResultError(f"{where}: show {row['show']!r} is neither yes nor no")
    start_s, end_s = _time(row["from"], 0.0, where), _time(row["to"], math.inf, where)
    if not start_s < end_s:
        raise ResultError(f"{where}: ends at {row['to']}, before its start at {row['from']}")
    return Part(int(number), _name(row["name"], where), start_s, end_s, shown not in _NO)


def _time(text: str, otherwise: float, where: str) -> float:
    try:
        return seconds_of(text) if text else otherwise
    except ValueError as error:
        raise ResultError(f"{where}: {error}") from None


def _name(name: str, where: str) -> str:
    reason = ""
    if len(name) > _LONGEST_NAME:
        reason = f"is longer than {_LONGEST_NAME} characters"
    elif not name.isprintable():
        reason = "contains characters that cannot be displayed"
    elif name.startswith(_FORMULA):
        reason = f"begins with {name[0]}, which spreadsheets take for a formula"
    elif name.lower() in _EMPTY_WORDS:
        reason = "is read as an empty cell by other programs"
    if reason:
        raise ResultError(f"{where}: the name {name[:20]!r} {reason}; choose another one")
    return name


def edited_people(parts: Sequence[Part], found: pd.DataFrame) -> EditedPeople:
    """The people of a recording, from the rows of a file of changes.

    Args:
        parts: the rows, in order.
        found: the original table of people.

    Raises:
        ResultError: a face is unknown, is not seen at the time, or is two people at once; or a name
            is the number of another face.
    """
    ids = [int(face) for face in found["face_id"]]
    _check(parts, found)
    seen = zip(ids, found["first_seen"].tolist(), found["last_seen"].tolist(), strict=True)
    whole = [part for face, *span in seen for part in _filled(face, parts, *span)]
    names = [*dict.fromkeys(part.person for part in (*parts, *whole) if part.shown)]
    names = [name for name in names if any(one.shown and one.person == name for one in whole)]
    numbers = _numbers(whole, ids)
    people = tuple(
        Person(numbers[name], name, tuple(p for p in whole if p.shown and p.person == name))
        for name in names
    )
    return EditedPeople(people, tuple(whole), _csv_of(parts))


def _check(parts: Sequence[Part], found: pd.DataFrame) -> None:
    seen = found.set_index("face_id")[["first_seen", "last_seen"]].to_dict("index")
    called = {part.face_id: part.name for part in parts if part.name}
    for part in parts:
        if part.face_id not in seen:
            known = ", ".join(map(str, [*seen][:8])) + (" …" if len(seen) > 8 else "")
            raise ResultError(f"there is no face {part.face_id}; face ids are {known or 'none'}")
        first, last = seen[part.face_id]["first_seen"], seen[part.face_id]["last_seen"]
        if part.start_s > last or part.end_s <= first:
            end = " s on" if part.end_s == math.inf else f" to {part.end_s:g} s"
            raise ResultError(
                f"face {part.face_id} is not seen from {part.start_s:g}{end}, only "
                f"from {first:g} to {last:g} s"
            )
        other = _UNNAMED.fullmatch(part.name)
        if other and int(other[1]) != part.face_id:
            number = int(other[1])
            own = called.get(number, "")
            if number not in seen or own not in ("", part.name):
                there = f"face {number} is called {own!r}"
                why = there if number in seen else f"there is no face {number}"
                raise ResultError(f"face {part.face_id} is called {part.name!r}, but {why}")


def _filled(face_id: int, parts: Sequence[Part], first_s: float, last_s: float) -> list[Part]:
    """The parts of a face by time, with unnamed parts for the gaps between them."""
    mine = sorted((part for part in parts if part.face_id == face_id), key=lambda p: p.start_s)
    filled, end_s = list[Part](), 0.0
    for part in [*mine, Part(face_id, "", math.inf)]:
        if part.start_s < end_s:
            raise ResultError(
                f"face {face_id} is {filled[-1].person!r} and {part.person!r} at the same time, "
                f"at {part.start_s:g} s"
            )
        if part.start_s > end_s and end_s <= last_s and part.start_s > first_s:
            filled.append(Part(face_id, "", end_s, part.start_s))
        filled += [part] if part.start_s < math.inf else []
        end_s = part.end_s
    return filled


def _numbers(parts: Sequence[Part], ids: Sequence[int]) -> dict[str, int]:
    """A number for each person: one of their original numbers, if it is free.

    A person called "face 2" keeps the number 2. Numbers depend only on which faces are the same
    person, so new names or another order do not change them.
    """
    numbers = {unnamed(face): face for face in ids}
    numbers = {part.person: numbers[part.person] for part in parts if part.person in numbers}
    taken = set(numbers.values())
    for part in parts:
        if part.shown and part.person not in numbers and part.face_id not in taken:
            numbers[part.person] = part.face_id
            taken.add(part.face_id)
    for part in parts:
        if part.shown and part.person not in numbers:
            numbers[part.person] = max(taken | set(ids)) + 1
            taken.add(numbers[part.person])
    return numbers


def _csv_of(parts: Sequence[Part]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in parts:
        times = [_written(part.start_s), _written(part.end_s)]
        writer.writerow((part.face_id, part.name, *times, "yes" if part.shown else "no"))
    return file.getvalue()


def _written(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") if 0 < seconds < math.inf else ""
