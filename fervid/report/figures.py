"""The interactive figure: four panels over one time axis, with a range slider below."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.columns import STATES, UNCERTAIN
from fervid.records import EXPRESSIONS
from fervid.report.binning import Binned
from fervid.report.layout import layout_of, milliseconds, panels_of

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

STATE_COLOURS = {**COLOURS, UNCERTAIN: "rgba(128,128,128,0.16)"}

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

_INK, _INK_ON_SAD = "#1b1b1b", "#ffffff"
_LINE, _FILL = "#7d8ba1", "rgba(125,139,161,0.28)"
_FOOT_MS = 0.2
_LABEL_SHARE = 0.005


def timeline_figure(binned: Binned, lane_names: list[str]) -> dict[str, Any]:
    """The figure of one recording, as plotly.js takes it and `plotly.graph_objects.Figure`, too.

    Args:
        binned: means over time.
        lane_names: what each lane of `binned` shows, plain text without markup.
    """
    panels, height = panels_of(len(lane_names))
    traces = [
        *_areas(binned, "y", legend=True),
        _strip(binned, lane_names),
        *_valence(binned),
        _faces(binned),
        *_areas(binned, "y5", legend=False),
    ]
    return {"data": traces, "layout": layout_of(binned, panels, height)}


def _typed(array: NDArray[Any]) -> dict[str, str]:
    """A little-endian array as plotly.js reads it: a fifth of the bytes of a list."""
    spec = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}
    return spec if array.ndim == 1 else spec | {"shape": ",".join(map(str, array.shape))}


@dataclass(frozen=True)
class _Outline:
    """Points that draw every stretch of bins with faces as a block of its own.

    Each stretch has its bins' starts, its end, and just outside of it a foot on either side, where
    an area is zero: with NaN in the gaps Plotly would slant the sides of a stacked area.
    """

    x: NDArray[np.float64]
    bin: NDArray[np.int64]
    foot: NDArray[np.bool_]

    @classmethod
    def of(cls, binned: Binned) -> _Outline:
        known = np.flatnonzero(binned.faces > 0)
        first = known[np.diff(known, prepend=-2) > 1]
        last = known[np.diff(known, append=len(binned) + 1) > 1]
        x = milliseconds(binned.edges)
        points = [(known, 0, 0.0), (last, 1, 0.0), (first, 0, -_FOOT_MS), (last, 1, _FOOT_MS)]
        places = np.concatenate([x[bins + end] + shift for bins, end, shift in points])
        foot = np.concatenate([np.full(len(bins), shift != 0) for bins, _, shift in points])
        order = np.argsort(places)
        return cls(places[order], np.concatenate([bins for bins, *_ in points])[order], foot[order])

    def values(self, of_bins: NDArray[np.float64], at_foot: float) -> NDArray[np.float32]:
        return np.where(self.foot, at_foot, of_bins[self.bin]).astype(np.float32)


def _scatter(
    x: NDArray[np.float64], y: NDArray[np.float32], axes: tuple[str, str], **style: Any
) -> dict[str, Any]:
    places = {"x": _typed(x), "y": _typed(y), "xaxis": axes[0], "yaxis": axes[1]}
    return {"type": "scatter", "mode": "lines", **places, **style}


def _areas(binned: Binned, axis: str, *, legend: bool) -> list[dict[str, Any]]:
    outline = _Outline.of(binned)
    traces = []
    for name in STACK:
        y = outline.values(binned.mean[:, EXPRESSIONS.index(name)], 0.0)
        style: dict[str, Any] = {"hoverinfo": "skip"}
        if legend:
            text = np.where(outline.foot, "no face", np.char.mod("%.0f%%", y * 100))
            style = {"text": text.tolist(), "hovertemplate": "%{text}"}
        style |= {
            "name": name,
            "stackgroup": axis,
            "line": {"width": 0, "color": COLOURS[name]},
            "fillcolor": COLOURS[name],
            "legendgroup": name,
            "showlegend": legend,
        }
        traces.append(_scatter(outline.x, y, ("x" if legend else "x2", axis), **style))
    return traces


def _strip(binned: Binned, lane_names: list[str]) -> dict[str, Any]:
    steps = (np.repeat(np.arange(len(STATES) + 1), 2)[1:-1] / len(STATES)).tolist()
    colours = [STATE_COLOURS[name] for name in STATES for _ in range(2)]
    dominant = binned.dominant()
    words = np.array([*STATES, "no face"], object)
    return {
        "type": "heatmap",
        "x": _typed(milliseconds(binned.edges)),
        "y": lane_names,
        "z": _typed(dominant.astype(np.float32)),
        "text": words[np.nan_to_num(dominant, nan=len(STATES)).astype(int)].tolist(),
        "xaxis": "x",
        "yaxis": "y2",
        "zmin": 0,
        "zmax": len(STATES),
        "colorscale": [list(pair) for pair in zip(steps, colours, strict=True)],
        "showscale": False,
        "ygap": 3,
        "name": "state",
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }


def _valence(binned: Binned) -> list[dict[str, Any]]:
    outline, axes = _Outline.of(binned), ("x", "y3")
    area, curve = (outline.values(binned.valence, at_foot) for at_foot in (0.0, np.nan))
    fill = {"fill": "tozeroy", "fillcolor": _FILL, "line": {"width": 0}, "hoverinfo": "skip"}
    line = {"line": {"width": 1.4, "color": _LINE}, "hovertemplate": "%{y:+.2f}"}
    return [
        _scatter(outline.x, area, axes, showlegend=False, **fill),
        _scatter(outline.x, curve, axes, showlegend=False, name="valence (derived)", **line),
    ]


def _faces(binned: Binned) -> dict[str, Any]:
    mean = (binned.faces / binned.frames).astype(np.float32)
    return _scatter(
        milliseconds(binned.edges),
        np.append(mean, mean[-1:]) if len(mean) else np.zeros(1, np.float32),
        ("x", "y4"),
        name="faces found",
        line={"width": 1.4, "color": _LINE, "shape": "hv"},
        fill="tozeroy",
        fillcolor=_FILL,
        showlegend=False,
        hovertemplate="%{y:.2~f}",
    )


def labelled_runs(binned: Binned, lane_names: list[str]) -> list[dict[str, Any]]:
    """Stretches of one expression in a lane, long enough to carry its name once zoomed in.

    Returns:
        lane, name, left and right in milliseconds, and a colour to write the name in.
    """
    runs = []
    edges = milliseconds(binned.edges)
    shortest = _LABEL_SHARE * (edges[-1] - edges[0])
    for lane, dominant in zip(lane_names, binned.dominant(), strict=True):
        codes = np.nan_to_num(dominant, nan=-1).astype(int)
        first = np.flatnonzero(np.diff(codes, prepend=-2))
        left, right = edges[first], edges[np.append(first[1:], len(codes))]
        for k in np.flatnonzero((codes[first] >= 0) & (right - left >= shortest)):
            name = STATES[codes[first[k]]]
            span = {"left": float(left[k]), "right": float(right[k])}
            if name == UNCERTAIN:
                continue
            runs.append(
                {"lane": lane, "name": name, **span, "ink": _INK_ON_SAD if name == "sad" else _INK}
            )
    return runs
