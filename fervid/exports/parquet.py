"""Parquet: a file per table, which includes the meaning of every column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.errors import SetupError
from fervid.exports import Job
from fervid.exports.tables import read_small, tables_of
from fervid.results.codebook import UNITS, Column
from fervid.results.files import read_frames

_ROWS_A_GROUP = 50_000


def require() -> None:
    """Raise SetupError if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise SetupError(
            "Parquet needs pyarrow; install it with: pip install 'fervid[parquet]'"
        ) from error


def write(job: Job, out: Path) -> None:
    """Write `frames.parquet` and the other tables into the folder `out`.

    Numbers have the dtypes of the tables, words are dictionaries, and missing values are null.

    Raises:
        ResultError: a table is missing or damaged.
        SetupError: pyarrow is not installed.
    """
    require()
    frames = read_frames(job.folder, chunk_rows=_ROWS_A_GROUP)
    columns = tables_of(job.folder)
    _write_table("frames", frames, out, columns)
    _write_table("episodes", [read_small(job.folder, "episodes")], out, columns)
    _write_table("people", [read_small(job.folder, "people")], out, columns)
    _write_table("summary", [read_small(job.folder, "summary")], out, columns)


Columns = Mapping[str, Sequence[Column]]


def _write_table(name: str, pieces: Iterable[pd.DataFrame], folder: Path, columns: Columns) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rest: Iterator[pd.DataFrame] = iter(pieces)
    piece = next(rest)
    schema = _explained(pa.Schema.from_pandas(piece, preserve_index=False), columns[name])
    with (
        (folder / f"{name}.parquet").open("wb") as file,
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        writer.write_table(pa.Table.from_pandas(piece, schema, preserve_index=False))
        for piece in rest:
            writer.write_table(pa.Table.from_pandas(piece, schema, preserve_index=False))


def _explained(schema: Any, columns: Sequence[Column]) -> Any:
    """The schema with the codebook's entries for each column."""
    for place, column in enumerate(columns):
        about = {"meaning": column.meaning, "unit": UNITS[column.kind]}
        schema = schema.set(place, schema.field(place).with_metadata(about))
    return schema
