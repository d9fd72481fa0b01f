"""The comparison as one HTML page that works offline: the table, and curves by group."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from training.comparison.results import FIGURES, Result, percent
from training.comparison.variants import BASE
from training.pages import render_page

_COLOURS = ("#2a8fc7", "#D55E00", "#009E73", "#CC79A7")
_GREY = "#8a909c"


def render(results: list[Result], made: dict[str, Any]) -> str:
    """Render the page.

    Args:
        results: the results of all variants, the base first.
        made: how they were made: names and values for the reader.
    """
    groups = list(dict.fromkeys(result.variant.group for result in results))
    base = next((result for result in results if result.variant.name == BASE), None)
    drawn = {group: f"curves{number}" for number, group in enumerate(groups) if number}
    figures = {
        name: _curves(base, [result for result in results if result.variant.group == group])
        for group, name in drawn.items()
    }
    return render_page(
        "training.comparison",
        figures,
        filters={"share": percent},
        groups=drawn,
        rows=[result.row for result in results],
        names=FIGURES,
        made=made,
    )


def _curves(base: Result | None, results: list[Result]) -> go.Figure:
    """FER-2013 accuracy on PublicTest by epoch, for the base and the variants of a group."""
    figure = go.Figure()
    shown = [(base, _GREY)] if base else []
    for result, colour in [*shown, *zip(results, _COLOURS, strict=False)]:
        figure.add_trace(
            go.Scatter(
                x=[line["epoch"] for line in result.log],
                y=[line["public_fer"] for line in result.log],
                name="base" if result is base else result.variant.title,
                mode="lines+markers",
                line={"width": 1.8, "color": colour},
                marker={"size": 4},
            )
        )
    figure.update_xaxes(title_text="epoch", zeroline=False)
    figure.update_yaxes(title_text="FER-2013 accuracy on PublicTest", tickformat=".0%")
    figure.update_layout(height=320, margin={"l": 60, "r": 20, "t": 20, "b": 50}, showlegend=True)
    return figure
