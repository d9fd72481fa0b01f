"""Applies changes of people to the tables of a result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.records import Thumbnail
from fervid.results.codebook import NAMED_TABLES
from fervid.results.people_edits import LEFT_OUT, EditedPeople, Person

_STRAIGHT_S = 2e-6
"""Largest gap in seconds between an episode and one that follows directly."""

_STAY = ("frame", "timestamp", "success", "status")
"""Columns of the frame table that are also filled in a frame without a face."""


def by_frame(tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Regroup the pieces of a frame table so that no frame is split."""
    rest = pd.DataFrame()
    for table in tables:
        both = pd.concat([rest, table], ignore_index=True) if len(rest) else table
        frames = both["frame"].to_numpy(np.int64)
        whole = int(np.searchsorted(frames, frames[-1])) if len(frames) else 0
        if whole:
            yield both.iloc[:whole]
        rest = both.iloc[whole:]
    if len(rest):
        yield rest


@dataclass
class _Piece:
    """Statistics of one part of an episode that is cut."""

    place: int = LEFT_OUT
    rows: int = 0
    total: float = 0.0
    best: tuple[float, float] = (-1.0, 0.0)
    first: tuple[float, int] | None = None
    last: tuple[float, int] = (0.0, 0)

    def add(self, rows: pd.DataFrame, values: NDArray[np.float64]) -> None:
        time = rows["timestamp"].to_numpy(np.float64)
        frame = rows["frame"].to_numpy(np.int64)
        k = int(values.argmax())
        self.rows, self.total = self.rows + len(rows), self.total + float(values.sum())
        self.best = max(self.best, (float(values[k]), float(time[k])), key=lambda one: one[0])
        self.first = self.first or (float(time[0]), int(frame[0]))
        self.last = (float(time[-1] + rows["duration"].iloc[-1]), int(frame[-1]))

    def columns(self) -> dict[str, Any]:
        """The columns of the episode."""
        assert self.first is not None
        (onset, first_frame), (offset, last_frame) = self.first, self.last
        span = {"onset": onset, "offset": offset, "duration": offset - onset}
        frames = {"first_frame": first_frame, "last_frame": last_frame}
        best = {"peak": self.best[0], "peak_time": self.best[1]}
        return {**span, **frames, **best, "mean": self.total / self.rows}


@dataclass
class EditedTables:
    """Applies changes of people to the tables of a result, the frame table first.

    Args:
        edited: the people, after changes.
        episodes: the original table of episodes.
    """

    edited: EditedPeople
    episodes: pd.DataFrame
    _cuts: dict[int, list[float]] = field(default_factory=dict)
    _pieces: dict[int, dict[int, _Piece]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cuts = {face: self.edited.cuts_of(face) for face in {p.face_id for p in self.edited.parts}}
        spans = zip(*(self.episodes[name] for name in ("face_id", "onset", "offset")), strict=True)
        for row, (face, onset, offset) in enumerate(spans):
            if inside := [cut for cut in cuts.get(int(face), ()) if onset < cut < offset]:
                self._cuts[row], self._pieces[row] = inside, defaultdict(_Piece)

    def frames(self, tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The frame table with the new numbers; a frame whose faces are all left out keeps one row.

        Raises:
            ResultError: two faces of one person are in one frame.
        """
        for table in by_frame(tables):
            yield self._with_people(table)

    def _with_people(self, table: pd.DataFrame) -> pd.DataFrame:
        is_face = table["success"].to_numpy() == 1
        found_as = table["face_id"].to_numpy(np.int64, na_value=0)
        persons = self.edited.person_indices(found_as, table["timestamp"].to_numpy(np.float64))
        self._count_cut_episodes(table, found_as, persons)
        kept = is_face & (persons != LEFT_OUT)
        numbers = np.array([0, *(person.face_id for person in self.edited.people)])[persons + 1]
        made = table.assign(
            face_id=pd.arrays.IntegerArray(numbers, ~kept),
            found_as=pd.arrays.IntegerArray(found_as.copy(), ~kept),
            name=np.array(["", *(person.name for person in self.edited.people)], object)[
                persons + 1
            ],
        )
        empty = self._without_face(made, is_face, kept)
        made = pd.concat([made[kept], empty]) if len(empty) else made[kept]
        made = made.sort_values(["frame", "face_id"], kind="stable", ignore_index=True)
        self._check(made)
        columns = [column.name for column in NAMED_TABLES["frames"]]
        return pd.DataFrame(made, columns=columns)

    def _without_face(
        self, table: pd.DataFrame, is_face: NDArray[np.bool_], kept: NDArray[np.bool_]
    ) -> pd.DataFrame:
        """Rows of frames without a face, and one row of each frame whose faces are all left out."""
        empty = table[~kept].copy()
        gone = is_face[~kept]
        empty.loc[gone, [name for name in empty if name not in _STAY]] = None
        empty.loc[gone, "success"] = 0
        shown = table.loc[kept, "frame"]
        return empty[~empty["frame"].isin(shown)].drop_duplicates("frame")

    def _check(self, table: pd.DataFrame) -> None:
        """Check that nobody is in two places at once."""
        twice = table.duplicated(["frame", "face_id"], keep=False) & table["face_id"].notna()
        if twice.any():
            one, other = table[twice].head(2).to_dict("records")
            raise ResultError(
                f"faces {one['found_as']} and {other['found_as']} are both in the picture at "
                f"{one['timestamp']:.3f} s, so they cannot both be {one['name']!r}"
            )

    def _count_cut_episodes(
        self, table: pd.DataFrame, found_as: NDArray[np.int64], persons: NDArray[np.int64]
    ) -> None:
        """Add the rows of episodes that are cut."""
        frame = table["frame"].to_numpy(np.int64)
        for row, pieces in self._pieces.items():
            episode = self.episodes.iloc[row]
            if frame[-1] < episode["first_frame"] or frame[0] > episode["last_frame"]:
                continue
            inside = (frame >= episode["first_frame"]) & (frame <= episode["last_frame"])
            mine = inside & (found_as == episode["face_id"])
            values = table[f"smooth_{episode['expression']}"].to_numpy(np.float64)
            time = table["timestamp"].to_numpy(np.float64)
            part = np.searchsorted(self._cuts[row], time, side="right")
            for number in np.unique(part[mine]).tolist():
                rows = mine & (part == number)
                pieces[number].place = int(persons[rows][0])
                pieces[number].add(table[rows], values[rows])

    def episodes_of_people(self) -> pd.DataFrame:
        """The table of episodes with the new numbers; call after all frames."""
        table, rows = self.episodes, list[dict[Any, Any]]()
        onsets = table["onset"].to_numpy(np.float64)
        found_as = table["face_id"].to_numpy(np.int64)
        before: dict[int, tuple[int, float]] = {}
        at_onset = self.edited.person_indices(found_as, onsets).tolist()
        for row, episode in enumerate(table.to_dict("records")):
            face = int(episode["face_id"])
            own = [(at_onset[row], dict[str, Any]())]
            if row in self._pieces:
                own = [(one.place, one.columns()) for _, one in sorted(self._pieces[row].items())]
            for place, columns in own:
                made: dict[Any, Any] = {**episode, **columns, "found_as": face}
                last, end_s = before.get(face, (LEFT_OUT, -1.0))
                straight = last == place and made["onset"] <= end_s + _STRAIGHT_S
                made["previous"] = made["previous"] if straight else ""
                before[face] = place, made["offset"]
                if place != LEFT_OUT:
                    person = self.edited.people[place]
                    rows.append({**made, "face_id": person.face_id, "name": person.name})
        names = [column.name for column in NAMED_TABLES["episodes"]]
        made_table = pd.DataFrame(rows, columns=names)
        return made_table.sort_values(["onset", "face_id"], kind="stable", ignore_index=True)


def resting_of(edited: EditedPeople, resting: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The resting faces of people; those of merged people are combined.

    Both parts of a split face keep the resting face of the whole.
    """
    known = {int(one["face_id"]): one for one in resting}
    return [
        {**together, "face_id": person.face_id}
        for person in edited.people
        if (together := _together(person, known))
    ]


def _together(person: Person, known: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    ids = dict.fromkeys(part.face_id for part in person.parts)
    ones = [known[face] for face in ids if face in known]
    ones = [one for one in ones if one.get("rest_rows")] or ones[:1]
    if len(ones) < 2:
        return dict(ones[0]) if ones else {}
    rows = np.array([one["rest_rows"] for one in ones], np.float64)
    spread = np.array([one.get("rest_spread", np.nan) for one in ones], np.float64)
    most = ones[int(rows.argmax())]
    sums = {name: sum(one.get(name, 0) for one in ones) for name in ("rest_rows", "rest_visits")}
    return {
        **most,
        **sums,
        "rest_s": round(sum(one.get("rest_s", 0.0) for one in ones), 6),
        "rest_spread": float(np.sqrt((rows * spread**2).sum() / rows.sum())),
    }


def thumbnails_of(
    edited: EditedPeople, pictures: Sequence[Thumbnail], episodes: pd.DataFrame
) -> list[Thumbnail]:
    """The pictures with the new numbers; only the clearest one for each person and expression.

    Args:
        edited: the people, after changes.
        pictures: the original pictures.
        episodes: the original table of episodes.
    """
    best: dict[tuple[int, str], tuple[float, Thumbnail]] = {}
    for one in pictures:
        place = int(edited.person_indices(np.array([one.face_id]), np.array([one.time_s]))[0])
        if place == LEFT_OUT:
            continue
        face_id = edited.people[place].face_id
        mine = Thumbnail(face_id, one.expression, one.time_s, one.jpeg, one.maps)
        clear = _peak(episodes, one)
        if clear > best.get((face_id, one.expression), (-1.0, mine))[0]:
            best[face_id, one.expression] = clear, mine
    return [one for _, one in best.values()]


def _peak(episodes: pd.DataFrame, one: Thumbnail) -> float:
    """Clarity of a picture's expression: the peak of its episode; 0 outside episodes."""
    mine = (episodes["face_id"] == one.face_id) & (episodes["expression"] == one.expression)
    around = mine & (episodes["onset"] <= one.time_s + 1e-3) & (episodes["offset"] > one.time_s)
    return float(episodes.loc[around, "peak"].max()) if around.any() else 0.0
