"""Figures that answer a question: who shows what, what follows what, who shows the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report.binning import Binned
from fervid.report.figures import (
    BAR_WIDTH,
    COLOURS,
    LINE,
    LINE_FILL,
    STACK,
    Outline,
    areas,
    bars,
    scatter,
    seen_spans,
)
from fervid.report.layout import milliseconds, time_axis
from fervid.results.codebook import CHANGE_COLUMNS

Chart = Literal["shares", "intensity", "change", "transitions", "together", "strip"]
CHARTS: tuple[Chart, ...] = get_args(Chart)

BINS = 240
"""Steps of time in small figures."""

GAP_S = 2.0
"""One expression follows another if no more time lies between two episodes of a person."""

_CHANGED = tuple(name.removeprefix("change_") for name in CHANGE_COLUMNS)
_ROW_PX, _BETWEEN_PX, _TOP_PX, _FOOT_PX = 74, 24, 74, 34
_CELL_PX, _STRIP_ROW_PX = 46, 34
_COLUMNS, _MOST_BARS = 800, 1500
_LARGEST_PX, _EDGE_PX = 36, 8

_TITLES = {
    "shares": ("What each person shows", "mean probability of each expression"),
    "intensity": (
        "How strongly each person shows it",
        "1: as in posed photographs; nothing where the resting face is unknown",
    ),
    "change": (
        "Change from rest, person by person",
        "nats; above 0: more than in this person's resting face",
    ),
}


def chart(
    name: Chart,
    binned: Binned,
    lanes: Mapping[int, str],
    episodes: pd.DataFrame,
    of: int | None = None,
) -> dict[str, Any]:
    """A figure as plotly.js takes it and `plotly.graph_objects.Figure`, too.

    Args:
        name: "shares", "intensity" or "change": one row a person; "transitions": what follows what;
            "together": which two people show the same at the same time; "strip": the whole
            recording in one row a person, as wide as a slide.
        binned: means over time.
        lanes: face ids that the lanes of `binned` from 1 on show, and what they are called.
        episodes: the table of episodes.
        of: face id for "transitions"; None: everyone.
    """
    mine = episodes[episodes["face_id"].isin(list(lanes))]
    if name == "transitions":
        return _transitions(mine, lanes, of)
    if name == "together":
        return _together(mine, lanes)
    if name == "strip":
        return _strip(binned, lanes, mine)
    return _small_multiples(name, binned.coarser(BINS), lanes)


def _title(what: str, more: str, height: int) -> dict[str, Any]:
    return {
        "text": f"<b>{escape(what)}</b>: {escape(more)}" if more else f"<b>{escape(what)}</b>",
        **{"xref": "container", "yref": "container", "x": 0, "xanchor": "left"},
        **{"y": 1 - 14 / height, "yanchor": "top", "font": {"size": 14}},
    }


def _layout(what: str, more: str, height: int, left: int, top: int = _TOP_PX) -> dict[str, Any]:
    return {
        "template": {},
        "title": _title(what, more, height),
        "height": height,
        "margin": {"l": left, "r": 18, "t": top, "b": _FOOT_PX, "pad": 0},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "legend": {
            **{"orientation": "h", "traceorder": "normal", "x": 0, "xanchor": "left"},
            **{"y": 1 - 38 / height, "yref": "container", "yanchor": "top"},
        },
    }


def _left(names: Sequence[str]) -> int:
    """Pixels for labels of rows."""
    return 24 + 7 * max((len(name) for name in names), default=4)


def _small_multiples(name: str, shown: Binned, lanes: Mapping[int, str]) -> dict[str, Any]:
    count = max(len(lanes), 1)
    inner = count * _ROW_PX + (count - 1) * _BETWEEN_PX
    top = _TOP_PX + 20
    layout = _layout(*_TITLES[name], inner + top + _FOOT_PX, 52, top)
    traces: list[dict[str, Any]] = []
    notes, limit = [], _limit(shown)
    for row, (face_id, who) in enumerate(lanes.items()):
        upper = 1 - row * (_ROW_PX + _BETWEEN_PX) / inner
        axis = "y" if row == 0 else f"y{row + 1}"
        layout[f"yaxis{axis[1:]}"] = {
            "domain": [max(upper - _ROW_PX / inner, 0), upper],
            "fixedrange": True,
            **_AXES[name](limit),
        }
        traces += _ROWS[name](shown, row + 1, axis, row == 0)
        notes.append(
            {
                **{"text": f"<b>{escape(who)}</b>", "name": f"person {face_id}"},
                **{"xref": "paper", "yref": "paper", "x": 0, "y": upper, "showarrow": False},
                **{"xanchor": "left", "yanchor": "bottom", "font": {"size": 12}},
            }
        )
    layout |= {"annotations": notes, "xaxis": time_axis(shown) | {"anchor": f"y{count}"}}
    layout["xaxis"] |= {"fixedrange": True, "showspikes": False}
    if count == 1:
        layout["xaxis"]["anchor"] = "y"
    return {"data": traces, "layout": layout}


def _limit(shown: Binned) -> float:
    """Nats that the axes of changes reach, in both directions."""
    largest = float(np.nanmax(np.abs(shown.change[1:]), initial=0.0))
    return max(1.0, float(np.ceil(largest * 2) / 2))


_AXES: dict[str, Any] = {
    "shares": lambda _: {"range": [0, 1], "tickvals": [0, 0.5, 1], "tickformat": ".0%"},
    "intensity": lambda _: {"range": [0, 1], "tickvals": [0, 0.5, 1]},
    "change": lambda limit: {
        "range": [-limit, limit],
        "tickvals": [-limit, 0, limit],
        "zeroline": True,
    },
}


def _share_row(shown: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    found = areas(shown, Outline.of(shown, lane), axis, legend=first, lane=lane)
    return [{**trace, "xaxis": "x", "hoverinfo": "skip"} for trace in found]


def _steps(shown: Binned, values: NDArray[np.float64], axis: str, **style: Any) -> dict[str, Any]:
    """A line that ends where nothing is known."""
    x = milliseconds((shown.edges[:-1] + shown.edges[1:]) / 2)
    return scatter(x, values.astype(np.float32), ("x", axis), hoverinfo="skip", **style)


def _intensity_row(shown: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    line = {"width": 1.4, "color": LINE}
    values = shown.intensity[lane]
    fill = {"fill": "tozeroy", "fillcolor": LINE_FILL, "connectgaps": False}
    return [_steps(shown, values, axis, line=line, showlegend=False, name="intensity", **fill)]


def _change_row(shown: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    return [
        _steps(
            *(shown, shown.change[lane, :, k], axis),
            name=name,
            legendgroup=name,
            showlegend=first,
            line={"width": 1.8, "color": COLOURS[name]},
        )
        for k, name in enumerate(_CHANGED)
    ]


_ROWS: dict[str, Any] = {
    "shares": _share_row,
    "intensity": _intensity_row,
    "change": _change_row,
}


def followers(episodes: pd.DataFrame) -> NDArray[np.int64]:
    """(7, 7) how often the expression of a column follows that of a row, by the same person.

    It follows if the next episode begins at most `GAP_S` after the end of the one before.
    """
    table = episodes.sort_values(["face_id", "onset"], kind="stable")
    code = pd.Categorical(table["expression"], categories=list(EXPRESSIONS)).codes
    face = table["face_id"].to_numpy(np.int64)
    gap = table["onset"].to_numpy()[1:] - table["offset"].to_numpy()[:-1]
    counts = np.zeros((len(EXPRESSIONS), len(EXPRESSIONS)), np.int64)
    straight = (face[1:] == face[:-1]) & (gap <= GAP_S)
    np.add.at(counts, (code[:-1][straight], code[1:][straight]), 1)
    return counts


def _cells(
    sizes: NDArray[np.float64], texts: Sequence[str], rows: Sequence[str], hover: str
) -> dict[str, Any]:
    """Squares (R, 7) whose area tells a value from 0 to 1, in the colours of their columns."""
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
    layout = _layout(what, more, height, _left([*rows.values()]), top)
    layout["margin"]["b"] = _EDGE_PX
    axis = {"type": "category", "fixedrange": True, "showgrid": True, "ticks": ""}
    layout["xaxis"] = {**axis, "side": "top", "categoryarray": list(EXPRESSIONS)}
    layout["xaxis"] |= {"categoryorder": "array", "range": [-0.5, len(EXPRESSIONS) - 0.5]}
    layout["yaxis"] = {**axis, "categoryorder": "array", "categoryarray": [*rows]}
    layout["yaxis"] |= {"range": [len(rows) - 0.5, -0.5], "tickvals": [*rows]}
    layout["yaxis"] |= {"ticktext": [*rows.values()]}
    return {"data": [trace], "layout": layout}


def _transitions(
    episodes: pd.DataFrame, lanes: Mapping[int, str], of: int | None
) -> dict[str, Any]:
    mine = episodes if of is None else episodes[episodes["face_id"] == of]
    counts = followers(mine)
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    trace = _cells(
        counts / total, [f"{count:,}" for count in counts.ravel()], EXPRESSIONS, "is followed by"
    )
    who = "everyone" if of is None else lanes[of]
    more = f"from row to column within {GAP_S:g} s; how often, and area: share of the row"
    return _matrix(trace, f"What follows what: {who}", more, {name: name for name in EXPRESSIONS})


def seconds_together(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.float64]:
    """(7,) seconds in which two people are in episodes of the same expression at the same time."""
    return np.array(
        [_overlap(*(t[t["expression"] == e] for t in (one, other))) for e in EXPRESSIONS]
    )


def _overlap(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Seconds in which an episode of either table goes on; those of a table do not overlap."""
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


def _together(episodes: pd.DataFrame, lanes: Mapping[int, str]) -> dict[str, Any]:
    pairs = list(combinations(lanes, 2))
    own = {face: episodes[episodes["face_id"] == face] for face in lanes}
    seconds = np.array([seconds_together(own[a], own[b]) for a, b in pairs]).reshape(-1, 7)
    order = np.argsort(-seconds.sum(axis=1), kind="stable")
    keys = {f"{pairs[k][0]} {pairs[k][1]}": k for k in order.tolist()}
    rows = {key: f"{lanes[pairs[k][0]]} + {lanes[pairs[k][1]]}" for key, k in keys.items()}
    seconds = seconds[order]
    texts = [f"{value:,.1f} s" for value in seconds.ravel()]
    trace = _cells(seconds / max(float(seconds.max(initial=0.0)), 1e-9), texts, [*rows], "both")
    more = "seconds in which two people show one expression" if pairs else "there is one person"
    return _matrix(trace, "Who shows the same at the same time", more, rows)


def _strip(binned: Binned, lanes: Mapping[int, str], episodes: pd.DataFrame) -> dict[str, Any]:
    keys = {face: str(face) for face in lanes}
    height = _TOP_PX + 20 + _STRIP_ROW_PX * max(len(lanes), 1) + _FOOT_PX
    left, top = _left([*lanes.values()]), _TOP_PX + 20
    layout = _layout("The whole recording", "episodes of each person", height, left, top)
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
    """Of many short episodes, what each person shows longest in each column of a screen."""
    grid = np.linspace(edges[0], edges[-1], _COLUMNS + 1)
    found = []
    for face, mine in episodes.groupby("face_id"):
        cover = np.array([_covered(mine[mine["expression"] == e], grid) for e in EXPRESSIONS])
        enough = cover.sum(axis=0) >= (grid[1] - grid[0]) / 2
        shown = np.where(enough, cover.argmax(axis=0), -1)
        starts = np.flatnonzero(np.diff(shown, prepend=-2) != 0)
        ends = np.append(starts[1:], _COLUMNS)
        found += [
            (face, EXPRESSIONS[shown[a]], grid[a], grid[b])
            for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
            if shown[a] >= 0
        ]
    return pd.DataFrame(found, columns=["face_id", "expression", "onset", "offset"])


def _covered(episodes: pd.DataFrame, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) seconds that episodes take of each column between (C + 1,) edges."""
    if episodes.empty:
        return np.zeros(len(grid) - 1)
    spans = episodes[["onset", "offset"]].sort_values("onset").to_numpy(np.float64)
    covered = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    return np.diff(np.interp(grid, spans.ravel(), np.repeat(covered, 2)[1:-1]))
