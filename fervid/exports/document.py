"""JSON: the whole result as one strictly valid document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pandas as pd

from fervid.exports import Job
from fervid.exports.tables import read_small, tables_of
from fervid.results.codebook import UNITS
from fervid.results.files import read_frames, read_meta


def write(job: Job, out: Path) -> None:
    """Write metadata, codebook and tables as one object; a table is a list of rows, and missing is
    null.

    Raises:
        ResultError: a table or `meta.json` is missing or damaged.
    """
    # Invalid text in names becomes question marks, as strict parsers refuse lone surrogates.
    with out.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write('{"meta":\n')
        file.write(_strict(read_meta(job.folder)))
        file.write(',\n"codebook":\n')
        file.write(_strict(_codebook(job.folder)))
        _write_rows(file, "summary", [read_small(job.folder, "summary")])
        _write_rows(file, "people", [read_small(job.folder, "people")])
        _write_rows(file, "episodes", [read_small(job.folder, "episodes")])
        _write_rows(file, "frames", read_frames(job.folder))
        file.write("}\n")


def _strict(value: object) -> str:
    """`value` without NaN, which Python reads and writes but the JSON standard forbids."""
    plain = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def _codebook(folder: Path) -> dict[str, list[dict[str, str]]]:
    return {
        table: [{"column": c.name, "unit": UNITS[c.kind], "meaning": c.meaning} for c in columns]
        for table, columns in tables_of(folder).items()
    }


def _write_rows(file: IO[str], name: str, pieces: Iterable[pd.DataFrame]) -> None:
    file.write(f',\n"{name}":\n[')
    between = ""
    for piece in pieces:
        if len(piece):
            # Brackets are stripped so that the pieces form one list.
            file.write(between + piece.to_json(orient="records", double_precision=10)[1:-1])
            between = ",\n"
    file.write("]")
