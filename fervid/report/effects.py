"""Effects: means and differences of means, with intervals and standardised sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import gammaln

Floats = NDArray[np.floating[Any]]

LEVEL = 0.95
"""Confidence level of intervals."""

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


def compare_units(values: Floats, reference: Floats) -> tuple[str, Effect, int]:
    """Compare two levels: "paired" if at least half of the units have both, else "unpaired".

    Args:
        values, reference: (U,) value of each unit at each level; NaN if there is none.

    Returns:
        The design, the effect, and the number of units left out: those with only one level in a
        paired design, or with both in an unpaired one.
    """
    has, also = ~np.isnan(values), ~np.isnan(reference)
    both, any_of_both = has & also, has | also
    if 2 * both.sum() >= any_of_both.sum() and both.any():
        effect = one_sample((values - reference)[both])
        return "paired", replace(effect, n_reference=effect.n), int((any_of_both & ~both).sum())
    return "unpaired", two_samples(values[~both], reference[~both]), int(both.sum())


_APART = 0.05
"""Smallest reported difference between groups in the share of time with a usable face."""


def usable_differences(groups: Mapping[str, Floats]) -> list[str]:
    """A warning for each pair of groups whose faces are usable to clearly different degrees.

    Args:
        groups: for each group, (N,) share of each recording in which a face is usable.
    """
    lines = []
    for name, other in combinations(sorted(groups), 2):
        effect = two_samples(groups[name], groups[other])
        if (effect.low > 0 or effect.high < 0) and abs(effect.estimate) > _APART:
            lines.append(
                f"faces are usable for {np.nanmean(groups[name]):.0%} of the time in recordings of "
                f"{name}, and for {np.nanmean(groups[other]):.0%} in those of {other} (difference "
                f"{effect.estimate:+.1%}, 95% interval {effect.low:+.1%} to {effect.high:+.1%}); "
                "differences between the groups may come from this"
            )
    return lines


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
            return _noncentral_cdf(t, df, shift) - share

        return float(brentq(beyond, near - 2 * half - 2, near + 2 * half + 2, xtol=1e-6))

    return solved(1 - rare, t - half), solved(rare, t + half)


def _noncentral_cdf(t: float, df: float, shift: float) -> float:
    """The distribution of the noncentral t; where SciPy's fails, its normal approximation."""
    exact = float(stats.nct.cdf(t, df, shift))
    if not np.isnan(exact):
        return exact
    scale = np.sqrt(1 + t**2 / (2 * df))
    return float(stats.norm.cdf((t * (1 - 1 / (4 * df)) - shift) / scale))


def _sd(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
