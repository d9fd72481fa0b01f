"""Hard parts (strata) of a split; an image may be in several of them or in none.

The lists are those of Wang et al. 2020 (Region Attention Networks, IEEE TIP) for FER+: images of
PrivateTest in which parts of the face are hidden, or the head is turned by more than 30 or 45
degrees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from training import fer2013

STRATA = ("pose30", "pose45", "occlusion")
"""Names of the strata, and of their columns."""

REST = "rest"
"""All images of the split that are in no stratum."""

TITLES = {
    "pose30": "Heads turned by more than 30 degrees",
    "pose45": "Heads turned by more than 45 degrees",
    "occlusion": "Hidden parts",
    REST: "All other images",
}
"""Titles of the strata, for the reader."""

_COLUMNS = ("row", "usage", *STRATA)


def read_strata(path: Path, data: fer2013.Fer2013) -> dict[str, NDArray[np.bool_]]:
    """Which images of the data set are in each stratum, and which in none.

    Args:
        path: CSV with the columns row (0-based, of the data set), usage, and pose30, pose45 and
            occlusion, each 0 or 1.
        data: the whole data set, in the order of the official file.

    Returns:
        By name (`STRATA`), (rows of the data set,) bool.

    Raises:
        FervidError: the file cannot be read, or a row is invalid or belongs to another split than
            it says.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise FervidError(f"{path}: cannot be read as a table of strata") from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise FervidError(f"{path}: no column {', '.join(missing)}")
    rows = pd.to_numeric(table["row"], errors="coerce").to_numpy(np.float64)
    bad = ~((rows >= 0) & (rows < len(data)) & (rows == np.floor(rows)))
    if bad.any():
        raise FervidError(f"{path}: row {int(np.argmax(bad))}: no such row of the data set")
    rows = rows.astype(np.int64)
    differ = np.array(fer2013.USAGES)[data.usage[rows]] != table["usage"].to_numpy(str)
    if differ.any():
        first = int(np.argmax(differ))
        raise FervidError(
            f"{path}: row {first}: usage is {table['usage'].iloc[first]}, but row {rows[first]} of "
            f"the data is of {fer2013.USAGES[data.usage[rows[first]]]}; give the official order"
        )
    masks = {name: np.zeros(len(data), bool) for name in STRATA}
    for name, mask in masks.items():
        mask[rows[(table[name] == 1).to_numpy()]] = True
    return masks


def in_split(
    masks: dict[str, NDArray[np.bool_]], data: fer2013.Fer2013, usage: str
) -> dict[str, NDArray[np.bool_]]:
    """The masks over the rows of one split.

    Raises:
        FervidError: no image of the split is in any stratum.
    """
    own = data.usage == fer2013.USAGES.index(usage)
    found = {name: mask[own] for name, mask in masks.items()}
    if not any(mask.any() for mask in found.values()):
        raise FervidError(f"the table of strata lists no image of {usage}")
    return found


def short(scores: dict[str, Any]) -> dict[str, Any]:
    """The scores of `evaluation.score` that are given for a stratum: accuracies, macro recalls."""
    kept = ("accuracy", "balanced_accuracy")
    return {
        "labels": {name: scores["labels"][name] for name in kept},
        "majority": scores["majority"] and {name: scores["majority"][name] for name in kept},
        "plurality_accuracy": scores["plurality_accuracy"],
    }
