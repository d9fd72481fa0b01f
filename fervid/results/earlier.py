"""Tables of fervid 0.9, which have no columns of resting faces and covered faces."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fervid.results.codebook import CHANGE_COLUMNS, TABLES, UNUSED, dtypes

_ADDED: dict[str, dict[str, Any]] = {
    "frames": dict.fromkeys(("covered", "intensity", *CHANGE_COLUMNS), float("nan")),
    "people": {
        "resting_face": UNUSED,
        "rest_s": float("nan"),
        "rest_rows": 0,
        "rest_visits": 0,
        "rest_spread": float("nan"),
    },
}
"""Columns added after 0.9, and the value to fill in."""


def columns_of_0_9(name: str) -> tuple[str, ...]:
    """The columns of a table as version 0.9 wrote it."""
    return tuple(one.name for one in TABLES[name] if one.name not in _ADDED.get(name, {}))


def complete(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add the current columns that a table lacks, without values."""
    if tuple(table.columns) != columns_of_0_9(name):
        return table
    return table.assign(**_ADDED.get(name, {}))[list(dtypes(TABLES[name]))]
