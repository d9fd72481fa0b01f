"""Renders evaluations as HTML pages that work offline, with scripts, style and figures inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from fervid.report.figures import CONFIG
from fervid.report.html import csp_hash, script_json


def render_page(
    package: str,
    figures: Mapping[str, go.Figure],
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **values: Any,
) -> str:
    """Render a package's `page.html.jinja` and `page.css` in the report's style.

    Args:
        package: dotted name.
        figures: figures by the id of their element.
        filters: further filters for the template.
        values: values for the template.
    """
    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters or {})
    scripts = [get_plotlyjs(), _text("fervid.report", "theme.js"), _text("training", "page.js")]
    drawn = {name: json.loads(figure.to_json()) for name, figure in figures.items()}
    return environment.get_template("page.html.jinja").render(
        figures=script_json(json.dumps(drawn)),
        config=script_json(json.dumps(CONFIG)),
        style=Markup(_text("fervid.report", "style.css")),
        own_style=Markup(_text(package, "page.css")),
        scripts=[Markup(script) for script in scripts],
        script_hashes=" ".join(map(csp_hash, scripts)),
        **values,
    )


def data_uri(png: bytes) -> str:
    """The content of a PNG file, for the `src` of a picture in the page."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
