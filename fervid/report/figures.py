"""The interactive figure: panels over a shared time axis, with a range slider below."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.report.binning import SLIDER_BINS, Binned
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
"""The palette of Okabe and Ito, which colour-blind readers can distinguish."""

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Without the first three options, Plotly shows a button that uploads the data."""

STACK = ("neutral", "happy", "surprise", "sad", "fear", "disgust", "angry")
"""Order of the stacked areas from the bottom; the commonest ones are at the most level place."""

MAX_LANES = 8
"""Most people with their own lane in the figure."""

LINE, LINE_FILL = "#7d8ba1", "rgba(125,139,161,0.28)"
"""Colours of everything that is not an expression."""

_FOOT_MS = 0.2
BAR_WIDTH, _SEEN_BAR = 0.66, 0.14


def lanes_of(people: pd.DataFrame) -> list[int]:
    """The people with a lane: those seen longest, in the order of the table."""
    longest = people.sort_values("faces", ascending=False, kind="stable").head(MAX_LANES)
    return [int(face) for face in longest.sort_index()["face_id"]]


def cuts_of(meta: dict[str, Any]) -> list[float]:
    """Times of cuts in seconds, from the contents of `meta.json`."""
    tracking = meta.get("tracking")
    cuts = tracking.get("cuts") if isinstance(tracking, dict) else None
    return [float(cut) for cut in cuts or [] if isinstance(cut, int | float)]


def timeline_figure(
    binned: Binned,
    lanes: Mapping[int, str],
    episodes: pd.DataFrame,
    cuts: Sequence[float] = (),
    of: str = "everyone",
) -> dict[str, Any]:
    """The figure of a recording, for plotly.js or `plotly.graph_objects.Figure`.

    The first seven traces are the stacked areas, the next three valence and its band. These show
    lane 0, everyone.

    Args:
        binned: means over time.
        lanes: face ids of the lanes of `binned` from 1, and their names.
        episodes: the table of episodes.
        cuts: times of cuts in seconds.
        of: name of the person, or everyone, whose areas and valence are shown.
    """
    shown, slider = binned.coarser(), binned.coarser(SLIDER_BINS)
    panels, height = panels_of(len(lanes), of)
    outline = Outline.of(shown)
    traces = [
        *areas(shown, outline, "y", legend=True),
        *_valence(shown, outline),
        *_faces(shown),
        seen_spans(binned, lanes),
        *_episodes(episodes[episodes["face_id"].isin(list(lanes))], lanes),
        *areas(slider, Outline.of(slider), "y5", legend=False),
    ]
    return {"data": traces, "layout": layout_of(shown, panels, height, cuts)}


def typed(array: NDArray[Any]) -> dict[str, str]:
    """A little-endian array for plotly.js, with a fifth of the bytes of a list."""
    spec = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}
    return spec if array.ndim == 1 else spec | {"shape": ",".join(map(str, array.shape))}


@dataclass(frozen=True)
class Outline:
    """Points that draw every stretch of bins with faces as a separate block.

    A stretch has the starts of its bins, its end, and a point just outside on either side where the
    area is zero. With NaN in the gaps, Plotly would slant the sides of stacked areas.
    """

    x: NDArray[np.float64]
    bin: NDArray[np.int64]
    foot: NDArray[np.bool_]

    @classmethod
    def of(cls, binned: Binned, lane: int = 0) -> Outline:
        """The points of a lane."""
        known = np.flatnonzero(binned.faces[lane] > 0)
        first = known[np.diff(known, prepend=-2) > 1]
        last = known[np.diff(known, append=len(binned) + 1) > 1]
        x = milliseconds(binned.edges)
        points = [(known, 0, 0.0), (last, 1, 0.0), (first, 0, -_FOOT_MS), (last, 1, _FOOT_MS)]
        places = np.concatenate([x[bins + end] + shift for bins, end, shift in points])
        foot = np.concatenate([np.full(len(bins), shift != 0) for bins, _, shift in points])
        order = np.argsort(places)
        return cls(places[order], np.concatenate([bins for bins, *_ in points])[order], foot[order])

    def values(self, of_bins: NDArray[np.float64], at_foot: float) -> NDArray[np.float32]:
        """Values of the points, from (B,) values of bins and one of the feet."""
        return np.where(self.foot, at_foot, of_bins[self.bin]).astype(np.float32)


def scatter(
    x: NDArray[np.float64], y: NDArray[np.float32], axes: tuple[str, str], **style: Any
) -> dict[str, Any]:
    """A line through points."""
    places = {"x": typed(x), "y": typed(y), "xaxis": axes[0], "yaxis": axes[1]}
    return {"type": "scatter", "mode": "lines", **places, **style}


def areas(
    binned: Binned, outline: Outline, axis: str, *, legend: bool, lane: int = 0
) -> list[dict[str, Any]]:
    """The stacked areas of a lane, from the bottom."""
    traces = []
    for name in STACK:
        y = outline.values(binned.mean[lane, :, EXPRESSIONS.index(name)], 0.0)
        style: dict[str, Any] = {
            "name": name,
            "stackgroup": axis,
            "line": {"width": 0, "color": COLOURS[name]},
            "fillcolor": COLOURS[name],
            "legendgroup": name,
            "showlegend": legend,
            **({"hovertemplate": "%{y:.0%}"} if legend else {"hoverinfo": "skip"}),
        }
        traces.append(scatter(outline.x, y, ("x" if legend else "x2", axis), **style))
    return traces


def _valence(binned: Binned, outline: Outline) -> list[dict[str, Any]]:
    """The lower and upper edges of the band, and the line."""
    # Plotly fills across gaps, so the band gets height 0 at its ends.
    low, high, line = (
        outline.values(binned.valence[0] + sign * binned.band[0], 0.0 if sign else np.nan)
        for sign in (-1, 1, 0)
    )
    edge = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    style = {"line": {"width": 1.4, "color": LINE}, "name": "valence (derived)"}
    axes = ("x", "y3")
    return [
        scatter(outline.x, low, axes, **edge),
        scatter(outline.x, high, axes, fill="tonexty", fillcolor=LINE_FILL, **edge),
        scatter(outline.x, line, axes, showlegend=False, hovertemplate="%{y:+.2f}", **style),
    ]


def _faces(binned: Binned) -> list[dict[str, Any]]:
    """The number of faces: an area and a line, with gaps where frames were lost."""
    mean = binned.faces_a_frame[0].astype(np.float32)
    mean = np.append(mean, mean[-1:]) if len(mean) else np.zeros(1, np.float32)
    x, line = milliseconds(binned.edges), {"width": 1.4, "color": LINE, "shape": "hv"}
    area: dict[str, Any] = {"fill": "tozeroy", "fillcolor": LINE_FILL, "hoverinfo": "skip"}
    style: dict[str, Any] = {"name": "faces found", "hovertemplate": "%{y:.2~f}"}
    axes = ("x", "y4")
    return [
        scatter(x, np.nan_to_num(mean), axes, line=line | {"width": 0}, showlegend=False, **area),
        scatter(x, mean, axes, line=line, showlegend=False, **style),
    ]


def bars(
    spans: NDArray[np.float64], lanes: list[str], width: float, colour: str, **style: Any
) -> dict[str, Any]:
    """Horizontal bars from (K, 2) seconds in these lanes."""
    start, end = milliseconds(spans).T
    places = {"base": typed(start), "x": typed(end - start), "y": lanes, "width": width}
    axes = {"xaxis": "x", "yaxis": "y2", "orientation": "h", "hoverinfo": "skip"}
    marker = {"color": colour, "line": {"width": 0}}
    return {"type": "bar", **places, **axes, "marker": marker, "showlegend": False, **style}


def seen_spans(binned: Binned, lanes: Mapping[int, str]) -> dict[str, Any]:
    """Thin bars where each person is seen."""
    spans = [binned.seen(lane) for lane in range(1, 1 + len(lanes))]
    names = [name for name, mine in zip(lanes.values(), spans, strict=True) for _ in mine]
    together = np.concatenate([np.zeros((0, 2)), *spans])
    return bars(together, names, _SEEN_BAR, LINE, name="seen")


def _episodes(episodes: pd.DataFrame, names: Mapping[int, str]) -> list[dict[str, Any]]:
    traces = []
    for name in EXPRESSIONS:
        mine = episodes[episodes["expression"] == name]
        lanes = [names[face_id] for face_id in mine["face_id"].tolist()]
        spans = mine[["onset", "offset"]].to_numpy(np.float64)
        traces.append(bars(spans, lanes, BAR_WIDTH, COLOURS[name], name=name, legendgroup=name))
    return traces


def fine_data(binned: Binned, lanes: Mapping[int, str], episodes: pd.DataFrame) -> dict[str, Any]:
    """All bins and episodes of all lanes, from which the page draws parts and other lanes.

    Returns:
        names and face ids, and typed arrays: edges (B + 1,) in milliseconds, and of each lane faces
        (B,), mean (B, 7) in units of 1/250, valence (B,) of 1/120, band (B,) of 1/120; 0 where no
        face is. Of each episode lane, expression, left and right in milliseconds.
    """
    mine = episodes[episodes["face_id"].isin(list(lanes))]
    place = {face_id: lane for lane, face_id in enumerate(lanes, 1)}
    who = mine["face_id"].map(place).to_numpy(np.uint8)
    shown = pd.Categorical(mine["expression"], categories=list(EXPRESSIONS)).codes
    spans = milliseconds(mine[["onset", "offset"]].to_numpy(np.float64))
    mean, valence, band = (
        np.nan_to_num(part) for part in (binned.mean, binned.valence, binned.band)
    )
    return {
        "names": ["everyone", *lanes.values()],
        "ids": [*lanes],
        "expressions": list(EXPRESSIONS),
        "episodes": {
            "who": typed(who),
            "expression": typed(shown.astype(np.uint8)),
            "left": typed(spans[:, 0].copy()),
            "right": typed(spans[:, 1].copy()),
        },
        "edges": typed(milliseconds(binned.edges)),
        "lanes": [
            {
                "faces": typed(binned.faces[lane].astype(np.float32)),
                "mean": typed(np.round(mean[lane] * 250).astype(np.uint8).ravel()),
                "valence": typed(np.round(valence[lane] * 120).astype(np.int8)),
                "band": typed(np.round(band[lane].clip(0, 2) * 120).astype(np.uint8)),
            }
            for lane in range(len(binned.sums))
        ],
    }
