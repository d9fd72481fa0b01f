"""Reads the tables of a result for exports, with checks, as users may have edited them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.records import EXPRESSIONS
from fervid.results.codebook import NAMED_TABLES, RESTING, TABLES, Column
from fervid.results.files import csv_name, read_meta, read_table
from fervid.results.people_edits import names_of, unnamed


@dataclass(frozen=True)
class Cue:
    """An episode in whole milliseconds, `start_ms` < `end_ms`; a person's cues do not overlap."""

    face_id: int
    person: str
    expression: str
    start_ms: int
    end_ms: int


def read_episodes(folder: Path) -> pd.DataFrame:
    """Read the table of episodes.

    Raises:
        ResultError: it is missing, not written by fervid, or has impossible values.
    """
    table = read_table(folder, "episodes")
    times = table[["onset", "offset", "peak"]].to_numpy()
    in_order = np.isfinite(times).all() and (table["offset"] > table["onset"]).all()
    known = table["expression"].isin(EXPRESSIONS) & table["previous"].isin([*EXPRESSIONS, ""])
    if not in_order or not known.all():
        raise ResultError(
            f"{folder / csv_name('episodes')}: is damaged: it is not as fervid writes it"
        )
    return table


def read_names(folder: Path) -> dict[int, str]:
    """Names of people, in the order of the table.

    Raises:
        ResultError: the table of people is missing or damaged.
    """
    return names_of(read_table(folder, "people"))


def tables_of(folder: Path) -> dict[str, tuple[Column, ...]]:
    """The columns of a result's tables; there are more if people were named.

    Raises:
        ResultError: `meta.json` is missing or damaged.
    """
    return NAMED_TABLES if "people_edits" in read_meta(folder) else TABLES


def read_cues(folder: Path) -> dict[str, list[Cue]]:
    """Episodes by name of person, sorted by onset; includes people without episodes.

    Raises:
        ResultError: a table is missing or damaged.
    """
    episodes = read_episodes(folder).sort_values("onset", kind="stable")
    names = read_names(folder)
    people = {name: list[Cue]() for name in names.values()}
    starts, ends = (
        np.maximum(0, np.rint(episodes[name] * 1000)).astype(int) for name in ("onset", "offset")
    )
    rows = zip(episodes["face_id"], episodes["expression"], starts, ends, strict=True)
    for face, expression, start, end in rows:
        name = names.get(int(face), unnamed(int(face)))
        mine = people.setdefault(name, [])
        # At least a millisecond long, because other tools refuse empty annotations.
        start = max(int(start), mine[-1].end_ms if mine else 0)
        mine.append(Cue(int(face), name, expression, start, max(int(end), start + 1)))
    return people


def read_small(folder: Path, name: Literal["episodes", "people", "summary"]) -> pd.DataFrame:
    """Read a small table, with fixed sets of words as categories and empty values missing."""
    table = read_episodes(folder) if name == "episodes" else read_table(folder, name)
    words = [c.name for c in TABLES[name] if c.kind == "word" and c.name != "recording"]
    return table.assign(**{word: _categories(table[word]) for word in words})


def _categories(words: pd.Series[Any]) -> pd.Series[Any]:
    known = RESTING if words.name == "resting_face" else EXPRESSIONS
    kind = pd.CategoricalDtype(pd.Index(known))
    return words.where(words.isin(known)).astype(kind)


def hours_fit(cues: dict[str, list[Cue]], folder: Path) -> None:
    """Raise ResultError if a time needs more than two digits for hours."""
    if any(mine and mine[-1].end_ms >= 100 * 3_600_000 for mine in cues.values()):
        raise ResultError(f"{folder}: is longer than 100 hours, which this format cannot express")
