"""The figures of the evaluation page, from the contents of `evaluation.json`."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

HEAD_TITLES = {"fer": "FER-2013 head", "ferplus": "FER+ head", "mixture": "Shipped mixture"}
MODE_TITLES = {"one_pass": "one forward pass", "mirrored": "mean with mirror image"}

TARGET_OF = {"fer": "labels", "ferplus": "majority", "mixture": "labels"}
"""The main target of each head: FER+ majority for the FER+ head, if there are votes."""

_BLUE, _ORANGE, _GREY = "#2a8fc7", "#D55E00", "#8a909c"


def target_of(head: str, document: dict[str, Any]) -> str:
    """The key of a head's main target in this document."""
    return TARGET_OF[head] if document["split"]["with_majority"] else "labels"


def figures_of(document: dict[str, Any]) -> dict[str, go.Figure]:
    """Figures by the id of their element; training curves only if there are any."""
    figures = {
        "confusion": _confusion(document),
        "reliability": _reliability(document),
        "robustness": _robustness(document),
    }
    if document.get("training"):
        figures["curves"] = _curves(document["training"])
    return figures


def _curves(log: list[dict[str, Any]]) -> go.Figure:
    keys_seen = dict.fromkeys(key for line in log for key in line)
    losses = [key for key in keys_seen if "loss" in key]
    accuracies = [key for key in keys_seen if key.startswith("public_")]
    figure = make_subplots(1, 2, subplot_titles=("<b>Loss</b>", "<b>Accuracy on PublicTest</b>"))
    names = {
        "public_fer": "FER-2013 label",
        "public_fer_recall": "FER-2013 macro recall",
        "public_ferplus": "FER+ majority",
        "public_ferplus_recall": "FER+ macro recall",
    }
    for column, keys in ((1, losses), (2, accuracies)):
        for key, colour in zip(keys, (_BLUE, _ORANGE, _GREY, "#009E73", "#CC79A7"), strict=False):
            figure.add_trace(
                go.Scatter(
                    x=[line["epoch"] for line in log],
                    y=[line.get(key) for line in log],
                    name=names.get(key, key.replace("_", " ")),
                    mode="lines+markers",
                    line={"width": 1.8, "color": colour},
                    marker={"size": 4},
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="epoch", zeroline=False)
    figure.update_yaxes(tickformat=".0%", row=1, col=2)
    return _laid_out(figure, 340)


def _grid(document: dict[str, Any], **options: Any) -> tuple[go.Figure, list[tuple[Any, ...]]]:
    """Subplots by mode and head, and for each: row, column, and scores against the main target."""
    cells, titles = [], []
    for row, (mode, heads) in enumerate(document["scores"]["all"].items(), 1):
        for column, (head, scores) in enumerate(heads.items(), 1):
            target = target_of(head, document)
            words = "FER+ majority" if target == "majority" else "labels"
            titles.append(f"<b>{HEAD_TITLES[head]}</b>, {words}<br>{MODE_TITLES[mode]}")
            cells.append((row, column, scores[target]))
    return make_subplots(len(MODE_TITLES), 3, subplot_titles=titles, **options), cells


def _confusion(document: dict[str, Any]) -> go.Figure:
    names = document["classes"]
    figure, cells = _grid(document, horizontal_spacing=0.075, vertical_spacing=0.17)
    for row, column, scores in cells:
        table = np.array(scores["confusion"])
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        figure.add_trace(
            go.Heatmap(
                z=share.round(4),
                x=names,
                y=names,
                text=table,
                texttemplate="%{text}",
                textfont={"size": 10},
                zmin=0,
                zmax=1,
                showscale=False,
                xgap=1,
                ygap=1,
                hovertemplate="label %{y}, predicted %{x}: %{text} (%{z:.1%} of the label)"
                "<extra></extra>",
            ),
            row=row,
            col=column,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=-45)
    return _laid_out(figure, 820)


def _reliability(document: dict[str, Any]) -> go.Figure:
    figure, cells = _grid(document, horizontal_spacing=0.06, vertical_spacing=0.17)
    styles = (
        ("without temperature", _ORANGE, "circle-open"),
        ("with temperature", _BLUE, "circle"),
    )
    for number, (row, column, scores) in enumerate(cells):
        diagonal = go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": _GREY, "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(diagonal, row=row, col=column)
        for (name, colour, symbol), curve in zip(
            styles, scores["reliability"].values(), strict=True
        ):
            figure.add_trace(
                go.Scatter(
                    x=curve["confidence"],
                    y=curve["accuracy"],
                    text=curve["n"],
                    name=name,
                    legendgroup=name,
                    showlegend=number == 0,
                    mode="lines+markers",
                    line={"color": colour, "width": 1.6},
                    marker={"symbol": symbol, "size": _sizes(curve["n"])},
                    hovertemplate="confidence %{x:.1%}, right %{y:.1%}, %{text} images",
                ),
                row=row,
                col=column,
            )
    axes = {"range": [-0.04, 1.04], "tickformat": ".0%", "nticks": 5, "zeroline": False}
    figure.update_xaxes(**axes)
    figure.update_yaxes(**axes)
    return _laid_out(figure, 700)


def _sizes(counts: list[int]) -> list[float]:
    """Diameters in px of points whose area shows their number of images."""
    return [3 + 9 * (n / max(counts)) ** 0.5 for n in counts]


def _robustness(document: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    copies = document["robustness"]
    target = target_of("ferplus", document)
    series = [
        ("fer", "labels", "one_pass", _BLUE, "circle"),
        ("fer", "labels", "mirrored", _BLUE, "circle-open"),
        ("ferplus", target, "one_pass", _ORANGE, "square"),
        ("ferplus", target, "mirrored", _ORANGE, "square-open"),
    ]
    for place, (head, against, mode, colour, symbol) in enumerate(series):
        losses = [copy["scores"][mode][head][against]["loss"] for copy in copies]
        points = [loss["points"] for loss in losses]
        figure.add_trace(
            go.Scatter(
                x=points,
                y=[number + 0.15 * (place - 1.5) for number in range(len(copies))],
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [a["high"] - p for a, p in zip(losses, points, strict=True)],
                    "arrayminus": [p - a["low"] for a, p in zip(losses, points, strict=True)],
                    "thickness": 1.4,
                    "width": 3,
                },
                name=f"{HEAD_TITLES[head]}, {mode.replace('_', ' ')}",
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 8},
                hovertemplate="%{x:.1f} points lost",
            )
        )
    figure.update_xaxes(title_text="points of accuracy lost", zeroline=True)
    figure.update_yaxes(
        tickvals=list(range(len(copies))),
        ticktext=[copy["title"] for copy in copies],
        range=[len(copies) - 0.5, -0.5],
        zeroline=False,
        automargin=True,
    )
    return _laid_out(figure, 420)


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    """Plain layout; colours for light and dark come from the style sheet."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 62, "r": 16, "t": 76, "b": 56},
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
    )
    figure.update_xaxes(ticks="outside", automargin=True)
    figure.update_annotations(font_size=12)
    return figure
