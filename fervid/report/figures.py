"""The interactive figure: four panels over one time axis, with a range slider below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report.binning import Binned

COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#F0E442",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#BBBBBB",
}
"""The palette of Okabe and Ito, which stays apart for colour-blind readers."""

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Without the first three Plotly shows a button that uploads the data."""

STACK = ("neutral", "happy", "surprise", "sad", "fear", "disgust", "angry")
"""Order of the stacked area from the bottom: what is seen most is most level there."""

_PALE = ("happy", "surprise", "neutral", "fear", "disgust", "angry")
_INK_ON = {name: "#1b1b1b" if name in _PALE else "#ffffff" for name in EXPRESSIONS}
_LINE, _FILL = "#7d8ba1", "rgba(125,139,161,0.28)"
_LABEL_SHARE = 0.05
_DAY_S = 86_400
_TITLE_PX, _GAP_PX, _LANE_PX = 26, 22, 24
_SLIDER_PX, _TOP_PX, _BOTTOM_PX = 54, 62, 110


@dataclass(frozen=True)
class Panel:
    """A part of the figure: its axis, its heading and where it lies, in fractions of the height."""

    axis: str
    title: str
    domain: tuple[float, float]


def timeline_figure(binned: Binned, lane_names: list[str]) -> go.Figure:
    """The figure of one recording.

    Args:
        binned: means over time.
        lane_names: what each lane of `binned` shows, plain text without markup.
    """
    panels, height = _panels(len(lane_names))
    figure = go.Figure()
    figure.add_traces(_areas(binned, "y", legend=True))
    figure.add_trace(_strip(binned, lane_names))
    figure.add_traces([_valence(binned), _faces(binned)])
    figure.add_traces(_areas(binned, "y5", legend=False))
    figure.update_layout(_layout(binned, panels, height, lane_names))
    return figure


def _milliseconds(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds as Plotly's date axis counts them, so that its ticks and hovers are timecodes."""
    return np.asarray(np.round(seconds * 1000, 3), np.float64)


def _closed(binned: Binned, values: NDArray[np.float64]) -> tuple[Any, Any]:
    """Points at the start of each bin and at the end of each run, so that no run is invisible.

    A run is a stretch of bins with faces; the NaN of the bins between runs leaves a gap.
    """
    known = ~np.isnan(values)
    last = np.flatnonzero(known & ~np.append(known[1:], False))
    x = np.insert(binned.edges[:-1], last + 1, binned.edges[last + 1])
    return _milliseconds(x), np.insert(values, last + 1, values[last]).astype(np.float32)


def _areas(binned: Binned, axis: str, *, legend: bool) -> list[go.Scatter]:
    traces = []
    for name in STACK:
        x, y = _closed(binned, binned.mean[:, EXPRESSIONS.index(name)])
        traces.append(
            go.Scatter(
                x=x,
                y=y,
                name=name,
                xaxis="x" if legend else "x2",
                yaxis=axis,
                mode="lines",
                stackgroup=axis,
                line={"width": 0.4, "color": COLOURS[name]},
                fillcolor=COLOURS[name],
                legendgroup=name,
                showlegend=legend,
                hoverinfo=None if legend else "skip",
                hovertemplate="%{y:.0%}" if legend else None,
            )
        )
    return traces


def _strip(binned: Binned, lane_names: list[str]) -> go.Heatmap:
    steps = np.repeat(np.arange(len(EXPRESSIONS) + 1) / len(EXPRESSIONS), 2)[1:-1]
    colours = np.repeat([COLOURS[name] for name in EXPRESSIONS], 2)
    dominant = binned.dominant()
    words = np.array([*EXPRESSIONS, "no face"], object)
    text = words[np.nan_to_num(dominant, nan=len(EXPRESSIONS)).astype(int)]
    return go.Heatmap(
        x=_milliseconds(binned.edges),
        y=lane_names,
        z=dominant.astype(np.float32),
        text=text,
        xaxis="x",
        yaxis="y2",
        zmin=0,
        zmax=len(EXPRESSIONS),
        colorscale=[[float(s), str(c)] for s, c in zip(steps, colours, strict=True)],
        showscale=False,
        ygap=3,
        name="most frequent",
        hovertemplate="%{y}: %{text}<extra></extra>",
    )


def _valence(binned: Binned) -> go.Scatter:
    x, y = _closed(binned, binned.valence)
    return go.Scatter(
        x=x,
        y=y,
        name="valence (derived)",
        xaxis="x",
        yaxis="y3",
        mode="lines",
        line={"width": 1.4, "color": _LINE},
        fill="tozeroy",
        fillcolor=_FILL,
        connectgaps=False,
        showlegend=False,
        hovertemplate="%{y:+.2f}",
    )


def _faces(binned: Binned) -> go.Scatter:
    mean = binned.faces / binned.frames
    return go.Scatter(
        x=_milliseconds(binned.edges),
        y=np.append(mean, mean[-1:]).astype(np.float32) if len(mean) else np.zeros(1, np.float32),
        name="faces found",
        xaxis="x",
        yaxis="y4",
        mode="lines",
        line={"width": 1.4, "color": _LINE, "shape": "hv"},
        fill="tozeroy",
        fillcolor=_FILL,
        showlegend=False,
        hovertemplate="%{y:.2~f}",
    )


def _panels(lanes: int) -> tuple[list[Panel], int]:
    heights = [300, _LANE_PX * lanes, 120, 80]
    titles = [
        "<b>Mean of the expressions shown</b>, over all faces found",
        "<b>Most frequent expression</b>",
        "<b>Valence</b>, derived: happy \N{MINUS SIGN} strongest negative",
        "<b>Faces found</b> in a frame",
    ]
    inner = sum(heights) + (_TITLE_PX + _GAP_PX) * len(heights) - _GAP_PX
    panels, top = [], float(inner)
    for axis, title, height in zip(("y", "y2", "y3", "y4"), titles, heights, strict=True):
        top -= _TITLE_PX
        panels.append(Panel(axis, title, (max(top - height, 0) / inner, top / inner)))
        top -= height + _GAP_PX
    return panels, inner + _TOP_PX + _BOTTOM_PX


def _layout(
    binned: Binned, panels: list[Panel], height: int, lane_names: list[str]
) -> dict[str, Any]:
    peak = float((binned.faces / binned.frames).max(initial=1.0))
    own: dict[str, dict[str, Any]] = {
        "y": {"range": [0, 1], "tickformat": ".0%", "nticks": 5, "fixedrange": True},
        "y2": {"autorange": "reversed", "fixedrange": True, "showgrid": False, "type": "category"},
        "y3": {"range": [-1.05, 1.05], "tickvals": [-1, 0, 1], "ticktext": ["-1", "0", "+1"]},
        "y4": {"range": [0, peak * 1.15], "nticks": 4, "rangemode": "tozero"},
    }
    own["y3"] |= {"zeroline": True, "fixedrange": True}
    own["y4"] |= {"fixedrange": True, "tickformat": "~f"}
    axes = {
        f"yaxis{p.axis[1:]}": {"domain": p.domain, "anchor": "x", **own[p.axis]} for p in panels
    }
    axes["yaxis5"] = {"domain": [0, 1e-6], "anchor": "x2", "visible": False, "fixedrange": True}
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 78, "r": 18, "t": _TOP_PX, "b": _BOTTOM_PX, "pad": 0},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
            "yref": "paper",
        },
        "xaxis": _time_axis(binned) | {"anchor": "free", "position": 0, "showticklabels": True},
        "xaxis2": _time_axis(binned)
        | {"anchor": "y5", "matches": "x", "showticklabels": False, "ticks": ""}
        | {"rangeslider": {"visible": True, "thickness": _SLIDER_PX / height}},
        "annotations": [*map(_title, panels), *_run_labels(binned, lane_names)],
        **axes,
    }


def _time_axis(binned: Binned) -> dict[str, Any]:
    start, end = float(binned.edges[0]), float(binned.edges[-1])
    day = "day %-j, " if end >= _DAY_S else ""
    return {
        "type": "date",
        "range": [start * 1000, max(end, start + 0.001) * 1000],
        "hoverformat": f"{day}%-H:%M:%S.%2f",
        "tickformatstops": [
            {"dtickrange": [None, 999], "value": f"{day}%-H:%M:%S.%2f"},
            {"dtickrange": [999, None], "value": f"{day}%-H:%M:%S"},
        ],
        "ticks": "outside",
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "nticks": 9,
    }


def _title(panel: Panel) -> dict[str, Any]:
    return {
        "text": panel.title,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": panel.domain[1],
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 13},
    }


def _run_labels(binned: Binned, lane_names: list[str]) -> list[dict[str, Any]]:
    """The name of the expression on each stretch of a lane that is long enough to hold it."""
    labels = []
    whole = binned.edges[-1] - binned.edges[0]
    for lane, codes in zip(lane_names, binned.dominant(), strict=True):
        codes = np.nan_to_num(codes, nan=-1).astype(int)
        first = np.flatnonzero(np.diff(codes, prepend=-2))
        for a, b in zip(first, np.append(first[1:], len(codes)), strict=True):
            left, right = binned.edges[a], binned.edges[b]
            if codes[a] < 0 or right - left < _LABEL_SHARE * whole:
                continue
            name = EXPRESSIONS[codes[a]]
            labels.append(
                {
                    "text": name,
                    "x": float(left + right) / 2 * 1000,
                    "y": lane,
                    "xref": "x",
                    "yref": "y2",
                    "showarrow": False,
                    "font": {"size": 11, "color": _INK_ON[name]},
                }
            )
    return labels
