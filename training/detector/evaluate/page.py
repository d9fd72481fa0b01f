"""The detector's evaluation as one HTML page that works offline."""

from __future__ import annotations

from typing import Any

from training.detector.evaluate.figures import figures_of
from training.detector.evaluate.gallery import Mistake
from training.pages import render_page


def render(document: dict[str, Any], mistakes: dict[str, list[Mistake]]) -> str:
    """The page.

    Args:
        document: the contents of `evaluation.json`.
        mistakes: those of the first detector: "missed" and "false".
    """
    return render_page(
        "training.detector.evaluate", figures_of(document), d=document, mistakes=mistakes
    )
