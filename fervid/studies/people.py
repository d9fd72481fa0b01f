"""The people of a study: their series, who they are, and which rules exclude them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.results.people_edits import unnamed
from fervid.studies.areas import Area, named_area
from fervid.studies.matching import RecordingIndex, first_few
from fervid.studies.rules import Rules, Tally
from fervid.studies.series import Series
from fervid.studies.sources import KNOWN_REST, Measure, Source, columns_of

OWN_COLUMNS = ("recording", "face_id", "participant", "offset")
"""Columns of a table of people with a fixed meaning; others can be groups or anything else."""

BYSTANDER = "not the participant (another person in the recording is seen longer)"
NO_REST = "resting face unknown"
NO_AREA = "outside all areas"


@dataclass(frozen=True)
class Person:
    """A person in one recording.

    Attributes:
        recording: path of the result.
        face_id: number within the recording.
        name: the participant, as named in the table of people; may be the same in several
            recordings.
        about: further columns of the tables, and `area`.
        series: values over time, without rows that rules exclude.
        episodes: rows of the table of episodes.
        present: share of the recording in which the face is usable.
    """

    recording: str
    face_id: int
    name: str
    about: dict[str, str]
    series: Series
    episodes: pd.DataFrame
    present: float


@dataclass
class PeopleReader:
    """Reads the people in results, one result at a time.

    Args:
        measure: measure of the series.
        rules: rules of exclusion.
        tally: counts exclusions.
        table: table of people with a column `recording`, or None.
        areas: parts of the frame; if there are any, people elsewhere are excluded.
    """

    measure: Measure
    rules: Rules
    tally: Tally
    table: pd.DataFrame | None = None
    areas: Sequence[Area] = ()
    dropped: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        table = self.table
        if table is not None:
            if "recording" not in table:
                raise ResultError(
                    "the table of people has no column 'recording'; its columns are "
                    f"{first_few(list(table))}"
                )
            table = table.astype(str).apply(lambda column: column.str.strip())
        self._index = None if table is None else RecordingIndex(table)

    def more_columns(self) -> list[str]:
        """Further columns of the table of people."""
        names = [] if self.table is None else list(self.table.columns)
        return [name for name in names if name not in OWN_COLUMNS]

    def unused_rows(self) -> list[str]:
        """Values of `recording` in rows that matched none."""
        if self._index is None or self.table is None:
            return []
        return [str(self.table["recording"].iloc[row]) for row in self._index.unused]

    def known(self, source: Source) -> pd.DataFrame:
        """The rows of the table about a recording."""
        return pd.DataFrame() if self._index is None else self._index.of(source)

    def offset_s(self, source: Source) -> float | None:
        """When the stimulus starts in a recording in seconds, by the table; None if unknown."""
        known = self.known(source)
        words = [
            word for word in known.get("offset", pd.Series(dtype=str)) if word not in ("", "nan")
        ]
        if not words:
            return None
        try:
            return float(words[0])
        except ValueError:
            raise ResultError(f"{source.path}: its offset {words[0]!r} is not a number") from None

    def of(self, source: Source, participant: str = "") -> list[Person]:
        """The people of a recording who meet the rules, sorted by face_id.

        Args:
            source: the recording.
            participant: the participant, if the table of people does not name one.
        """
        known, rows = self.known(source), source.rows
        if participant and not len(known):
            known = pd.DataFrame({"participant": [participant]})
        ids = rows["face_id"].to_numpy(np.int64)
        faces = np.unique(ids)
        columns = list(columns_of(self.measure))
        width, height = _size(source)
        values = rows[columns].to_numpy(np.float64)
        lasts = rows["duration"].to_numpy(np.float64)
        usable = self._usable(rows)
        has_value = ~np.isnan(values).any(axis=1)
        centre_x = rows["face_x"].to_numpy() + rows["face_w"].to_numpy() / 2
        centre_y = rows["face_y"].to_numpy() + rows["face_h"].to_numpy() / 2
        main = self._main(known, source)
        people, least = [], self.rules.min_seen
        for face in faces.tolist():
            mine = ids == face
            counts = mine & usable & has_value
            about = _about(known, face)
            place = (np.median(centre_x[mine]) / width, np.median(centre_y[mine]) / height)
            area = named_area(self.areas, *place)
            seen = float(lasts[counts].sum())
            facts = {
                NO_AREA: not area if self.areas else None,
                BYSTANDER: face != main if main is not None else None,
                NO_REST: not _rests(source, face) if self.measure == "change" else None,
                f"usable for less than {least:g} s": seen < least if least > 0 else None,
            }
            if self._is_dropped(source, face, facts):
                continue
            series = Series(
                rows["timestamp"].to_numpy(np.float64)[mine],
                np.where(counts, lasts, 0.0)[mine],
                np.nan_to_num(values[mine]),
            )
            span = max(source.end_s - source.start_s, 1e-9)
            people.append(
                Person(
                    recording=source.path,
                    face_id=face,
                    name=about.pop("participant", "") or _name(source, face),
                    about={**about, **({"area": area} if self.areas else {})},
                    series=series,
                    episodes=source.episodes[source.episodes["face_id"] == face],
                    present=min(seen / span, 1.0),
                )
            )
        return people

    def _usable(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
        usable = np.ones(len(rows), np.bool_)
        for words, dropped in self.rules.of_rows(rows).items():
            self.tally.add("frame", words, int((dropped & usable).sum()), len(rows))
            usable &= ~dropped
        return usable

    def _main(self, known: pd.DataFrame, source: Source) -> int | None:
        """The person who is meant if a participant is named without a face_id."""
        if not len(known):
            return None
        named = known.get("participant", pd.Series(dtype=str)).ne("").any()
        if not named or known.get("face_id", pd.Series(dtype=str)).ne("").any():
            return None
        return source.main_face or None

    def _is_dropped(self, source: Source, face: int, facts: dict[str, bool | None]) -> bool:
        """Whether a rule excludes a person; the first that does is counted. None: not in use."""
        for rule, broken in facts.items():
            if broken is None:
                continue
            self.tally.add("person", rule, broken, 1)
            if broken:
                where = {"recording": source.path, "face_id": face}
                self.dropped.append({**where, "rule": rule})
                return True
        return False


def _size(source: Source) -> tuple[float, float]:
    about = source.meta.get("recording") or {}
    return float(about.get("width") or 1), float(about.get("height") or 1)


def _rests(source: Source, face: int) -> bool:
    people = zip(source.people["face_id"], source.people["resting_face"], strict=True)
    return any(number == face and rest in KNOWN_REST for number, rest in people)


def _name(source: Source, face: int) -> str:
    """The name of a person: the given name, or else recording and face_id."""
    named = source.people.loc[source.people["face_id"] == face, "name"]
    given = str(named.iloc[0]) if len(named) else ""
    return given if given and given != unnamed(face) else f"{source.path}#{face}"


def _about(known: pd.DataFrame, face: int) -> dict[str, str]:
    """Values for one face; a row without face_id applies to everyone."""
    about: dict[str, str] = {}
    for row in known.to_dict("records"):
        whose = str(row.get("face_id", "")).removeprefix("face ").strip()
        if whose in ("", "nan") or whose.removesuffix(".0") == str(face):
            about |= {
                str(key): str(value)
                for key, value in row.items()
                if key not in ("recording", "face_id", "offset")
            }
    return about
