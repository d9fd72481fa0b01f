"""The evaluation as one HTML page that works offline, made from `evaluation.json`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.report.figures import COLOURS
from training.evaluate.figures import HEAD_TITLES, MODE_TITLES, figures_of, target_of
from training.fer2013.pictures import encode_png
from training.pages import data_uri, render_page

_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def render(document: dict[str, Any], images: NDArray[np.uint8]) -> str:
    """The page.

    Args:
        document: the contents of `evaluation.json`.
        images: (N, 48, 48) uint8, every image of the data set; samples refer to its rows.
    """
    return render_page(
        "training.evaluate",
        figures_of(document),
        filters={
            "percent": percent,
            "between": between,
            "decimals": decimals,
            "change": change,
        },
        d=document,
        heads=HEAD_TITLES,
        modes=MODE_TITLES,
        targets={head: target_of(head, document) for head in HEAD_TITLES},
        samples=_samples(document["samples"], images),
        colours=COLOURS,
    )


def percent(share: dict[str, Any] | None) -> str:
    """A share of `scores.proportion` with one decimal; a dash if nothing was counted."""
    if share is None or share["percent"] is None:
        return _DASH
    return f"{share['percent']:.1f}%"


def between(ends: dict[str, Any] | None, places: int = 1) -> str:
    """An interval, low to high, in the unit of the figure; empty if there is none."""
    if ends is None or ends["low"] is None or ends.get("n") == 0:
        return ""
    low, high = (
        f"{ends[end]:.{places}f}".replace("-", "\N{MINUS SIGN}") for end in ("low", "high")
    )
    return f"{low} to {high}"


def decimals(value: float | None, places: int = 3) -> str:
    """A figure with this many decimals; a dash if there is none."""
    return _DASH if value is None else f"{value:.{places}f}".replace("-", _MINUS)


def change(loss: dict[str, Any]) -> dict[str, Any]:
    """`scores.paired_loss` as a change of accuracy in points: worse is negative."""
    value = None if loss["points"] is None else -loss["points"]
    return {"value": value, "low": -loss["high"], "high": -loss["low"], "n": loss["n"]}


def _samples(samples: list[dict[str, Any]], images: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """For each label, the right and the wrong samples, each with its image as a data URI."""
    labels = list(dict.fromkeys(sample["label"] for sample in samples))
    shown = [{**sample, "uri": data_uri(encode_png(images[sample["row"]]))} for sample in samples]
    return [
        {
            "label": label,
            "right": [s for s in shown if s["label"] == label and s["right"]],
            "wrong": [s for s in shown if s["label"] == label and not s["right"]],
        }
        for label in labels
    ]
