"""Matches rows of a table to recordings."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.sources import Source

SUFFIX = ".fervid"


class RecordingIndex:
    """An index of a table with a column `recording`, for looking up one recording at a time.

    A row matches recordings whose path ends with its value; * and ? match any characters, and an
    empty cell matches every recording.

    Args:
        table: a table with a column `recording`.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._used = np.zeros(len(table), np.bool_)
        self._exact: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
        self._patterns: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(table["recording"].astype(str)):
            parts = parts_of(text)
            if not parts or set("*?") & set("".join(parts)):
                self._patterns["/".join(parts) or "*"].append(row)
            else:
                self._exact[parts[-1]].append((parts, row))

    def of(self, source: Source) -> pd.DataFrame:
        """The rows that match a recording, in their order."""
        found: set[int] = set()
        for path in paths_of(source.path, source.name):
            for parts, number in self._exact.get(path[-1], ()):
                if path[-len(parts) :] == parts:
                    found.add(number)
            for pattern, matching in self._patterns.items():
                tail = "/".join(path[-1 - pattern.count("/") :])
                if pattern == "*" or fnmatchcase(tail, pattern):
                    found.update(matching)
        places = np.array(sorted(found), np.int64)
        self._used[places] = True
        return self._table.iloc[places]

    @property
    def unused(self) -> NDArray[np.int64]:
        """Indices of the rows that matched none of the recordings looked up."""
        return np.flatnonzero(~self._used)


def paths_of(path: str, name: str) -> list[list[str]]:
    """Paths of a recording: its result's path, and its own name in that folder."""
    parts = parts_of(path)
    named = [*parts[:-1], unicodedata.normalize("NFC", name)]
    return [parts] if named == parts else [parts, named]


def parts_of(text: str) -> list[str]:
    """The parts of a path, without the suffix of results."""
    plain = unicodedata.normalize("NFC", text).replace("\\", "/").strip()
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    if parts:
        parts[-1] = parts[-1].removesuffix(SUFFIX)
    return parts


def first_few(names: Sequence[object], most: int = 3) -> str:
    """The first few of some names, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"{str(name)[:100]!r}" for name in names[:most]) + more
