"""Compares conditions and groups: effects with intervals, each person counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.report.effects import Floats, compare_units, one_sample
from fervid.studies.bootstrap import Nesting, person_means


def holm(p: Floats) -> Floats:
    """p-values corrected for multiple tests (Holm, 1979), ignoring NaN."""
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return corrected


@dataclass(frozen=True)
class Units:
    """Values of independent units: people, or recordings if people share them.

    Attributes:
        kind: "person" or "recording".
        values: (U, L) value of each unit at each level; NaN if there is none.
    """

    kind: str
    values: Floats


def units_of(values: Floats, levels: NDArray[np.int64], count: int, nesting: Nesting) -> Units:
    """Average repetitions within people, and people within clusters, at each level.

    Args:
        values: (E,) values of repetitions.
        levels: (E,) level of each, from 0 to `count` - 1.
        nesting: of the same repetitions.
    """
    own = np.column_stack(
        [person_means(np.where(levels == k, values, np.nan), nesting) for k in range(count)]
    )
    if nesting.clusters == nesting.people:
        return Units("person", own)
    by_cluster = Nesting(nesting.cluster, np.arange(nesting.clusters))
    return Units("recording", person_means(own, by_cluster))


MEAN_COLUMNS = (*("estimate", "low", "high", "effect", "effect_low", "effect_high", "p", "p_holm"),)


def compare_levels(
    table: pd.DataFrame, by: str, outcome: str, expressions: Sequence[str]
) -> pd.DataFrame:
    """Compare each level with the baseline, and each pair of levels.

    Args:
        table: kept responses, a row for each repetition and expression.
        by: column of the levels; empty: all are one level.
        outcome: column to compare.
        expressions: expressions to test; p_holm corrects over these and the pairs.

    Returns:
        A row for each expression and level, then each expression and pair.
    """
    names = sorted(table[by].astype(str).unique()) if by else [""]
    names = [name for name in names if name or not by]
    rows = []
    for expression in expressions:
        mine = table[table["expression"] == expression]
        level = mine[by].astype(str) if by else pd.Series("", index=mine.index)
        mine, level = mine[level.isin(names)], level[level.isin(names)]
        codes = pd.Categorical(level, categories=names).codes.astype(np.int64)
        nesting = Nesting.of(mine["participant"].tolist(), mine["recording"].tolist())
        units = units_of(mine[outcome].to_numpy(np.float64), codes, len(names), nesting)
        about = {"outcome": outcome, "expression": expression, "unit": units.kind}
        for k, name in enumerate(names):
            own = one_sample(units.values[:, k])
            where = {"level": name, "reference": "baseline", "design": "mean", "left_out": 0}
            rows.append({**about, **where, **own.__dict__})
        for k, j in combinations(range(len(names)), 2):
            design, effect, left_out = compare_units(units.values[:, j], units.values[:, k])
            place: dict[str, Any] = {"level": names[j], "reference": names[k]}
            rows.append(
                {**about, **place, "design": design, "left_out": left_out, **effect.__dict__}
            )
    found = pd.DataFrame(rows)
    if not len(found):
        return found
    is_pair = found["reference"] != "baseline"
    found["p_holm"] = np.nan
    for family in (is_pair, ~is_pair):
        found.loc[family, "p_holm"] = holm(found.loc[family, "p"].to_numpy(np.float64))
    return found.sort_values("reference", key=lambda names: names == "baseline", kind="stable")
