"""A table of what many people look like, so that one product finds who may look like somebody."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_ROWS = 32
"""Rows per product, as larger ones are shared among threads that wait for each other."""

_UNSURE = 1e-3
"""Tolerance well above the last bits of a product, which depend on its number of rows."""

Who = TypeVar("Who", bound=Hashable)


class Gallery(Generic[Who]):
    """Keeps the views of people from `likeness.views`, in about 1 kB each."""

    def __init__(self) -> None:
        self._table = np.zeros((0, 0), np.float32)
        self._owners = np.zeros(0, np.int64)
        """For each row of the table, the number of its owner; -1: none."""
        self._used = 0
        self._numbers: dict[Who, int] = {}
        self._people: dict[int, Who] = {}
        self._came = 0

    def put(self, who: Who, views: NDArray[np.float16]) -> None:
        """Store the (K, D) views of an owner, in place of earlier ones; at least one view."""
        if not len(views):
            return
        if who in self._numbers:
            self._owners[self._owners == self._numbers[who]] = -1
        else:
            self._numbers[who] = self._came
            self._people[self._came] = who
            self._came += 1
        self._make_room(*views.shape)
        rows = slice(self._used, self._used + len(views))
        self._table[rows], self._owners[rows] = views, self._numbers[who]
        self._used = rows.stop

    def remove(self, who: Who) -> None:
        """Forget an owner."""
        number = self._numbers.pop(who)
        del self._people[number]
        self._owners[self._owners == number] = -1

    def candidates(self, views: NDArray[np.float16], least: float) -> list[Who]:
        """Owners with a view at least this similar to one of (M, D) views, in the order they were
        added.

        The list may contain a few too many; it serves to rule out all others.
        """
        if not len(views) or not self._used:
            return []
        pieces = self._table.reshape(-1, _ROWS, views.shape[1])[: -(-self._used // _ROWS)]
        alike = (pieces @ views.astype(np.float32).T).max(axis=2).ravel()[: self._used]
        owners = np.unique(self._owners[: self._used][alike >= least - _UNSURE])
        return [self._people[number] for number in owners.tolist() if number >= 0]

    def _make_room(self, rows: int, width: int) -> None:
        """Make room for more rows; at most about a quarter of the table is unused."""
        if self._used + rows <= len(self._table):
            return
        kept = np.flatnonzero(self._owners[: self._used] >= 0)
        size = -(-(len(kept) + rows) * 5 // (4 * _ROWS)) * _ROWS
        table, owners = np.zeros((size, width), np.float32), np.full(size, -1)
        if len(kept):  # the initial table has no columns
            table[: len(kept)], owners[: len(kept)] = self._table[kept], self._owners[kept]
        self._table, self._owners, self._used = table, owners, len(kept)
