"""A page of figures and tables that loads nothing from anywhere."""

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
"""Rows of a table on a page; the whole one is in a CSV beside it."""


@dataclass(frozen=True)
class Picture:
    """A picture under a line of text.

    Attributes:
        address: a data address.
        text: what it shows.
    """

    address: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of a page; what is None or empty is left out.

    Attributes:
        title: its heading.
        text: paragraphs.
        figure: as plotly.js takes it, with `data` and `layout`.
        table: shown with its column names.
        file: name of the CSV that holds the whole table.
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
    """The page as HTML.

    Args:
        title, kicker: its headline and the line above.
        facts: names and values for the head.
        notes: what a reader should know before relying on it.
        sections: in their order.
        video: address of a recording whose time is that of the first figure.
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
        sections=[_shown(k, section) for k, section in enumerate(sections)],
        config=script_json(json.dumps(CONFIG)),
        style=Markup(asset("style.css")),
        scripts=[Markup(script) for script in scripts],
        script_hashes=" ".join(map(csp_hash, scripts)),
    )


def save_page(path: Path, *parts: Any) -> None:
    """Write a page of `render`, whole or not at all."""
    save(path, render(*parts))


def _shown(place: int, section: Section) -> dict[str, Any]:
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


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value != value:
        return "\N{EN DASH}"
    if hasattr(value, "item"):
        value = value.item()
    text = number(value) if not isinstance(value, str) else value
    return text.replace("-", "\u2212") if isinstance(value, float) else text
