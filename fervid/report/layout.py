"""Layout of the figure: panels, axes, headings and slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.report.binning import Binned

ZERO_MS = 946_684_800_000.0
"""2000-01-01, because Plotly reads small numbers on a date axis as years."""

_DAY_S = 86_400
_TITLE_PX, _GAP_PX, _LANE_PX = 26, 22, 26
_MOST_CUTS = 400
"""Most lines of cuts that are drawn; more would hide the lanes."""
_TICKS_PX, _SLIDER_PX, _TOP_PX, _BOTTOM_PX = 34, 46, 44, 8


@dataclass(frozen=True)
class Panel:
    """A panel of the figure: its axis, its heading, and its place in fractions of the height."""

    axis: str
    title: str
    domain: tuple[float, float]


def milliseconds(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds in the units of Plotly's date axis, so that ticks and hover texts are timecodes."""
    return np.asarray(ZERO_MS + np.round(seconds * 1000, 1), np.float64)


def panels_of(lanes: int, of: str = "everyone") -> tuple[list[Panel], int]:
    """The four panels from top to bottom, with `lanes` rows of episodes, and the total height in
    px.

    Args:
        lanes: number of people with a row.
        of: name of the person, or everyone, whose areas and valence are shown.
    """
    whom = escape(of)
    heights = [280, _LANE_PX * max(lanes, 1), 120, 80]
    titles = [
        f"<b>What {whom} shows</b>: mean probabilities",
        "<b>Episodes</b>; thin lines: no clear expression",
        f"<b>Valence of {whom}</b>, derived; band: spread of single frames",
        "<b>Faces found</b> per frame",
    ]
    inner = sum(heights) + (_TITLE_PX + _GAP_PX) * len(heights) - _GAP_PX + _TICKS_PX
    panels, top = [], float(inner)
    for axis, title, height in zip(("y", "y2", "y3", "y4"), titles, heights, strict=True):
        top -= _TITLE_PX
        panels.append(Panel(axis, title, (max(top - height, 0) / inner, top / inner)))
        top -= height + _GAP_PX
    return panels, inner + _TOP_PX + _BOTTOM_PX


def layout_of(
    binned: Binned, panels: list[Panel], height: int, cuts: Sequence[float]
) -> dict[str, Any]:
    """Plotly's layout; colours for light and dark come from the style sheet."""
    peak = float(np.nanmax(binned.faces_a_frame[0], initial=1.0))
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
    # The slider shows the traces of its own axis, whose panel is too flat to be seen.
    axes["yaxis5"] = {"domain": [0, 1e-3], "anchor": "x2", "visible": False, "range": [0, 1]}
    return {
        "template": {},
        "height": height,
        "margin": {"l": 78, "r": 18, "t": _TOP_PX, "b": _BOTTOM_PX, "pad": 0},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": "zoom",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
            "yref": "paper",
        },
        "xaxis": time_axis(binned) | {"anchor": "y4"},
        "xaxis2": time_axis(binned)
        | {"anchor": "y5", "matches": "x", "showticklabels": False, "ticks": ""}
        | {"rangeslider": _slider(binned, height)},
        "barmode": "overlay",
        "annotations": [_title(panel) for panel in panels],
        "shapes": [_cut(at_ms) for at_ms in milliseconds(np.array(cuts[:_MOST_CUTS])).tolist()],
        **axes,
    }


def _cut(at_ms: float) -> dict[str, Any]:
    """A dotted line through the lanes."""
    line = {"width": 1, "dash": "dot", "color": "rgba(125,139,161,0.9)"}
    place = {"xref": "x", "yref": "y2 domain", "x0": at_ms, "x1": at_ms, "y0": 0, "y1": 1}
    return {"type": "line", "layer": "above", **place, "line": line}


def _slider(binned: Binned, height: int) -> dict[str, Any]:
    return {
        "visible": True,
        "range": _time_range(binned),
        "thickness": _SLIDER_PX / (height - _TOP_PX - _BOTTOM_PX),
    }


def _time_range(binned: Binned) -> list[float]:
    return [float(edge) for edge in milliseconds(binned.edges[[0, -1]])]


def time_axis(binned: Binned) -> dict[str, Any]:
    """The axis of times, which are timecodes with as many decimals as there is room for."""
    day = "day %-j, " if binned.edges[-1] >= _DAY_S else ""
    return {
        "type": "date",
        "range": _time_range(binned),
        "hoverformat": f"{day}%-H:%M:%S.%1f",
        "tickformatstops": [
            {"dtickrange": [None, 9], "value": f"{day}%-H:%M:%S.%3f"},
            {"dtickrange": [9, 999], "value": f"{day}%-H:%M:%S.%2f"},
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
