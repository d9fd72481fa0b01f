"""The small picture of a recording in an index: valence in at most sixty steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.binning import Bins
from fervid.results.files import FRAMES_NAME, read_frames

META_KEY = "overview"
"""Key in `meta.json`, so that long frame tables need not be read again for a small picture."""

_STEPS = 60
_FINE_BINS = 4 * _STEPS
WIDTH, HEIGHT = 120, 40
"""Size of the picture in its units; valence 0 is in the middle, the edges are -1 and +1."""


@dataclass(frozen=True)
class Overview:
    """B time steps with at least one sampled frame each.

    Attributes:
        edges: (B + 1,) float64 seconds, ascending.
        valence: (B,) float64, mean smoothed valence over the faces of a step; NaN without a face.
    """

    edges: NDArray[np.float64]
    valence: NDArray[np.float64]

    @classmethod
    def of(cls, bins: Bins) -> Overview:
        """Make an overview of bins."""
        few = bins.result().coarser(_STEPS)
        return cls(few.edges, few.valence[0])


class OverviewMaker:
    """Makes an overview of a frame table while it is written."""

    def __init__(self) -> None:
        self._bins = Bins(max_bins=_FINE_BINS)

    def watch(self, tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass the pieces of the table on unchanged, and learn from them."""
        for table in tables:
            self._bins.add(table)
            yield table

    def stored(self, folder: Path) -> dict[str, Any]:
        """Contents of `meta.json`; `read_overview` uses them only if the table's size matches."""
        overview = Overview.of(self._bins)
        return {
            "frames_csv_bytes": (folder / FRAMES_NAME).stat().st_size,
            "seconds": np.round(overview.edges, 3).tolist(),
            "valence": np.round(overview.valence, 3).tolist(),
        }


def read_overview(folder: Path, meta: dict[str, Any]) -> Overview:
    """The overview of a result from `meta.json`, or else from the frame table.

    Raises:
        ResultError: the frame table is missing or damaged.
    """
    frames = read_frames(folder)
    known = _stored(meta.get(META_KEY), (folder / FRAMES_NAME).stat().st_size)
    if known is not None:
        return known
    bins = Bins(max_bins=_FINE_BINS)
    for table in frames:
        bins.add(table)
    return Overview.of(bins)


def _stored(entry: Any, table_bytes: int) -> Overview | None:
    """The overview in an entry of `meta.json`; None if it is invalid or of another table."""
    if not isinstance(entry, dict) or entry.get("frames_csv_bytes") != table_bytes:
        return None
    try:
        edges, valence = (np.array(entry.get(key), np.float64) for key in ("seconds", "valence"))
    except (TypeError, ValueError):
        return None
    if edges.ndim != 1 or valence.shape != (len(edges) - 1,) or len(valence) > _STEPS:
        return None
    ascending = np.isfinite(edges).all() and (np.diff(edges) >= 0).all()
    return Overview(edges, valence) if ascending and not (np.abs(valence) > 1).any() else None


def outline(overview: Overview) -> str:
    """The picture as an SVG path, with a block from the middle line to the valence of each step.

    Blocks of adjacent steps with a face are joined; steps without a face are empty.
    """
    span = overview.edges[-1] - overview.edges[0]
    if not span > 0:
        return ""
    x = np.round((overview.edges - overview.edges[0]) / span * WIDTH, 1)
    y = np.round((1 - overview.valence) * HEIGHT / 2, 1)
    parts, inside = [], False
    for left, right, level in zip(x[:-1], x[1:], y, strict=True):
        if np.isnan(level):
            parts += [f"V{HEIGHT // 2}Z"] if inside else []
        else:
            parts += [f"V{level:g}H{right:g}"] if inside else [_move_to(left, level, right)]
        inside = not np.isnan(level)
    return "".join(parts) + (f"V{HEIGHT // 2}Z" if inside else "")


def _move_to(left: float, level: float, right: float) -> str:
    return f"M{left:g} {HEIGHT // 2}V{level:g}H{right:g}"
