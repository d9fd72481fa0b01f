"""Compares conditions and groups: effects with intervals, each person counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import gammaln

from fervid.studies.bootstrap import LEVEL, Nesting, person_means

Floats = NDArray[np.floating[Any]]


_FAR = 30.0
"""Value of t above which the normal distribution is used, as the noncentral t becomes inexact."""


@dataclass(frozen=True)
class Effect:
    """A mean, or a difference of two means, with interval, effect size and p-value.

    Attributes:
        n, n_reference: numbers of independent units in the level and in the reference.
        estimate, low, high: mean or difference, and its 95% interval (Student or Welch).
        effect, effect_low, effect_high: Hedges' g, of differences within units (g_z) or between two
            samples (by their mean variance), and its 95% interval by the noncentral t.
        p: two-sided p-value of the corresponding t-test.
    """

    n: int
    n_reference: int
    estimate: float
    low: float
    high: float
    effect: float
    effect_low: float
    effect_high: float
    p: float


def one_sample(values: Floats) -> Effect:
    """Compare the mean of (n,) independent values with 0, ignoring NaN."""
    values = values[~np.isnan(values)]
    n = len(values)
    mean, sd = float(values.mean()) if n else np.nan, _sd(values)
    if n < 2 or not sd > 0:
        return _unknown(n, 0, mean)
    error = sd / np.sqrt(n)
    return _effect(n, 0, mean, error, float(n - 1), scale=1 / np.sqrt(n))


def two_samples(values: Floats, reference: Floats) -> Effect:
    """Compare the means of two independent samples (Welch)."""
    values, reference = values[~np.isnan(values)], reference[~np.isnan(reference)]
    n, m = len(values), len(reference)
    if n < 2 or m < 2:
        difference = values.mean() - reference.mean() if n and m else np.nan
        return _unknown(n, m, float(difference))
    parts = np.array([values.var(ddof=1) / n, reference.var(ddof=1) / m])
    error = float(np.sqrt(parts.sum()))
    if not error > 0:
        return _unknown(n, m, float(values.mean() - reference.mean()))
    df = float(parts.sum() ** 2 / (parts**2 / np.array([n - 1, m - 1])).sum())
    pooled = np.sqrt((values.var(ddof=1) + reference.var(ddof=1)) / 2)
    difference = float(values.mean() - reference.mean())
    return _effect(n, m, difference, error, df, scale=error / pooled)


def _unknown(n: int, m: int, estimate: float) -> Effect:
    """An effect without interval and test, because values are too few or all equal."""
    nan = float("nan")
    return Effect(n, m, estimate, nan, nan, nan, nan, nan, nan)


def _effect(n: int, m: int, mean: float, error: float, df: float, scale: float) -> Effect:
    """Interval, effect size and test of a mean from its standard error.

    Args:
        scale: standardised effect for t = 1.
    """
    half = float(stats.t.ppf((1 + LEVEL) / 2, df) * error)
    t = mean / error
    # Hedges' correction for small samples, in its exact form.
    correction = np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) * np.sqrt(2 / df) if df > 1 else 1
    effect, low, high = (
        float(value * scale * correction) for value in (t, *_noncentralities(t, df))
    )
    p = float(2 * stats.t.sf(abs(t), df))
    return Effect(n, m, mean, mean - half, mean + half, effect, low, high, p)


def _noncentralities(t: float, df: float) -> tuple[float, float]:
    """The noncentralities at which t is at the ends of the interval."""
    rare = (1 - LEVEL) / 2
    half = float(stats.norm.ppf(1 - rare)) * np.sqrt(1 + t**2 / (2 * df))
    if abs(t) > _FAR:
        return t - half, t + half

    def solved(share: float, near: float) -> float:
        def beyond(shift: float) -> float:
            return float(stats.nct.cdf(t, df, shift)) - share

        return float(brentq(beyond, near - 2 * half - 2, near + 2 * half + 2, xtol=1e-6))

    return solved(1 - rare, t - half), solved(rare, t + half)


def _sd(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan


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


def compared(units: Units, level: int, reference: int) -> tuple[str, Effect, int]:
    """Compare two levels: "paired" if at least half of the units have both, else "unpaired".

    Returns:
        The design, the effect, and the number of units left out: those with only one level in a
        paired design, or with both in an unpaired one.
    """
    own, other = units.values[:, level], units.values[:, reference]
    has, also = ~np.isnan(own), ~np.isnan(other)
    both, any_of_both = has & also, has | also
    if 2 * both.sum() >= any_of_both.sum() and both.any():
        effect = one_sample((own - other)[both])
        fields = {**effect.__dict__, "n_reference": effect.n}
        return "paired", Effect(**fields), int((any_of_both & ~both).sum())
    return "unpaired", two_samples(own[~both], other[~both]), int(both.sum())


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
            design, effect, left_out = compared(units, j, k)
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
