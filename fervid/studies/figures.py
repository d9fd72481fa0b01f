"""Figures of a study, for plotly.js or `plotly.graph_objects.Figure`."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.figures import COLOURS
from fervid.studies.bootstrap import Band
from fervid.studies.speech import SPEECH

LEVEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7d8ba1")
"""Colours of levels: those of Okabe and Ito that are clear as lines."""

_OF_SPEECH = "#4d4d4d"
_COLUMNS = 3
_MOST_LANES = 40
Figure = dict[str, Any]


def colour(place: int) -> str:
    """The colour of a level by its index."""
    return LEVEL_COLOURS[place % len(LEVEL_COLOURS)]


def _faint(hexadecimal: str, alpha: float = 0.2) -> str:
    red, green, blue = (int(hexadecimal[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _numbers(values: NDArray[np.floating[Any]]) -> list[float | None]:
    """Replace NaN, which JSON does not have, so that unknown values leave gaps."""
    return [None if not math.isfinite(value) else round(value, 5) for value in values.tolist()]


def band_traces(
    x: NDArray[np.floating[Any]], mean: NDArray[np.floating[Any]], low: NDArray[np.floating[Any]],
    high: NDArray[np.floating[Any]], name: str, line: str, **place: Any,
) -> list[Figure]:  # fmt: skip
    """A line and the band of its interval."""
    shown = np.isfinite(low) & np.isfinite(high)
    outline = {
        "type": "scatter",
        "x": _numbers(np.concatenate([x[shown], x[shown][::-1]])),
        "y": _numbers(np.concatenate([high[shown], low[shown][::-1]])),
        "fill": "toself",
        "mode": "lines",
        "line": {"width": 0},
        "fillcolor": _faint(line),
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": name,
        **{key: value for key, value in place.items() if key != "showlegend"},
    }
    middle = {
        "type": "scatter",
        "mode": "lines",
        "x": _numbers(x),
        "y": _numbers(mean),
        "line": {"color": line, "width": 2},
        "name": html.escape(name),
        "legendgroup": name,
        "hovertemplate": "%{x:.2f} s: %{y:.3f}<extra>" + html.escape(name) + "</extra>",
        **place,
    }
    return [outline, middle] if shown.any() else [middle]


def curves_figure(
    bands: Mapping[str, Band],
    centres: NDArray[np.floating[Any]],
    expressions: Sequence[str],
    unit: str,
    first: int = 0,
) -> Figure:
    """Event-locked averages: a panel for each expression, a line with a band for each level.

    Args:
        bands: for each level, a band of shape (T, K).
        centres: (T,) seconds from the event.
        expressions: the K expressions.
        unit: unit of the values.
        first: index of the first level's colour.
    """
    rows = math.ceil(len(expressions) / _COLUMNS)
    data: list[Figure] = []
    layout = _layout(230 * rows + 90) | {"hovermode": "x"}
    edges = np.concatenate([np.ravel([b.mean, b.low, b.high]) for b in bands.values()])
    low, high = np.nanmin(edges, initial=-0.05), np.nanmax(edges, initial=0.05)
    reach = [float(low - (high - low) / 20), float(high + (high - low) / 20)]
    for k, expression in enumerate(expressions):
        x = "x" if k == 0 else f"x{k + 1}"
        y = "y" if k == 0 else f"y{k + 1}"
        for place, (name, band) in enumerate(bands.items()):
            label = f"{name or 'all'} ({band.people} people)"
            own = (band.mean[:, k], band.low[:, k], band.high[:, k])
            where: Figure = {"xaxis": x, "yaxis": y, "showlegend": k == 0}
            data += band_traces(centres, *own, label, colour(first + place), **where)
        column, row = k % _COLUMNS, k // _COLUMNS
        width, height = 1 / _COLUMNS, 1 / rows
        left, top = column * width, 1 - row * height
        layout[f"xaxis{x[1:]}"] = {
            "domain": [left + 0.035, left + width - 0.01],
            "anchor": y,
            "zeroline": True,
            "title": {"text": "seconds from the event"} if row == rows - 1 else {},
        }
        layout[f"yaxis{y[1:]}"] = {
            "domain": [top - height + 0.11, top - 0.06],
            "anchor": x,
            "range": reach,
            "zeroline": True,
            "title": {"text": unit} if column == 0 else {},
        }
        layout["annotations"].append(_heading(expression, left + 0.035, top - 0.055))
    return {"data": data, "layout": layout}


def _layout(height: int) -> Figure:
    return {
        "template": {},
        "height": height,
        "margin": {"l": 40, "r": 10, "t": 40, "b": 44},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "annotations": [],
    }


def _heading(text: str, x: float, y: float) -> Figure:
    return {
        "text": f"<b>{html.escape(text)}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": y,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def effects_figure(comparisons: pd.DataFrame, unit: str) -> Figure:
    """Differences and means with their intervals, by expression."""
    shown = comparisons[comparisons["reference"] != "baseline"]
    shown = shown if len(shown) else comparisons
    names = list(dict.fromkeys(zip(shown["level"], shown["reference"], strict=True)))
    data = []
    for place, (level, reference) in enumerate(names):
        mine = shown[(shown["level"] == level) & (shown["reference"] == reference)]
        estimate = mine["estimate"].to_numpy(np.float64)
        before = reference == "baseline"
        label = "change from before the event" if before else f"{level} \u2212 {reference}"
        label = f"{level}: {label}" if before and level else label
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": _numbers(estimate),
                "y": [html.escape(name) for name in mine["expression"]],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": _numbers(mine["high"].to_numpy(np.float64) - estimate),
                    "arrayminus": _numbers(estimate - mine["low"].to_numpy(np.float64)),
                    "thickness": 2,
                    "width": 5,
                },
                "marker": {"size": 9, "color": colour(place)},
                "name": html.escape(label),
                "hovertemplate": "%{y}: %{x:.3f}<extra>" + html.escape(label) + "</extra>",
            }
        )
    layout = _layout(60 + 46 * shown["expression"].nunique() + 60)
    layout["margin"]["l"] = 80
    layout["scattermode"] = "group"
    layout["showlegend"] = True
    layout["xaxis"] = {"title": {"text": f"{unit}, with 95% interval"}, "zeroline": True}
    layout["yaxis"] = {"autorange": "reversed", "type": "category"}
    return {"data": data, "layout": layout}


def lanes_figure(lanes: pd.DataFrame, levels: Sequence[str]) -> Figure:
    """Events and episodes over the time of each recording.

    Args:
        lanes: table of lane, kind ("event", "speech" or an expression), level, start and end in
            seconds.
        levels: levels of the events, in the order of their colours.
    """
    names = list(dict.fromkeys(lanes["lane"]))[:_MOST_LANES]
    lanes = lanes[lanes["lane"].isin(names)]
    data = []
    for place, level in enumerate(levels):
        mine = lanes[(lanes["kind"] == "event") & (lanes["level"] == level)]
        title = html.escape(f"event: {level}" if level else "event")
        data.append(_bars(mine, title, _faint(colour(place), 0.45), 0.9))
    for name, shade in COLOURS.items():
        mine = lanes[lanes["kind"] == name]
        if len(mine):
            data.append(_bars(mine, name, shade, 0.4))
    speech = lanes[lanes["kind"] == SPEECH]
    if len(speech):
        data.append(_bars(speech, SPEECH, _OF_SPEECH, 0.12) | {"offset": 0.3})
    layout = _layout(110 + 24 * len(names)) | {"barmode": "overlay"}
    layout["margin"]["l"] = 170
    layout["xaxis"] = {"title": {"text": "seconds of the recording"}}
    layout["yaxis"] = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [html.escape(name) for name in names],
        "autorange": "reversed",
    }
    return {"data": data, "layout": layout}


def _bars(spans: pd.DataFrame, name: str, shade: str, width: float) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "base": _numbers(spans["start"].to_numpy(np.float64)),
        "x": _numbers((spans["end"] - spans["start"]).to_numpy(np.float64)),
        "y": [html.escape(lane) for lane in spans["lane"]],
        "marker": {"color": shade, "line": {"width": 0}},
        "width": width,
        "name": name,
        "customdata": [html.escape(label) for label in spans["label"]],
        "hovertemplate": "%{base:.2f} s: %{customdata}<extra>%{fullData.name}</extra>",
    }
