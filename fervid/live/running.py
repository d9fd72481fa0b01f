"""The frame table of a running session, a file with only complete rows at any moment."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.results.codebook import TABLES
from fervid.results.files import write_rows
from fervid.results.rows import ROW, frame_table

_EVERY_S = 0.5


class RunningTable:
    """A table that grows by the rows of about half a second at a time.

    Args:
        path: path of the file, which must not exist.

    Raises:
        ResultError: the file exists, or the disk is full or fails; also raised by `add` and `tick`.
            Rows written before stay readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0
        self._rows: list[NDArray[Any]] = []
        self._since = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._fd = os.open(path, flags, 0o666)
        except OSError as error:
            raise self._refused(error) from error
        self._write(np.zeros(0, ROW), header=True)

    def add(self, rows: NDArray[Any]) -> None:
        """Add the rows of the next frame."""
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append(rows)
        self.tick()

    def tick(self) -> None:
        """Write rows that have waited long enough."""
        if self._rows and time.monotonic() - self._since >= _EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write all rows."""
        if self._rows:
            rows, self._rows = np.concatenate(self._rows), []
            self._write(rows, header=False)

    def close(self) -> None:
        """Close the file and keep it."""
        os.close(self._fd)

    def remove(self) -> None:
        """Remove the closed file, because the result replaces it."""
        self.path.unlink(missing_ok=True)

    def _write(self, rows: NDArray[Any], *, header: bool) -> None:
        text = io.StringIO()
        write_rows(frame_table(rows), TABLES["frames"], text, header=header)
        content = memoryview(text.getvalue().encode())
        try:
            written = 0
            while written < len(content):
                written += os.write(self._fd, content[written:])
        except OSError as error:
            os.ftruncate(self._fd, self._size)  # leave no partial row
            raise self._refused(error) from error
        self._size += len(content)

    def _refused(self, error: OSError) -> ResultError:
        return ResultError(f"{self.path}: cannot be written ({error.strerror or error})")
