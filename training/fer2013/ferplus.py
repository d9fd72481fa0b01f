"""FER+'s `fer2013new.csv`: the votes of ten people on each row of FER-2013."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from training.atomic import whole_file
from training.fer2013.records import USAGES, Fer2013

COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    "unknown", "NF",
)  # fmt: skip
"""Names of the vote columns in the order of FER+'s file, after `Usage` and `Image name`."""

_CLASS_COLUMNS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
VOTE_COLUMNS = (*(_CLASS_COLUMNS[name] for name in EXPRESSIONS), "contempt", "unknown", "NF")
"""The same in the order of `Fer2013.votes`, then `Fer2013.other_votes`."""

_HINT = "give FER+'s fer2013new.csv"


def with_votes(data: Fer2013, table: pd.DataFrame, path: Path) -> Fer2013:
    """The rows with votes from the columns `VOTE_COLUMNS` of a table, joined by position.

    Raises:
        FervidError: a column is missing, or a row of `path` contains something other than votes.
    """
    missing = [name for name in VOTE_COLUMNS if name not in table.columns]
    if missing:
        raise FervidError(f"{path}: no column {', '.join(missing)}; {_HINT}")
    votes = table[list(VOTE_COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    bad = ~((votes >= 0) & (votes <= 100) & (votes == np.floor(votes)))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        value = table[VOTE_COLUMNS[column]].iloc[row]
        raise FervidError(
            f"{path}: row {row}: {VOTE_COLUMNS[column]} is {str(value)!r}, not a number of votes; "
            f"{_HINT}"
        )
    seven, others = np.split(votes.astype(np.float32), [len(EXPRESSIONS)], axis=1)
    return replace(data, votes=seven, other_votes=others)


def join(data: Fer2013, path: Path, source: Path) -> Fer2013:
    """Add the votes of `fer2013new.csv` to the rows of `source`, by position.

    Raises:
        FervidError: the votes cannot be read or belong to other rows.
    """
    if not path.is_file():
        raise FervidError(f"no such file: {path}; get fer2013new.csv from FER+ (microsoft/FERPlus)")
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise FervidError(f"{path}: cannot be read as csv; {_HINT}") from error
    names = [str(name).strip().lower() for name in table.columns]
    table.columns = [{"nf": "NF", "usage": "Usage"}.get(name, name) for name in names]
    if len(table) != len(data):
        raise FervidError(
            f"{path}: {len(table)} rows, but {source} has {len(data)}; give the whole of both"
        )
    if "Usage" in table.columns:
        own = np.array(USAGES)[data.usage]
        theirs = table["Usage"].astype(str).str.strip().to_numpy(str)
        differ = np.flatnonzero(own != theirs)
        if len(differ):
            row = int(differ[0])
            raise FervidError(
                f"{path}: row {row} is of {theirs[row]}, but row {row} of {source} is of "
                f"{own[row]}; the rows are not in the same order, so votes cannot be joined"
            )
    return with_votes(data, table, path)


def write(data: Fer2013, path: Path) -> None:
    """Write the votes in FER+'s own columns; images are named by row, not as in FER+.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    votes = np.concatenate([data.votes, data.other_votes], axis=1).astype(np.int64)
    table = pd.DataFrame(votes, columns=list(VOTE_COLUMNS))[list(COLUMNS)]
    table.insert(0, "Usage", np.array(USAGES)[data.usage])
    # FER+'s own names skip rows, so these must not look like them.
    table.insert(1, "Image name", [f"row{row:05d}.png" for row in range(len(data))])
    with whole_file(path) as file:
        file.write(table.to_csv(index=False, lineterminator="\n").encode())
