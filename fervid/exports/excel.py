"""Excel: all tables in one workbook, with true numbers, whatever the local decimal sign is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from fervid.exports import Job
from fervid.exports.tables import read_small, tables_of
from fervid.results.codebook import UNITS
from fervid.results.files import read_frames

MOST_ROWS = 1_048_576
"""Most rows of a sheet, including its header."""


def write(job: Job, out: Path) -> None:
    """Write a sheet per table and a codebook; frames come last and may need several sheets.

    Raises:
        ResultError: a table is missing or damaged.
    """
    book = Workbook(write_only=True)
    try:
        _fill(book, job)
    finally:  # openpyxl's writers would otherwise complain when they are deleted
        for sheet in book.worksheets:
            if not sheet.closed:
                sheet.close()
    book.save(out)


def _fill(book: Workbook, job: Job) -> None:
    for name in ("summary", "people", "episodes"):
        _Sheets(book, name).add(read_small(job.folder, name))
    codebook = book.create_sheet("codebook")
    codebook.append(("table", "column", "unit", "meaning"))
    for table, columns in tables_of(job.folder).items():
        for column in columns:
            codebook.append((table, column.name, UNITS[column.kind], column.meaning))
    frames = _Sheets(book, "frames")
    for chunk in read_frames(job.folder):
        frames.add(chunk)


class _Sheets:
    """The sheets of one table."""

    def __init__(self, book: Workbook, name: str) -> None:
        self._book, self._name = book, name
        self._count, self._left = 0, 0
        self._sheet: Any = None

    def add(self, table: pd.DataFrame) -> None:
        """Write the next rows."""
        if self._sheet is None:
            self._begin(table)
        plain = table.astype(object).where(table.notna(), None)
        for row in plain.itertuples(index=False, name=None):
            if not self._left:
                self._begin(table)
            self._sheet.append(self._cells(row))
            self._left -= 1

    def _begin(self, table: pd.DataFrame) -> None:
        self._count += 1
        name = self._name if self._count == 1 else f"{self._name} {self._count}"
        self._sheet = self._book.create_sheet(name)
        self._sheet.append(list(table.columns))
        self._left = MOST_ROWS - 1

    def _cells(self, row: Iterable[Any]) -> list[Any]:
        return [self._text(value) if isinstance(value, str) else value for value in row]

    def _text(self, value: str) -> Any:
        """Text that a spreadsheet does not take for a formula."""
        cell = WriteOnlyCell(
            self._sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
        )
        cell.data_type = "s"
        return cell
