"""Reads users' CSV tables in any encoding and with any delimiter."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from fervid.errors import ResultError
from fervid.results.encodings import text_of

_DELIMITERS = "\t;,"


def read_csv_table(path: Path) -> pd.DataFrame:
    """Read a table as text; columns are separated by commas, semicolons or tabs.

    Raises:
        ResultError: the file cannot be read, or two columns have the same name.
    """
    try:
        text = text_of(path.read_bytes())
        first = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(_DELIMITERS, key=first.count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(f"{path}: cannot be read as a CSV ({reason})") from error
    lines = [line for line in lines if any(map(str.strip, line))]
    header = [name.strip() for name in lines[0]] if lines else []
    if len(set(header)) < len(header):
        raise ResultError(f"{path}: two columns have the same name")
    rows = [[*map(str.strip, line), *[""] * len(header)][: len(header)] for line in lines[1:]]
    return pd.DataFrame(rows, columns=header, dtype="object")
