"""Makes `recordings.csv`: a row per recording, for statistics programs and spreadsheets."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pandas as pd

from fervid.report.recordings import Recording
from fervid.results.codebook import SUMMARY, Column
from fervid.results.files import write_rows

_OWN = (
    Column("path", "word", "result folder, or recording without a result"),
    Column("status", "word", "ok, partial, refused or failed"),
    Column("reason", "word", "why there is no result"),
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Matches text that a spreadsheet would run as a formula."""

HEADER = ",".join(column.name for column in (*_OWN, SUMMARY[0])).encode()
"""The beginning of the file."""


def recordings_csv(
    recordings: Sequence[Recording],
    columns: Sequence[str] = (),
    values: Sequence[tuple[str, ...] | None] = (),
) -> str:
    """The columns path, status and reason, those of `summary.csv`, then those of a table of groups.

    Args:
        recordings: the rows.
        columns: further columns; names that are already in use get the prefix `metadata_`.
        values: for each recording, the values of the further columns, or None.
    """
    words = {
        "path": [cell(one.path) for one in recordings],
        "status": [cell(one.status) for one in recordings],
        "reason": [cell(one.reason) for one in recordings],
    }
    numbers = pd.DataFrame([one.summary for one in recordings], columns=[c.name for c in SUMMARY])
    numbers["recording"] = [cell(one.name) for one in recordings]
    names = _untaken([cell(name) for name in columns], {*words, *numbers})
    rows = [row or [""] * len(names) for row in values or [None] * len(recordings)]
    more = pd.DataFrame([list(map(cell, row)) for row in rows], columns=names)
    counts = {column.name: "Int64" for column in SUMMARY if column.kind == "count"}
    table = pd.concat([pd.DataFrame(words), numbers.astype(counts), more], axis=1)
    file = io.StringIO(newline="")
    own = [*_OWN, *SUMMARY, *(Column(name, "word", "") for name in names)]
    write_rows(table, own, file, header=True)
    return file.getvalue()


def _untaken(names: Sequence[str], taken: set[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        while name in taken:
            name = f"metadata_{name}"
        taken.add(name)
        found.append(name)
    return found


def cell(text: str) -> str:
    """Text on one line that a spreadsheet does not run as a formula."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    guarded = plain.startswith(_FORMULA) and not _NUMBER.fullmatch(plain)
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)
    return f"'{shown}" if guarded else shown
