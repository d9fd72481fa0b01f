"""Titles, margins and row labels of the figures in `fervid.report.charts`."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

TOP_PX, FOOT_PX = 74, 34
"""Height above and below the rows of a figure."""


def _title(what: str, more: str, height: int) -> dict[str, Any]:
    return {
        "text": f"<b>{escape(what)}</b>: {escape(more)}" if more else f"<b>{escape(what)}</b>",
        **{"xref": "container", "yref": "container", "x": 0, "xanchor": "left"},
        **{"y": 1 - 14 / height, "yanchor": "top", "font": {"size": 14}},
    }


def chart_layout(what: str, more: str, height: int, left: int, top: int = TOP_PX) -> dict[str, Any]:
    """The layout of a figure.

    Args:
        what: its title.
        more: what it shows in detail; may be empty.
        height: pixels of the whole figure.
        left: pixels left of the plot, for labels of rows.
        top: pixels above the plot.
    """
    return {
        "template": {},
        "title": _title(what, more, height),
        "height": height,
        "margin": {"l": left, "r": 18, "t": top, "b": FOOT_PX, "pad": 0},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "legend": {
            **{"orientation": "h", "traceorder": "normal", "x": 0, "xanchor": "left"},
            **{"y": 1 - 38 / height, "yref": "container", "yanchor": "top"},
        },
    }


def label_width(names: Sequence[str]) -> int:
    """Pixels for labels of rows."""
    return 24 + 7 * max((len(name) for name in names), default=4)
