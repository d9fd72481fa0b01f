"""Tests whether the expressions of pairs of people in a recording change together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.errors import ResultError
from fervid.report.figures import COLOURS
from fervid.results.files import disk_errors, text_file
from fervid.studies.areas import Area
from fervid.studies.comparisons import holm
from fervid.studies.opening import Notify, Tables, open_results
from fervid.studies.page import Section, p_words, save_page, with_intervals
from fervid.studies.people import Person
from fervid.studies.rules import Rules
from fervid.studies.saving import safe_csv
from fervid.studies.sources import UNITS, Measure, Source, expressions_of
from fervid.studies.speech import inside, merged
from fervid.studies.synchrony import MAX_LAG_S, STEP_S, WINDOW_S, Synchrony, synchrony

PAGE_NAME = "together.html"
MAX_PEOPLE = 12
"""Most people of a recording whose pairs are tested: those seen longest."""

Columns = tuple(Synchrony.__dataclass_fields__)


@dataclass
class Pairs:
    """How the expressions of pairs of people in the same recordings change together.

    Attributes:
        table: a row for each pair and expression; see `fervid.studies.synchrony.Synchrony`.
            `leader` is the person who changes first, if the interval of the lag excludes 0.
        measure: the measure.
        exclusions: what each rule excluded.
        notes: warnings for the reader, one line each.
    """

    table: pd.DataFrame
    measure: Measure
    exclusions: pd.DataFrame
    notes: list[str]

    def plot(self) -> dict[str, Any]:
        """The figure of correlations, chance and lags for plotly.js."""
        return _figure(self.table)

    def figure(self) -> Any:
        """The figure of the page."""
        from plotly.graph_objects import Figure

        return Figure(self.plot())

    def save(self, folder: str | Path) -> Path:
        """Write `together.html` and its tables; return the path of the page."""
        folder = Path(folder)
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name, table in (("synchrony", self.table), ("exclusions", self.exclusions)):
                with text_file(folder / f"{name}.csv") as file:
                    safe_csv(table, file)
            save_page(folder / PAGE_NAME, *_page(self))
        return folder / PAGE_NAME


def together(
    results: str | Path,
    people: Tables | None = None,
    *,
    areas: Sequence[Area | str] = (),
    measure: Measure | None = None,
    rules: Rules | None = None,
    seed: int = 0,
    notify: Notify = lambda line: None,
) -> Pairs:
    """Test whether people in the same recording change together, and who follows whom.

    Args:
        results: a folder of results, or one.
        people, areas, measure, rules: as for `fervid.study`.
        seed: seed of the intervals of lags.
        notify: called with a line for everything that is left out.

    Raises:
        ResultError: there is no usable result, or no two people are seen together for long enough.
    """
    opened = open_results(results, people, areas=areas, measure=measure, rules=rules, notify=notify)
    rows: list[dict[str, Any]] = []
    for source in opened.sources():
        cast = opened.reader.of(source)
        if len(cast) > MAX_PEOPLE:
            opened.note(
                f"{source.path}: only the {MAX_PEOPLE} people seen longest, of {len(cast)}, are "
                "tested in pairs"
            )
            cast = sorted(cast, key=lambda one: -one.series.seen_s)[:MAX_PEOPLE]
            cast = sorted(cast, key=lambda one: one.face_id)
        rows += _pairs(source, cast, expressions_of(opened.measure), seed)
    if not rows:
        needed = 4 * (WINDOW_S + MAX_LAG_S)
        raise ResultError(
            f"{opened.folder}: no two people in the same recording are seen for at least "
            f"{needed:.0f} s"
        )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    return Pairs(table, opened.measure, opened.tally.table(), opened.notes)


def _pairs(
    source: Source, cast: Sequence[Person], names: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    steps = int((source.end_s - source.start_s) / STEP_S)
    edges = source.start_s + np.arange(steps + 1) * STEP_S
    curves = [person.series.curve(edges) for person in cast]
    middles = (edges[1:] + edges[:-1]) / 2
    shows = [{name: _shows(person, name, middles) for name in names} for person in cast]
    rows = []
    for i, j in combinations(range(len(cast)), 2):
        for k, name in enumerate(names):
            args = (curves[i][:, k], curves[j][:, k], shows[i][name], shows[j][name])
            found = synchrony(*args, seed=seed)
            if found is not None:
                about = {
                    "recording": source.path,
                    "first": _name(cast[i]),
                    "second": _name(cast[j]),
                }
                leader = _leader(found, _name(cast[i]), _name(cast[j]))
                rows.append({**about, "expression": name, **asdict(found), "leader": leader})
    return rows


def _shows(person: Person, expression: str, time_s: Any) -> Any:
    mine = person.episodes[person.episodes["expression"] == expression]
    return inside(time_s, merged(mine[["onset", "offset"]].to_numpy(np.float64)))


def _name(person: Person) -> str:
    return f"face {person.face_id}" if person.name.startswith(person.recording) else person.name


def _leader(found: Synchrony, first: str, second: str) -> str:
    if found.p >= 0.05:
        return ""
    return first if found.lag_low > 0 else second if found.lag_high < 0 else ""


def _figure(table: pd.DataFrame) -> dict[str, Any]:
    shown = table.sort_values("effect", ascending=False).head(40).iloc[::-1]
    several = table["recording"].nunique() > 1
    shades = {**COLOURS, "happy": "#C9A800"}
    labels = [
        f"{row.first} and {row.second}: {row.expression}"
        + (f" ({str(row.recording).removesuffix('.fervid')})" if several else "")
        for row in shown.itertuples()
    ]
    data = [
        {
            "type": "scatter", "mode": "markers", "name": "chance, from mean to 95th percentile",
            "x": shown["chance"].round(4).tolist(), "y": labels,
            "error_x": {"type": "data", "symmetric": False,
                        "array": (shown["chance_high"] - shown["chance"]).round(4).tolist(),
                        "arrayminus": [0] * len(shown)},
            "marker": {"color": "#7d8ba1", "symbol": "line-ns-open", "size": 9},
        },
        {
            "type": "scatter", "mode": "markers", "name": "observed", "y": labels,
            "x": shown["correlation"].round(4).tolist(),
            "marker": {"size": 10, "color": shown["expression"].map(shades).tolist()},
            "customdata": [f"lag {lag:+.1f} s" for lag in shown["lag_s"]],
            "hovertemplate": "%{y}: %{x:.2f}, %{customdata}<extra></extra>",
        },
    ]  # fmt: skip
    layout = {
        "template": {},
        "height": 120 + 24 * len(shown),
        "margin": {"l": 260, "r": 10, "t": 40, "b": 50},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "xaxis": {"title": {"text": "windowed correlation at the best lag"}},
        "yaxis": {"type": "category"},
    }
    return {"data": data, "layout": layout}


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """The pairs in readable form."""
    lags = {"lag_s": "lag"}
    merged = with_intervals(table.rename(columns=lags), places=1)
    recordings = table["recording"].str.removesuffix(".fervid")
    return pd.DataFrame(
        {
            **({"recording": recordings} if recordings.nunique() > 1 else {}),
            "first": table["first"],
            "second": table["second"],
            "expression": table["expression"],
            "correlation": table["correlation"].round(2),
            "chance": table["chance"].round(2),
            "chance (95%)": table["chance_high"].round(2),
            "lag in s": merged["lag"],
            "leader": table["leader"].replace("", "\N{EN DASH}"),
            "p (Holm)": table["p_holm"].map(p_words),
            "both show it": table["together"].round(2),
            "both, by chance": table["together_chance"].round(2),
        }
    )


def _page(made: Pairs) -> tuple[Any, ...]:
    table = made.table
    sure = int((table["p_holm"] < 0.05).sum())
    facts = [
        ("Recordings", f"{table['recording'].nunique()}"),
        ("Pairs", f"{len(table.drop_duplicates(['recording', 'first', 'second']))}"),
        ("Beyond chance", f"{sure} of {len(table)}"),
        ("Measure", UNITS[made.measure]),
    ]
    sections = [
        Section(
            "Pairs",
            [
                f"The correlation is the mean over windows of {WINDOW_S:g} s, at the best lag of "
                f"up to {MAX_LAG_S:g} s. Chance is the correlation when one of the two people is "
                "shifted in time: its mean over shifts, and the value that 95% of the shifts stay "
                "below. If the lag is above 0, the second person follows the first; a leader is "
                "named if the 95% interval of the lag excludes 0. The last columns are the time in "
                "which both show the expression, divided by the time in which either does. p "
                "(Holm) is corrected over all pairs and expressions."
            ],
            made.plot(),
            _rows(table.sort_values("effect", ascending=False)),
            "synchrony.csv",
        ),
        Section("What was left out", [], table=made.exclusions, file="exclusions.csv"),
    ]
    return "People together", "Synchrony", facts, made.notes, sections
