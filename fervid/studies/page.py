"""Renders pages of figures and tables that load nothing from the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

from fervid import __version__
from fervid.report.figures import CONFIG
from fervid.report.html import asset, csp_hash, environment, number, save, script_json

MAX_ROWS = 200
"""Most rows of a table on a page; the whole table is in a CSV beside it."""


@dataclass(frozen=True)
class Picture:
    """A picture with a line of text.

    Attributes:
        address: a data address.
        text: what it shows.
    """

    address: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of a page; empty parts are left out.

    Attributes:
        title: heading.
        text: paragraphs.
        figure: figure for plotly.js, with `data` and `layout`.
        table: shown with its column names.
        file: name of the CSV with the whole table.
        pictures: shown side by side.
    """

    title: str
    text: Sequence[str] = ()
    figure: dict[str, Any] | None = None
    table: pd.DataFrame | None = None
    file: str = ""
    pictures: Sequence[Picture] = ()


def render(
    title: str, kicker: str, facts: Sequence[tuple[str, str]], notes: Sequence[str],
    sections: Sequence[Section], video: str = "",
) -> str:  # fmt: skip
    """Render the page as HTML.

    Args:
        title, kicker: headline, and the line above it.
        facts: names and values for the header.
        notes: warnings for the reader.
        sections: sections, in order.
        video: address of a video that plays along with the first figure.
    """
    scripts = [asset("vendor/plotly-basic.min.js"), asset("theme.js"), asset("tables.js")]
    scripts.append(asset("page.js", "fervid.studies"))
    template = environment("fervid.studies").get_template("page.html.jinja")
    return template.render(
        version=__version__,
        title=title,
        kicker=kicker,
        video=video,
        facts=facts,
        notes=notes,
        sections=[_section_data(k, section) for k, section in enumerate(sections)],
        config=script_json(json.dumps(CONFIG)),
        style=Markup(asset("style.css")),
        scripts=[Markup(script) for script in scripts],
        script_hashes=" ".join(map(csp_hash, scripts)),
    )


def save_page(path: Path, *parts: Any) -> None:
    """Write a page of `render`, completely or not at all."""
    save(path, render(*parts))


def _section_data(place: int, section: Section) -> dict[str, Any]:
    table = section.table
    rows = [] if table is None else table.head(MAX_ROWS).to_dict("records")
    words = [] if table is None else [not is_numeric_dtype(table[name]) for name in table]
    return {
        "id": f"part-{place}",
        "title": section.title,
        "text": section.text,
        "figure": section.figure and script_json(json.dumps(section.figure)),
        "height": (section.figure or {}).get("layout", {}).get("height", 400),
        "columns": [] if table is None else [str(name) for name in table.columns],
        "rows": [[_cell(value) for value in row.values()] for row in rows],
        "words": words,
        "more": 0 if table is None else max(len(table) - MAX_ROWS, 0),
        "file": section.file,
        "pictures": section.pictures,
    }


def with_intervals(table: pd.DataFrame, places: int = 2) -> pd.DataFrame:
    """A table for the page in which each value stands with its interval in one column.

    Args:
        table: values `NAME` whose intervals are in `NAME_low` and `NAME_high`.
        places: number of decimals.
    """
    columns = list(map(str, table))
    names = [name for name in columns if {f"{name}_low", f"{name}_high"} <= set(columns)]
    words = {
        name: [
            _interval(value, low, high, places)
            for value, low, high in zip(
                *(table[f"{name}{end}"] for end in ("", "_low", "_high")), strict=True
            )
        ]
        for name in names
    }
    ends = [f"{name}_{end}" for name in names for end in ("low", "high")]
    return table.drop(columns=ends).assign(**words)


def _interval(value: float, low: float, high: float, places: int) -> str:
    if value != value:
        return "\N{EN DASH}"
    ends = f" ({low:.{places}f} to {high:.{places}f})" if low == low else ""
    return f"{value:.{places}f}{ends}".replace("-", "\u2212")


def p_words(p: float) -> str:
    """A p-value in the style of journals."""
    if p != p:
        return "\N{EN DASH}"
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value != value:
        return "\N{EN DASH}"
    if hasattr(value, "item"):
        value = value.item()
    text = number(value) if not isinstance(value, str) else value
    return text.replace("-", "\u2212") if isinstance(value, float) else text
