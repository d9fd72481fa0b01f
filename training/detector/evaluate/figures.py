"""The figures of the detector's evaluation page, made from `evaluation.json`."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import plotly.graph_objects as go

_COLOURS = ("#2a8fc7", "#D55E00", "#009E73", "#CC79A7", "#8a909c", "#E69F00")
_DASHES = ("solid", "dash", "dot")


def figures_of(document: dict[str, Any]) -> dict[str, go.Figure]:
    """Figures by the id of their element."""
    return {
        "curves": _curves(document),
        "sizes": _sizes(document),
        "reliability": _reliability(document),
    }


def _curves(document: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    for detector, dash in zip(document["detectors"], cycle(_DASHES), strict=False):
        for band, colour in zip(detector["held_out"]["bands"], _COLOURS, strict=True):
            figure.add_scatter(
                x=band["curve"]["recall"],
                y=band["curve"]["precision"],
                name=f"{detector['name']}: {band['title']}",
                line={"color": colour, "dash": dash, "width": 1.8},
            )
    figure.update_xaxes(title_text="recall", range=[0, 1.01])
    figure.update_yaxes(title_text="precision", range=[0, 1.01])
    return _laid_out(figure, 420)


def _sizes(document: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    for detector, dash in zip(document["detectors"], cycle(_DASHES), strict=False):
        for (name, rows), colour in zip(detector["sizes"].items(), _COLOURS, strict=False):
            figure.add_scatter(
                x=[row["height"] for row in rows],
                y=[row["found"] for row in rows],
                customdata=[row["faces"] for row in rows],
                hovertemplate="%{x:.0f} px: %{y:.1%} of %{customdata} faces",
                name=f"{detector['name']}: {name}",
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 1.8},
            )
    figure.update_xaxes(title_text="height of the face, px", type="log")
    figure.update_yaxes(title_text="share found", range=[0, 1.01])
    return _laid_out(figure, 360)


def _reliability(document: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    for detector, colour in zip(document["detectors"], cycle(_COLOURS), strict=False):
        bins = detector["held_out"]["reliability"]
        figure.add_scatter(
            x=[each["score"] for each in bins],
            y=[each["faces"] for each in bins],
            customdata=[each["boxes"] for each in bins],
            hovertemplate="score %{x:.2f}: %{y:.0%} of %{customdata} boxes are faces",
            name=detector["name"],
            mode="lines+markers",
            line={"color": colour, "width": 1.8},
        )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="as the score says",
        mode="lines",
        line={"color": "#8a909c", "dash": "dot", "width": 1},
    )
    figure.update_xaxes(title_text="score", range=[0, 1.01])
    figure.update_yaxes(title_text="share that are faces", range=[0, 1.01])
    return _laid_out(figure, 360)


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 12, "t": 24, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": -0.2},
    )
    return figure
