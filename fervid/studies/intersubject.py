"""A stimulus that many watched: their mean curve, and when they moved together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.bootstrap import nan_mean
from fervid.studies.series import Floats

WINDOW_S, STEP_S = 5.0, 0.2
"""Of correlations, and of the curves that they are of."""

DRAWS = 200
"""Of surrogates."""


def intersubject_correlation(curves: Floats, width: int) -> Floats:
    """How much each moves as the others do, in windows, averaged over people.

    Each person's curve is correlated with the mean of all others' in each window (Hasson et al.,
    2004; leave-one-out). Correlations are averaged as they are: in windows of few independent
    values, Fisher's z would let a few people near 1 outweigh the rest. What is unknown counts as no
    movement.

    Args:
        curves: (P, T, ...) at least two people.
        width: steps of a window.

    Returns:
        (T - width + 1, ...) correlations; NaN where nobody moves.
    """
    middles: Floats = nan_mean(curves.swapaxes(0, 1))
    own: Floats = np.nan_to_num(curves - middles[:, None])
    everyone: Floats = own.sum(axis=0)
    others = (everyone - own) / (len(own) - 1)
    a, b = _sums(own, width), _sums(others, width)
    covariance = _sums(own * others, width) - a * b / width
    power = (_sums(own**2, width) - a**2 / width) * (_sums(others**2, width) - b**2 / width)
    moved = power > 1e-12
    r = np.where(moved, covariance, 0.0) / np.sqrt(np.where(moved, power, 1.0))
    return np.where(moved.any(axis=0), r.mean(axis=0), np.nan)


def _sums(values: Floats, width: int) -> Floats:
    """Of windows along the second axis."""
    total = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(total[:, width:] - total[:, :-width])


def chance_level(curves: Floats, width: int, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """What the highest correlation over time reaches by chance alone.

    In each draw every person's curve is shifted around its end by a random time, which keeps how
    each of them moves and breaks what they share. The highest value over all windows is taken, so
    that over the whole stimulus no moment is found in 95% of such draws.

    Args:
        curves: (P, T, K).
        width: steps of a window.
        draws, seed: of the shifts.

    Returns:
        (draws,) highest correlations, sorted.
    """
    rng = np.random.default_rng(seed)
    people, steps = len(curves), curves[0].shape[0]
    highest = np.full(draws, -1.0)
    for draw in range(draws):
        shifts = rng.integers(steps, size=people)
        places = (np.arange(steps) + shifts[:, None]) % steps
        shifted = np.take_along_axis(curves, places[:, :, None], axis=1)
        highest[draw] = np.nanmax(intersubject_correlation(shifted, width), initial=-1.0)
    return np.sort(highest)


@dataclass(frozen=True)
class Together:
    """Correlations over time, and the moments in which they are no chance.

    Attributes:
        time_s: (W,) middles of the windows.
        correlation: (W, K).
        threshold: what is reached by chance in 5% of the draws anywhere.
        moments: expression, start, peak, end in seconds, correlation, mean, p (corrected over
            time and expressions).
    """

    time_s: Floats
    correlation: Floats
    threshold: float
    moments: pd.DataFrame


def moments_together(
    curves: Floats, names: tuple[str, ...], *, step_s: float = STEP_S, window_s: float = WINDOW_S,
    draws: int = DRAWS, seed: int = 0,
) -> Together:  # fmt: skip
    """When people move together, more than by chance anywhere.

    Args:
        curves: (P, T, K).
        names: of the K expressions.
        step_s, window_s: seconds.
        draws, seed: of the surrogates.
    """
    width = max(round(window_s / step_s), 2)
    columns = ["expression", "start", "peak", "end", "correlation", "mean_shown", "p"]
    steps = curves.shape[1]
    if len(curves) < 2 or steps <= 2 * width:
        nothing = np.zeros((0, len(names)))
        return Together(np.zeros(0), nothing, np.nan, pd.DataFrame(columns=columns))
    found = intersubject_correlation(curves, width)
    chance = chance_level(curves, width, draws=draws, seed=seed)
    threshold = float(np.quantile(chance, 0.95))
    time = np.asarray((np.arange(len(found)) + width / 2) * step_s, np.float64)
    average, rows = nan_mean(curves), []
    for k, name in enumerate(names):
        for first, last in _stretches(np.nan_to_num(found[:, k], nan=-1.0) > threshold, width):
            peak = first + int(np.nanargmax(found[first : last + 1, k]))
            own = average[peak : peak + width, k]
            middle = peak + int(np.nanargmax(np.abs(own - np.nanmedian(average[:, k]))))
            p = (1 + (chance >= found[peak, k]).sum()) / (1 + len(chance))
            start, end = float(time[first]), float(time[last])
            value = float(found[peak, k])
            rows.append((name, start, middle * step_s, end, value, float(np.nanmax(own)), float(p)))
    moments = pd.DataFrame(rows, columns=columns).sort_values("start", ignore_index=True)
    return Together(time, found, threshold, moments)


def _stretches(above: NDArray[np.bool_], gap: int) -> list[tuple[int, int]]:
    """First and last of stretches that are true, those less than `gap` apart as one."""
    places = np.flatnonzero(above)
    if not len(places):
        return []
    ends = np.flatnonzero(np.diff(places) > gap)
    firsts = places[np.append(0, ends + 1)]
    lasts = places[np.append(ends, len(places) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
