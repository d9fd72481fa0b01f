"""Writes the files of a validation: page, agreement, episodes, disagreements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.results.files import disk_errors, text_file
from fervid.studies.page import Section, save_page, with_intervals
from fervid.studies.saving import safe_csv
from fervid.studies.validation import FERVID, Validation

PAGE_NAME = "validation.html"


def save_validation(made: Validation, folder: Path) -> Path:
    """Write all files of a validation; return the path of the page."""
    worst = made.disagreements()
    tables = {
        "frame_agreement": made.frame_agreement,
        "episode_agreement": made.episode_agreement,
        "confusion": made.confusion.rename_axis("coders").reset_index(),
        "episodes_matched": made.episodes,
        "disagreements": worst.drop(columns=["box"]),
    }
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            with text_file(folder / f"{name}.csv") as file:
                safe_csv(table, file)
        save_page(folder / PAGE_NAME, *_page(made, worst))
    return folder / PAGE_NAME


def _page(made: Validation, worst: pd.DataFrame) -> tuple[Any, ...]:
    frames = made.frame_agreement
    first = frames[(frames["other"] == FERVID) & (frames["expression"] == "all")].iloc[0]
    facts = [
        ("People", f"{len(made.rated)}"),
        ("Frames coded", f"{len(made.codes):,}"),
        ("Kappa", _with_interval(first, "kappa")),
        ("Krippendorff's alpha", _with_interval(first, "alpha")),
        ("Frames that agree", f"{first['agreement']:.1%}"),
    ]
    sections = [
        Section(
            "Frame by frame",
            [
                "Each frame in which fervid sees the face counts once. Intervals are 95% "
                f"percentile intervals of {made.draws} samples of {made.block_kind} (seed "
                f"{made.seed}). “none” means that none of the coded expressions is shown.",
            ],
            table=with_intervals(frames).rename(columns={"rater": "one", "other": "another"}),
            file="frame_agreement.csv",
        ),
        Section(
            "Confusion matrix",
            ["Numbers of frames. Rows are the coders' categories, columns are fervid's."],
            figure=_confusion_figure(made.confusion),
            table=made.confusion.rename_axis("coders").reset_index(),
            file="confusion.csv",
        ),
        Section(
            "Episode by episode",
            [
                "Two episodes match if they overlap by at least half of the shorter one. "
                "The last columns show how many seconds later fervid's episodes begin: the median, "
                "and the mean with limits of agreement (mean \u00b1 1.96 standard deviations).",
            ],
            table=_episode_rows(made.episode_agreement),
            file="episode_agreement.csv",
        ),
        Section(
            "The worst disagreements",
            ["The longest stretches in which a coder and fervid disagree. Look at them: either "
            "may be right."],
            pictures=made.pictures(),
            table=worst.drop(columns=["box", "middle"]).round(2),
            file="disagreements.csv",
        ),
    ]  # fmt: skip
    title = f"fervid compared with {', '.join(made.coders)}"
    return title, "Validation by human coders", facts, made.notes, sections


def _episode_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The agreement of episodes in readable form."""
    late = {"onset_low": "onset_mean_low", "onset_high": "onset_mean_high"}
    names = {
        "only_coder": "only the coder",
        "only_fervid": "only fervid",
        "onset_median": "median delay (s)",
        "onset_mean": "mean delay (s)",
    }
    merged = with_intervals(table.rename(columns=late))
    return merged.rename(columns=names).round(3)


def _with_interval(row: pd.Series, name: str) -> str:
    text = f"{row[name]:.2f}"
    if np.isfinite(row[f"{name}_low"]):
        text += f" ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"
    return text


def _confusion_figure(table: pd.DataFrame) -> dict[str, Any]:
    """Bars with the shares of each row."""
    from fervid.report.figures import COLOURS

    shares = table.div(table.sum(axis=1).replace(0, np.nan), axis=0)
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [f"coder: {name}" for name in table.index],
            "x": [None if value != value else round(value, 4) for value in shares[column]],
            "name": f"fervid: {column}",
            "marker": {"color": COLOURS.get(column, "#d8d8d2")},
        }
        for column in table.columns
    ]
    layout = {
        "template": {},
        "barmode": "stack",
        "height": 110 + 40 * len(table),
        "margin": {"l": 130, "r": 10, "t": 40, "b": 40},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": "share of the frames"}},
        "yaxis": {"autorange": "reversed", "type": "category"},
    }
    return {"data": data, "layout": layout}
