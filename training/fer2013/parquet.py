"""Convert FER-2013 from one Parquet file to the official files.

    python -m training.fer2013.parquet fer2013.parquet FOLDER

Writes FOLDER/fer2013.csv, byte for byte the contest's file, and FOLDER/fer2013new.csv with the
votes in FER+'s columns.

The Parquet file has one row per row of the official csv, in its order: `emotion` (0 to 6), `image`
(bytes of a 48x48 picture, lossless), `usage`, and FER+'s votes as `fp_neutral` ... `fp_nf`.
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from fervid.errors import FervidError
from training.command_line import help_of
from training.fer2013 import csv_file, ferplus, pictures
from training.fer2013.records import Fer2013, record

_COLUMN_BY_VOTE = {name: f"fp_{name.lower()}" for name in ferplus.VOTE_COLUMNS}
_COLUMNS = ("emotion", "image", "usage", *_COLUMN_BY_VOTE.values())


def read(path: Path) -> Fer2013:
    """Read the Parquet file with its votes.

    Raises:
        FervidError: the file is not Parquet, a column is missing or a row is invalid.
    """
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise FervidError(f"{path}: cannot be read as Parquet; get it again") from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise FervidError(f"{path}: no column {', '.join(missing)}; it may be another data set")
    images = [
        pictures.decode(blob if isinstance(blob, bytes) else b"", f"{path}: row {row}: image")
        for row, blob in enumerate(table["image"])
    ]
    data = record(path, images, table["emotion"], table["usage"])
    votes = table.rename(columns={column: name for name, column in _COLUMN_BY_VOTE.items()})
    return ferplus.with_votes(data, votes, path)


@click.command(help=help_of(__doc__))
@click.argument("parquet", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(parquet: Path, folder: Path) -> None:
    """Write both files, and print whether the first one is the contest's."""
    try:
        data = read(parquet)
        sha256 = csv_file.write(data, folder / "fer2013.csv")
        ferplus.write(data, folder / "fer2013new.csv")
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{folder}: cannot be written: {error.strerror}") from error
    official = "the contest's file" if sha256 == csv_file.OFFICIAL_SHA256 else "other data"
    click.echo(f"{folder / 'fer2013.csv'}: {len(data)} rows, sha256 {sha256}: {official}")
    click.echo(f"{folder / 'fer2013new.csv'}: votes of FER+, images named by row")


if __name__ == "__main__":
    main()
