"""Figures with one small plot for each person: probabilities, intensity, change from rest."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.report.binning import Binned
from fervid.report.chart_layout import FOOT_PX, TOP_PX, chart_layout
from fervid.report.figures import COLOURS, LINE, LINE_FILL, Outline, areas, scatter
from fervid.report.layout import milliseconds, time_axis
from fervid.results.codebook import CHANGE_COLUMNS

_CHANGED = tuple(name.removeprefix("change_") for name in CHANGE_COLUMNS)
_ROW_PX, _BETWEEN_PX = 74, 24

_TITLES = {
    "shares": ("What each person shows", "mean probability of each expression"),
    "intensity": (
        "How strong each person's expressions are",
        "1: the average expression in FER-2013; empty where the resting face is unknown",
    ),
    "change": (
        "Change from rest, person by person",
        "nats; above 0: more than in this person's resting face",
    ),
}


def small_multiples(name: str, binned: Binned, lanes: Mapping[int, str]) -> dict[str, Any]:
    """The figure "shares", "intensity" or "change"; see `fervid.report.charts.chart`."""
    count = max(len(lanes), 1)
    inner = count * _ROW_PX + (count - 1) * _BETWEEN_PX
    top = TOP_PX + 20
    layout = chart_layout(*_TITLES[name], inner + top + FOOT_PX, 52, top)
    traces: list[dict[str, Any]] = []
    notes, limit = [], _limit(binned)
    for row, (face_id, label) in enumerate(lanes.items()):
        upper = 1 - row * (_ROW_PX + _BETWEEN_PX) / inner
        axis = "y" if row == 0 else f"y{row + 1}"
        layout[f"yaxis{axis[1:]}"] = {
            "domain": [max(upper - _ROW_PX / inner, 0), upper],
            "fixedrange": True,
            **_AXES[name](limit),
        }
        traces += _ROWS[name](binned, row + 1, axis, row == 0)
        notes.append(
            {
                **{"text": f"<b>{escape(label)}</b>", "name": f"person {face_id}"},
                **{"xref": "paper", "yref": "paper", "x": 0, "y": upper, "showarrow": False},
                **{"xanchor": "left", "yanchor": "bottom", "font": {"size": 12}},
            }
        )
    layout |= {"annotations": notes, "xaxis": time_axis(binned) | {"anchor": f"y{count}"}}
    layout["xaxis"] |= {"fixedrange": True, "showspikes": False}
    if count == 1:
        layout["xaxis"]["anchor"] = "y"
    return {"data": traces, "layout": layout}


def _limit(binned: Binned) -> float:
    """Nats that the axes of changes reach, in both directions."""
    largest = float(np.nanmax(np.abs(binned.change[1:]), initial=0.0))
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


def _share_row(binned: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    found = areas(binned, Outline.of(binned, lane), axis, legend=first, lane=lane)
    return [{**trace, "xaxis": "x", "hoverinfo": "skip"} for trace in found]


def _steps(binned: Binned, values: NDArray[np.float64], axis: str, **style: Any) -> dict[str, Any]:
    """A line that ends where nothing is known."""
    x = milliseconds((binned.edges[:-1] + binned.edges[1:]) / 2)
    return scatter(x, values.astype(np.float32), ("x", axis), hoverinfo="skip", **style)


def _intensity_row(binned: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    line = {"width": 1.4, "color": LINE}
    values = binned.intensity[lane]
    fill = {"fill": "tozeroy", "fillcolor": LINE_FILL, "connectgaps": False}
    return [_steps(binned, values, axis, line=line, showlegend=False, name="intensity", **fill)]


def _change_row(binned: Binned, lane: int, axis: str, first: bool) -> list[dict[str, Any]]:
    return [
        _steps(
            *(binned, binned.change[lane, :, k], axis),
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
