"""A study of responses to events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.effects import usable_differences
from fervid.studies.bootstrap import Band, Nesting, band, paired_band
from fervid.studies.collecting import ALL
from fervid.studies.comparisons import compare_levels
from fervid.studies.methods import Provenance, methods_paragraph
from fervid.studies.responses import Window
from fervid.studies.rules import Rules
from fervid.studies.sources import UNITS, Measure, expressions_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass
class Study:
    """A study of responses to events in a folder of results.

    Attributes:
        measure: "change" (nats above a person's resting face) or "probability".
        by: column by which levels are compared, empty if none are.
        window, rules: the time around an event, and the rules of exclusion.
        responses: a row for each event, person and expression; with many recordings, means over
            repetitions. See `fervid.studies.tables.RESPONSES`.
        people: a row for each person in each recording.
        dropped: people who are left out, and the rule.
        exclusions: what each rule excluded.
        notes: warnings for the reader, one line each.
        methods: a methods paragraph for an article.
        seed, draws: seed and number of samples of the bootstrap.
    """

    measure: Measure
    by: str
    window: Window
    rules: Rules
    responses: pd.DataFrame
    people: pd.DataFrame
    dropped: pd.DataFrame
    exclusions: pd.DataFrame
    lanes: pd.DataFrame
    notes: list[str]
    provenance: Provenance
    seed: int = 0
    draws: int = 2000
    _curves: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))
    _keys: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions that the measure covers."""
        return expressions_of(self.measure)

    @property
    def unit(self) -> str:
        """The unit of the measure."""
        return UNITS[self.measure]

    @cached_property
    def kept(self) -> pd.DataFrame:
        """Responses that meet the rules, computed from all frames."""
        mine = self.responses
        if "dropped_by" in mine:
            mine = mine[mine["dropped_by"] == ""]
        return mine[mine["speech"] == ALL] if len(mine) else mine

    @cached_property
    def levels(self) -> list[str]:
        """The levels of `by`, in order."""
        if not self.by or not len(self.kept):
            return [""]
        return [level for level in sorted(self.kept[self.by].astype(str).unique()) if level]

    @property
    def compares(self) -> bool:
        """Whether there are several levels to compare."""
        return len(self.levels) > 1

    @property
    def headline(self) -> str:
        """A line about the largest difference, or response, beyond chance."""
        kept = self.kept
        people = kept["participant"].nunique() if len(kept) else 0
        counted = "events" if "event" in kept else "means over events"
        head = f"{len(kept) // len(self.expressions):,} {counted} of {people:,} people are included"
        table = self.comparisons
        if not len(table):
            return head
        mine = table[(table["outcome"] == "response") & (table["speech"] == ALL)]
        pairs = mine[mine["reference"] != "baseline"]
        mine = pairs if len(pairs) else mine
        sure = mine[mine["p_holm"] < 0.05]
        if not len(sure):
            what = "difference" if len(pairs) else "response"
            return f"{head}; no {what} beyond chance"
        best = sure.iloc[int(sure["estimate"].abs().to_numpy().argmax())]
        what = f"{best['level']} - {best['reference']}" if len(pairs) else "response"
        return (
            f"{head}; {best['expression']}, {what}: {best['estimate']:+.2f} ({best['low']:+.2f} to "
            f"{best['high']:+.2f}) {self.unit}, g {best['effect']:.2f}"
        )

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Comparisons between levels, and of levels with the baseline; see `tables.COMPARISONS`."""
        found = []
        for speech in dict.fromkeys(self.responses.get("speech", ())):
            mine = self.responses[self.responses["speech"] == speech]
            if "dropped_by" in mine:
                mine = mine[mine["dropped_by"] == ""]
            for outcome in ("response", "shown"):
                table = compare_levels(mine, self.by, outcome, self.expressions)
                found.append(table.assign(speech=speech))
        table = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
        return self._with_mixed(table) if len(table) else table

    def _with_mixed(self, table: pd.DataFrame) -> pd.DataFrame:
        from fervid.studies.mixed import has_statsmodels, mixed_difference

        values = np.full((len(table), 3), np.nan)
        repeated = "event" in self.responses and has_statsmodels()
        rows = np.flatnonzero(
            (table["reference"] != "baseline")
            & (table["outcome"] == "response")
            & (table["speech"] == ALL)
        )
        for row in rows if repeated and self.by else ():
            one = table.iloc[row]
            mine = self.kept[self.kept["expression"] == one["expression"]]
            args = (one["outcome"], self.by, one["level"], one["reference"])
            values[row] = mixed_difference(mine, *args)
        names = ("mixed", "mixed_low", "mixed_high")
        return table.assign(**{name: values[:, k] for k, name in enumerate(names)})

    @cached_property
    def curves(self) -> dict[str, Band]:
        """Event-locked averages (T, K) of each level, minus the baseline."""
        found = {}
        for level in self.levels:
            keys, values = self._repetitions({level} if self.by else set())
            nesting = Nesting.of(keys["participant"].tolist(), keys["recording"].tolist())
            found[level] = band(values, nesting, draws=self.draws, seed=self.seed)
        return found

    @cached_property
    def differences(self) -> dict[tuple[str, str], Band]:
        """Curves (T, K) of the differences between levels within people, level minus reference.

        Pairs of levels of which less than half of the people have both are left out.
        """
        found = {}
        for reference, level in combinations(self.levels, 2):
            keys, values = self._repetitions({level, reference})
            nesting = Nesting.of(keys["participant"].tolist(), keys["recording"].tolist())
            mine = keys[self.by].astype(str).to_numpy()
            sides = (mine == level, mine == reference)
            paired = paired_band(values, *sides, nesting, draws=self.draws, seed=self.seed)
            if paired is not None:
                found[level, reference] = paired
        return found

    def _repetitions(self, levels: set[str]) -> tuple[pd.DataFrame, NDArray[np.float64]]:
        """Keys and (E, T, K) curves of the repetitions of some levels; empty: of all."""
        mine = (self._keys["speech"] == ALL).to_numpy(np.bool_)
        if levels:
            mine = mine & self._keys[self.by].astype(str).isin(levels).to_numpy()
        return self._keys[mine], self._curves[mine].astype(np.float64)

    @cached_property
    def participants(self) -> pd.DataFrame:
        """For each person, level and expression: how often it was shown, and how soon."""
        if not len(self.kept):
            return pd.DataFrame()
        names = ["participant", *([self.by] if self.by else []), "expression"]
        mine = self.kept.assign(did=self.kept["shown"].gt(0).astype(float))
        groups = mine.groupby(names, sort=False, observed=True)
        table = groups.agg(
            events=("did", "size"),
            events_shown=("did", "sum"),
            response=("response", "mean"),
            shown=("shown", "mean"),
            latency=("latency", "median"),
        )
        return table.reset_index().astype({"events_shown": "int64"})

    @cached_property
    def detection(self) -> list[str]:
        """Warnings if groups differ in how much of their faces is usable."""
        if not self.by or self.by not in self.people:
            return []
        groups = {level: self.people[self.people[self.by] == level] for level in self.levels}
        return usable_differences(
            {level: own["present"].to_numpy(np.float64) for level, own in groups.items()}
        )

    @cached_property
    def methods(self) -> str:
        """A methods paragraph for an article."""
        kept, all_people = self.kept, self.people
        events = len(kept) // max(len(self.expressions), 1)
        people = kept["participant"].nunique() if len(kept) else 0
        counts = (
            f"{events:,} {'events' if 'event' in kept else 'person means'} of {people:,} people "
            f"count (of {all_people['participant'].nunique() if len(all_people) else 0:,} people)."
        )
        units = list(self.comparisons["unit"].unique()) if len(self.comparisons) else []
        return methods_paragraph(
            self.provenance, self.measure, self.window, self.rules, self.exclusions,
            self.by if self.compares else "", units, counts, self.seed, self.draws,
        )  # fmt: skip

    def figure(self, name: str = "curves") -> Figure:
        """A figure to edit or save: "curves", "differences", "effects" or "lanes".

        Raises:
            ValueError: the name is unknown.
        """
        from plotly.graph_objects import Figure

        return Figure(self.plots()[name]) if name in self.plots() else _no_figure(name)

    def plots(self) -> Mapping[str, dict[str, Any]]:
        """The figures for plotly.js."""
        from fervid.studies import figures

        if not len(self.kept):
            return {}
        axes = (self.window.centres, self.expressions, self.unit)
        spread = (*axes[:2], f"difference ({self.unit.split()[0]})")
        between = {f"{a} \u2212 {b}": band for (a, b), band in self.differences.items()}
        mine = self.comparisons
        shown = mine[(mine["outcome"] == "response") & (mine["speech"] == ALL)]
        levels = [level for level in self.levels if level in set(self.lanes["level"])] or [""]
        return {
            "curves": figures.curves_figure(self.curves, *axes),
            **(
                {"differences": figures.curves_figure(between, *spread, first=len(self.levels))}
                if between
                else {}
            ),
            "effects": figures.effects_figure(shown, self.unit),
            "lanes": figures.lanes_figure(self.lanes, levels),
        }

    def save(self, folder: str | Path) -> Path:
        """Write `study.html`, tables, codebook and `methods.txt`; return the path of the page.

        Raises:
            ResultError: the folder is not writable.
        """
        from fervid.studies.saving import save_study

        return save_study(self, Path(folder))


def _no_figure(name: str) -> Any:
    raise ValueError(
        f"there is no figure {name!r}; there are curves, effects, lanes and, if people are in "
        "several levels, differences"
    )
