"""A figure of the whole recording: the episodes of each person, as wide as a slide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report.binning import Binned
from fervid.report.chart_layout import FOOT_PX, TOP_PX, chart_layout, label_width
from fervid.report.figures import BAR_WIDTH, COLOURS, STACK, bars, seen_spans
from fervid.report.layout import time_axis

_ROW_PX = 34
_COLUMNS, _MOST_BARS = 800, 1500


def strip(binned: Binned, lanes: Mapping[int, str], episodes: pd.DataFrame) -> dict[str, Any]:
    """One row for each person, with a bar for each episode."""
    keys = {face: str(face) for face in lanes}
    height = TOP_PX + 20 + _ROW_PX * max(len(lanes), 1) + FOOT_PX
    left, top = label_width([*lanes.values()]), TOP_PX + 20
    layout = chart_layout("The whole recording", "episodes of each person", height, left, top)
    layout |= {"barmode": "overlay", "xaxis": time_axis(binned) | {"fixedrange": True}}
    layout["xaxis"] |= {"showspikes": False}
    layout["yaxis"] = {
        **{"type": "category", "fixedrange": True, "showgrid": False},
        **{"range": [len(lanes) - 0.5, -0.5], "categoryorder": "array"},
        **{"categoryarray": [*keys.values()], "tickvals": [*keys.values()]},
        "ticktext": [*lanes.values()],
    }
    drawn = episodes if len(episodes) <= _MOST_BARS else longest_in_columns(episodes, binned.edges)
    traces = [seen_spans(binned, keys) | {"yaxis": "y"}]
    for name in STACK:
        mine = drawn[drawn["expression"] == name]
        spans = mine[["onset", "offset"]].to_numpy(np.float64)
        rows = [keys[face] for face in mine["face_id"].tolist()]
        style = {"name": name, "yaxis": "y", "showlegend": True}
        traces.append(bars(spans, rows, BAR_WIDTH, COLOURS[name]) | style)
    return {"data": traces, "layout": layout}


def longest_in_columns(episodes: pd.DataFrame, edges: NDArray[np.float64]) -> pd.DataFrame:
    """Join many short episodes: what each person shows longest in each column of a screen."""
    grid = np.linspace(edges[0], edges[-1], _COLUMNS + 1)
    found = []
    for face, mine in episodes.groupby("face_id"):
        cover = np.array([_covered(mine[mine["expression"] == e], grid) for e in EXPRESSIONS])
        enough = cover.sum(axis=0) >= (grid[1] - grid[0]) / 2
        longest = np.where(enough, cover.argmax(axis=0), -1)
        starts = np.flatnonzero(np.diff(longest, prepend=-2) != 0)
        ends = np.append(starts[1:], _COLUMNS)
        found += [
            (face, EXPRESSIONS[longest[a]], grid[a], grid[b])
            for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
            if longest[a] >= 0
        ]
    return pd.DataFrame(found, columns=["face_id", "expression", "onset", "offset"])


def _covered(episodes: pd.DataFrame, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) seconds that episodes take of each column between (C + 1,) edges."""
    if episodes.empty:
        return np.zeros(len(grid) - 1)
    spans = episodes[["onset", "offset"]].sort_values("onset").to_numpy(np.float64)
    covered = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    return np.diff(np.interp(grid, spans.ravel(), np.repeat(covered, 2)[1:-1]))
