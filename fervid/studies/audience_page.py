"""Writes the files of an audience: page, curves, moments, offsets."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.figures import COLOURS
from fervid.results.files import disk_errors, text_file
from fervid.studies.figures import band_traces
from fervid.studies.intersubject import DRAWS, WINDOW_S
from fervid.studies.page import Section, save_page
from fervid.studies.saving import safe_csv

if TYPE_CHECKING:
    from fervid.studies.stimulus import Audience

PAGE_NAME = "audience.html"
_ROW, _GAP = 120, 34


def audience_figure(made: Audience) -> dict[str, Any]:
    """The figure: a row for each expression over the stimulus, with moments shaded, and
    correlations."""
    names, x = made.expressions, made.centres
    rows = len(names) + 1
    height = rows * (_ROW + _GAP) + 80
    shared = height - 80
    data, shapes, notes = [], [], []
    layout: dict[str, Any] = {
        "template": {},
        "height": height,
        "margin": {"l": 60, "r": 10, "t": 30, "b": 50},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "x",
        "xaxis": {"anchor": f"y{rows}", "title": {"text": "seconds of the stimulus"}},
    }
    layout["xaxis"]["range"] = [float(made.edges[0]), float(made.edges[-1])]
    for k, name in enumerate([*names, "correlation between people"]):
        axis = "y" if k == 0 else f"y{k + 1}"
        top = 1 - k * (_ROW + _GAP) / shared
        bottom = top - _ROW / shared
        layout["yaxis" + axis[1:]] = {"domain": [max(bottom, 0), top - 0.02], "anchor": "x"}
        notes.append(_heading(name, top - 0.018))
        if k < len(names):
            mean, low, high = (one[:, k] for one in (made.mean.mean, made.mean.low, made.mean.high))
            layout["yaxis" + axis[1:]]["range"] = _range(np.concatenate([mean, low, high]), made)
            shade = COLOURS[name] if name != "happy" else "#C9A800"
            data += band_traces(x, mean, low, high, name, shade, yaxis=axis)
    together = made.together
    for k, name in enumerate(names if len(together.time_s) else ()):
        shade = COLOURS[name] if name != "happy" else "#C9A800"
        values = together.correlation[:, k]
        none = np.full_like(values, np.nan)
        data += band_traces(together.time_s, values, none, none, name, shade, yaxis=f"y{rows}")
    if np.isfinite(together.threshold):
        shapes.append(_line(together.threshold, f"y{rows}"))
    for row in together.moments.to_dict("records"):
        k = names.index(row["expression"])
        shapes.append(_shade(row["start"], row["end"], "y" if k == 0 else f"y{k + 1}"))
    return {"data": data, "layout": layout | {"shapes": shapes, "annotations": notes}}


def _range(values: NDArray[np.floating[Any]], made: Audience) -> list[float]:
    """Range of a row, wide enough that expressions that nobody shows look flat."""
    least = 0.5 if made.measure == "change" else 0.1
    low, high = np.nanmin(values, initial=-least / 2), np.nanmax(values, initial=least)
    return [float(low) * 1.05, float(high) * 1.05]


def _heading(text: str, y: float) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": y, "xanchor": "left"}
    return {"text": f"<b>{html.escape(text)}</b>", **place, "yanchor": "bottom", "showarrow": False}


def _line(y: float, axis: str) -> dict[str, Any]:
    place = {"xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": y, "y1": y}
    return {"type": "line", **place, "line": {"width": 1, "dash": "dot", "color": "#7d8ba1"}}


def _shade(start: float, end: float, axis: str) -> dict[str, Any]:
    place = {"xref": "x", "x0": start, "x1": end, "yref": f"{axis} domain", "y0": 0, "y1": 1}
    colour = "rgba(125,139,161,0.25)"
    return {"type": "rect", "layer": "below", **place, "fillcolor": colour, "line": {"width": 0}}


def save_audience(made: Audience, folder: Path) -> Path:
    """Write all files of an audience; return the path of the page."""
    tables = {
        "audience_curves": _curves(made),
        "moments": made.together.moments,
        "offsets": made.offsets,
        "audience_people": made.people,
        "exclusions": made.exclusions,
    }
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            with text_file(folder / f"{name}.csv") as file:
                safe_csv(table, file)
        save_page(folder / PAGE_NAME, *_page(made), _address(made.stimulus, folder))
    return folder / PAGE_NAME


def _address(stimulus: Path | None, folder: Path) -> str:
    """Address of the stimulus relative to the page; empty if there is none or it is on another
    drive."""
    from urllib.parse import quote

    if stimulus is None:
        return ""
    try:
        return quote(Path(os.path.relpath(stimulus.resolve(), folder.resolve())).as_posix())
    except ValueError:
        return ""


def _curves(made: Audience) -> pd.DataFrame:
    names = pd.MultiIndex.from_product(
        [made.expressions, made.centres], names=["expression", "time"]
    )
    seen = (~np.isnan(made.curves)).sum(axis=0)
    values = {end: getattr(made.mean, end).T.ravel() for end in ("mean", "low", "high")}
    table = pd.DataFrame({**values, "people": seen.T.ravel()}, index=names).reset_index()
    together = made.together
    correlation = np.full(made.mean.mean.shape, np.nan)
    if len(together.time_s):
        first = (len(correlation) - len(together.correlation)) // 2
        correlation[first : first + len(together.correlation)] = together.correlation
    return table.assign(correlation=correlation.T.ravel())


def _page(made: Audience) -> tuple[Any, ...]:
    moments = made.together.moments
    people = made.people["participant"].nunique()
    facts = [
        ("People", f"{people}"),
        ("Recordings", f"{made.people['recording'].nunique()}"),
        ("Length", f"{made.edges[-1]:.0f} s"),
        ("Shared moments", f"{len(moments)}"),
        ("Measure", made.unit),
    ]
    sections = [
        Section(
            "Over the stimulus",
            [
                "The mean over people, each counted once, with a 95% bootstrap interval. In "
                "shaded moments, their expressions changed together. The lowest row shows how "
                "similar each person's changes are to those of the others, in windows of "
                f"{WINDOW_S:g} s (inter-subject correlation, leave-one-out). In {DRAWS} draws, "
                "each person's curve was shifted by a random time: in fewer than 5% of them, the "
                "correlation rises above the dotted line at any moment."
            ],
            audience_figure(made),
        ),
        Section(
            "Moments in which expressions changed together",
            [
                "Each moment lasts from the middle of its first window to the middle of its last "
                "one. p is corrected over time and expressions."
                if len(moments)
                else "In no moment did expressions change together more than by chance."
            ],
            table=moments.round(4),
            file="moments.csv",
        ),
        Section(
            "How the recordings were aligned",
            ["The offset is the time in the recording, in seconds, at which the stimulus starts."],
            table=made.offsets.round(4),
            file="offsets.csv",
        ),
        Section("What was left out", [], table=made.exclusions, file="exclusions.csv"),
    ]
    name = made.stimulus.name if made.stimulus else "the same stimulus"
    return f"{people} people watching {name}", "An audience", facts, made.notes, sections
