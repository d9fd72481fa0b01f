"""Agreement of coders: kappa, Krippendorff's alpha, and intervals by blocks of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def confusion(a: NDArray[np.int64], b: NDArray[np.int64], count: int) -> Floats:
    """(L, L) confusion table: counts of one coder's code (row) and the other's (column).

    Args:
        a, b: (N,) codes from 0 to `count` - 1.
    """
    return np.bincount(a * count + b, minlength=count**2).reshape(count, count).astype(np.float64)


def cohen_kappa(tables: Floats) -> Floats:
    """Cohen's kappa (1960) of (..., L, L) confusion tables; NaN if it is undefined.

    >>> cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])).round(6).item()
    0.4
    """
    total = tables.sum(axis=(-2, -1))
    total = np.where(total > 0, total, np.nan)
    observed = np.trace(tables, axis1=-2, axis2=-1) / total
    expected = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1) / total**2
    left = 1 - expected
    return np.asarray((observed - expected) / np.where(left > 1e-12, left, np.nan))


def coincidences(counts: Floats) -> Floats:
    """(L, L) coincidences of values within units, from the (U, L) numbers of coders per value.

    Units with fewer than two values are ignored (Krippendorff, 2011).
    """
    coders = counts.sum(axis=1)
    weight = np.where(coders > 1, 1 / np.maximum(coders - 1, 1), 0.0)
    return counts.T @ (counts * weight[:, None]) - np.diag((counts * weight[:, None]).sum(axis=0))


def krippendorff_alpha(coincidence: Floats) -> Floats:
    """Krippendorff's alpha for nominal values, from (..., L, L) coincidences.

    >>> table = np.array([[20.0, 5.0], [10.0, 15.0]])
    >>> krippendorff_alpha(table + table.T).round(6).item()
    0.4
    """
    margins = coincidence.sum(axis=-1)
    total = margins.sum(axis=-1)
    same = np.trace(coincidence, axis1=-2, axis2=-1)
    expected = total**2 - (margins**2).sum(axis=-1)
    disagreement = (total - 1) * (total - same)
    return np.asarray(1 - disagreement / np.where(expected > 1e-12, expected, np.nan))


def agreement_share(tables: Floats) -> Floats:
    """Share of units with equal codes, of (..., L, L) confusion tables."""
    total = tables.sum(axis=(-2, -1))
    return np.asarray(np.trace(tables, axis1=-2, axis2=-1) / np.where(total > 0, total, np.nan))


@dataclass(frozen=True)
class Interval:
    """A statistic with its 95% interval, which is NaN if there are fewer than two blocks."""

    value: float
    low: float
    high: float


def interval(
    tables: Floats, figure: Callable[[Floats], Floats], *, draws: int = 2000, seed: int = 0
) -> Interval:
    """A statistic of the sum of (B, ...) tables, with an interval from resampling blocks.

    Args:
        tables: a table for each block: people, or stretches of time long enough to be independent.
        figure: computes the statistic of tables, along their last axes.
        draws, seed: number of samples and seed of the bootstrap (percentile intervals).
    """
    value = float(figure(tables.sum(axis=0)))
    count = len(tables)
    if count < 2:
        return Interval(value, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    drawn = figure(np.tensordot(weights, tables, axes=1))
    known = drawn[~np.isnan(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def block_tables(
    block: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], count: int
) -> Floats:
    """(B, L, L) confusion tables, one for each block.

    Args:
        block: (N,) block numbers from 0.
        a, b: (N,) codes.
        count: number of different codes.
    """
    blocks = int(block.max(initial=-1)) + 1
    flat = np.bincount((block * count + a) * count + b, minlength=blocks * count**2)
    return flat.reshape(blocks, count, count).astype(np.float64)
