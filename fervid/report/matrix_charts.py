"""Figures of cells: which expression follows which, and who shows the same at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report.chart_layout import chart_layout, label_width
from fervid.report.figures import COLOURS

GAP_S = 2.0
"""One expression follows another if no more time lies between two episodes of a person."""

_CELL_PX, _LARGEST_PX, _EDGE_PX = 46, 36, 8


def followers(episodes: pd.DataFrame) -> NDArray[np.int64]:
    """(7, 7) how often the expression of a column follows that of a row, by the same person.

    It follows if the next episode begins at most `GAP_S` after the end of the one before.
    """
    table = episodes.sort_values(["face_id", "onset"], kind="stable")
    code = pd.Categorical(table["expression"], categories=list(EXPRESSIONS)).codes
    face = table["face_id"].to_numpy(np.int64)
    gap = table["onset"].to_numpy()[1:] - table["offset"].to_numpy()[:-1]
    counts = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), np.int64)
    is_next = (face[1:] == face[:-1]) & (gap <= GAP_S)
    np.add.at(counts, (code[:-1][is_next], code[1:][is_next]), 1)
    return counts


def _cells(
    sizes: NDArray[np.float64], texts: Sequence[str], rows: Sequence[str], hover: str
) -> dict[str, Any]:
    """Squares (R, 7) whose area shows a value from 0 to 1, in the colours of their columns."""
    place = np.flatnonzero(sizes.ravel() > 0)
    row, column = np.divmod(place, len(EXPRESSIONS))
    names = [EXPRESSIONS[k] for k in column.tolist()]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": names,
        "y": [rows[k] for k in row.tolist()],
        "text": [texts[k] for k in place.tolist()],
        "textfont": {"size": 11},
        "hovertemplate": f"%{{y}} {hover} %{{x}}: %{{text}}<extra></extra>",
        "showlegend": False,
        "marker": {
            "symbol": "square",
            "opacity": 0.55,
            "color": [COLOURS[name] for name in names],
            "size": np.round(6 + _LARGEST_PX * np.sqrt(sizes.ravel()[place]), 1).tolist(),
        },
    }


def _matrix(trace: dict[str, Any], what: str, more: str, rows: Mapping[str, str]) -> dict[str, Any]:
    """A figure of cells: columns are expressions, rows have keys and words."""
    top = 84
    height = top + _CELL_PX * max(len(rows), 1) + _EDGE_PX
    layout = chart_layout(what, more, height, label_width([*rows.values()]), top)
    layout["margin"]["b"] = _EDGE_PX
    axis = {"type": "category", "fixedrange": True, "showgrid": True, "ticks": ""}
    layout["xaxis"] = {**axis, "side": "top", "categoryarray": list(EXPRESSIONS)}
    layout["xaxis"] |= {"categoryorder": "array", "range": [-0.5, len(EXPRESSIONS) - 0.5]}
    layout["yaxis"] = {**axis, "categoryorder": "array", "categoryarray": [*rows]}
    layout["yaxis"] |= {"range": [len(rows) - 0.5, -0.5], "tickvals": [*rows]}
    layout["yaxis"] |= {"ticktext": [*rows.values()]}
    return {"data": [trace], "layout": layout}


def transitions(episodes: pd.DataFrame, lanes: Mapping[int, str], of: int | None) -> dict[str, Any]:
    """How often one expression follows another, by one person or by everyone."""
    mine = episodes if of is None else episodes[episodes["face_id"] == of]
    counts = followers(mine)
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    trace = _cells(
        counts / total, [f"{count:,}" for count in counts.ravel()], EXPRESSIONS, "is followed by"
    )
    whose = "everyone" if of is None else lanes[of]
    more = f"times that the column follows the row within {GAP_S:g} s; area: share of the row"
    title = f"Which expression follows which: {whose}"
    return _matrix(trace, title, more, {name: name for name in EXPRESSIONS})


def seconds_together(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.float64]:
    """(7,) seconds in which two people are in episodes of the same expression at the same time."""
    return np.array(
        [_overlap(*(t[t["expression"] == e] for t in (one, other))) for e in EXPRESSIONS]
    )


def _overlap(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Seconds in which both tables have an episode; episodes of one table do not overlap."""
    if one.empty or other.empty:
        return 0.0
    spans = other[["onset", "offset"]].sort_values("onset").to_numpy(np.float64)
    covered = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    edges = spans.ravel()
    at_edges = np.repeat(covered, 2)[1:-1]
    onset, offset = (
        np.interp(one[name].to_numpy(np.float64), edges, at_edges) for name in ("onset", "offset")
    )
    return float((offset - onset).sum())


def together(episodes: pd.DataFrame, lanes: Mapping[int, str]) -> dict[str, Any]:
    """For each pair of people, for how long both show the same expression at the same time."""
    pairs = list(combinations(lanes, 2))
    own = {face: episodes[episodes["face_id"] == face] for face in lanes}
    seconds = np.array([seconds_together(own[a], own[b]) for a, b in pairs]).reshape(-1, 7)
    order = np.argsort(-seconds.sum(axis=1), kind="stable")
    keys = {f"{pairs[k][0]} {pairs[k][1]}": k for k in order.tolist()}
    rows = {key: f"{lanes[pairs[k][0]]} + {lanes[pairs[k][1]]}" for key, k in keys.items()}
    seconds = seconds[order]
    texts = [f"{value:,.1f} s" for value in seconds.ravel()]
    trace = _cells(seconds / max(float(seconds.max(initial=0.0)), 1e-9), texts, [*rows], "both")
    more = "seconds, for each pair of people" if pairs else "there is only one person"
    return _matrix(trace, "Who shows the same expression at the same time", more, rows)
