"""Stores the rows of a recording in a temporary file until all are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_CHUNK_ROWS = 5_000


class RowStore:
    """A file of rows that can be read and changed, forwards or backwards.

    Every method may raise OSError.

    Args:
        file: an empty file, open for reading and writing.
        dtype: dtype of the rows, with an ascending field `frame`.
    """

    def __init__(self, file: BinaryIO, dtype: np.dtype[Any]) -> None:
        self._file = file
        self._dtype = dtype
        self._count = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, rows: NDArray[Any]) -> None:
        """Add the next rows."""
        self._file.write(rows.tobytes())
        self._count += len(rows)

    def chunks(self, *, back: bool = False) -> Iterator[NDArray[Any]]:
        """Yield about 5,000 rows at a time, forwards or backwards; changes to them are stored."""
        starts = range(0, self._count, _CHUNK_ROWS)
        for start in reversed(starts) if back else starts:
            rows = self._read(start, min(_CHUNK_ROWS, self._count - start))
            yield rows
            self._file.seek(start * self._dtype.itemsize)
            self._file.write(rows.tobytes())

    def frames(self) -> Iterator[NDArray[Any]]:
        """Yield about 5,000 rows at a time, with no frame split."""
        rest = np.zeros(0, self._dtype)
        for start in range(0, self._count, _CHUNK_ROWS):
            rows = self._read(start, min(_CHUNK_ROWS, self._count - start))
            rows = np.concatenate([rest, rows])
            whole = int(np.searchsorted(rows["frame"], rows["frame"][-1]))
            yield rows[:whole]
            rest = rows[whole:]
        yield rest

    def _read(self, start: int, count: int) -> NDArray[Any]:
        self._file.seek(start * self._dtype.itemsize)
        return np.frombuffer(self._file.read(count * self._dtype.itemsize), self._dtype).copy()
