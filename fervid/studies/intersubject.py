"""Inter-subject correlation: when people who watched the same film changed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.studies.bootstrap import nan_mean
from fervid.studies.series import Floats

WINDOW_S, STEP_S = 5.0, 0.2
"""Length of the windows of correlations, and step of the curves, in seconds."""

DRAWS = 200
"""Number of surrogates."""


def intersubject_correlation(curves: Floats, width: int) -> Floats:
    """How much each person's curve changes like the others', in windows, averaged over people.

    Each person's curve is correlated with the mean of all others' in each window (Hasson et al.,
    2004; leave-one-out). Correlations are averaged without Fisher's z, because in windows with few
    independent values a few people near 1 would outweigh the others. Unknown values count as no
    change.

    Args:
        curves: (P, T, ...) curves of at least two people.
        width: length of a window in steps.

    Returns:
        (T - width + 1, ...) correlations; NaN where no curve changes.
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
    """Sums of windows along the second axis."""
    total = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(total[:, width:] - total[:, :-width])


def chance_level(curves: Floats, width: int, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """The highest correlation over time that arises by chance alone.

    In each draw, every person's curve is shifted circularly by a random time, which keeps each
    person's own changes and breaks what people share. Taking the highest value over all windows
    ensures that in 95% of such draws no moment is found in the whole stimulus.

    Args:
        curves: (P, T, K).
        width: length of a window in steps.
        draws, seed: number of draws and seed of the shifts.

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
    """Correlations over time, and the moments in which they are beyond chance.

    Attributes:
        time_s: (W,) middles of the windows.
        correlation: (W, K).
        threshold: correlation that chance reaches anywhere in 5% of the draws.
        moments: table of expression, start, peak and end in seconds, correlation, mean, and p
            (corrected over time and expressions).
    """

    time_s: Floats
    correlation: Floats
    threshold: float
    moments: pd.DataFrame


def moments_together(
    curves: Floats, names: tuple[str, ...], *, step_s: float = STEP_S, window_s: float = WINDOW_S,
    draws: int = DRAWS, seed: int = 0,
) -> Together:  # fmt: skip
    """Find the moments in which people change together more than by chance.

    Args:
        curves: (P, T, K).
        names: names of the K expressions.
        step_s, window_s: step of the curves and length of windows in seconds.
        draws, seed: number of surrogates and their seed.
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
    """First and last index of True stretches; stretches less than `gap` apart are joined."""
    places = np.flatnonzero(above)
    if not len(places):
        return []
    ends = np.flatnonzero(np.diff(places) > gap)
    firsts = places[np.append(0, ends + 1)]
    lasts = places[np.append(ends, len(places) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
