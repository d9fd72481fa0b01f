"""A table of the views of many people, in which one matrix product finds those who look alike."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_ROWS = 32
"""Rows per product, as larger ones are shared among threads that wait for each other."""

_TOLERANCE = 1e-3
"""Tolerance well above the last bits of a product, which depend on its number of rows."""

Owner = TypeVar("Owner", bound=Hashable)


class Gallery(Generic[Owner]):
    """Keeps the views of people from `likeness.views`, in about 1 kB each."""

    def __init__(self) -> None:
        self._table = np.zeros((0, 0), np.float32)
        self._owners = np.zeros(0, np.int64)
        """For each row of the table, the number of its owner; -1: none."""
        self._used = 0
        self._numbers: dict[Owner, int] = {}
        self._owners_by_number: dict[int, Owner] = {}
        self._count = 0

    def put(self, owner: Owner, views: NDArray[np.float16]) -> None:
        """Store the (K, D) views of an owner, in place of earlier ones, if there are any."""
        if not len(views):
            return
        if owner in self._numbers:
            self._owners[self._owners == self._numbers[owner]] = -1
        else:
            self._numbers[owner] = self._count
            self._owners_by_number[self._count] = owner
            self._count += 1
        self._make_room(*views.shape)
        rows = slice(self._used, self._used + len(views))
        self._table[rows], self._owners[rows] = views, self._numbers[owner]
        self._used = rows.stop

    def remove(self, owner: Owner) -> None:
        """Forget an owner."""
        number = self._numbers.pop(owner)
        del self._owners_by_number[number]
        self._owners[self._owners == number] = -1

    def candidates(self, views: NDArray[np.float16], min_likeness: float) -> list[Owner]:
        """Owners with a view at least this similar to one of (M, D) views, in the order they were
        added.

        The list may contain a few too many; it serves to rule out all others.
        """
        if not len(views) or not self._used:
            return []
        pieces = self._table.reshape(-1, _ROWS, views.shape[1])[: -(-self._used // _ROWS)]
        alike = (pieces @ views.astype(np.float32).T).max(axis=2).ravel()[: self._used]
        owners = np.unique(self._owners[: self._used][alike >= min_likeness - _TOLERANCE])
        return [self._owners_by_number[number] for number in owners.tolist() if number >= 0]

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
