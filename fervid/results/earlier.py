"""Tables of fervid 0.9, which have no columns of resting faces."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fervid.results.codebook import CHANGE_COLUMNS, TABLES, UNUSED, dtypes

_ADDED: dict[str, dict[str, Any]] = {
    "frames": dict.fromkeys(("intensity", *CHANGE_COLUMNS), float("nan")),
    "people": {
        "resting_face": UNUSED,
        "rest_s": float("nan"),
        "rest_rows": 0,
        "rest_visits": 0,
        "rest_spread": float("nan"),
    },
}
"""Columns that came after 0.9, and the value of rows without them."""


def columns_of_0_9(name: str) -> tuple[str, ...]:
    """The columns of a table of `fervid.results.codebook.TABLES` as 0.9 wrote it."""
    return tuple(one.name for one in TABLES[name] if one.name not in _ADDED.get(name, {}))


def complete(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A table with all columns of today, those that it lacks without a value."""
    if tuple(table.columns) != columns_of_0_9(name):
        return table
    return table.assign(**_ADDED.get(name, {}))[list(dtypes(TABLES[name]))]
