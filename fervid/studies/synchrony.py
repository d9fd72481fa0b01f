"""Synchrony of two people in a recording: do they change together, and who follows whom?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from fervid.studies.series import Floats

STEP_S, WINDOW_S, MAX_LAG_S = 0.2, 10.0, 3.0
"""Step of the curves, length of the windows of correlations, and largest lag, in seconds."""


@dataclass(frozen=True)
class Synchrony:
    """Synchrony of two people.

    Attributes:
        correlation: mean correlation over windows at the best lag.
        lag_s: the best lag in seconds; above 0, the second person follows the first.
        lag_low, lag_high: its 95% interval, from resampling windows.
        chance, chance_high: mean and 95th percentile of the best correlation at other shifts.
        effect: correlation minus chance, in standard deviations of chance.
        p: share of shifts with at least this correlation.
        together: time in which both show the expression, divided by the time in which either does.
        together_chance: mean of that over shifts.
        together_p: share of shifts with at least as much.
    """

    correlation: float
    lag_s: float
    lag_low: float
    lag_high: float
    chance: float
    chance_high: float
    effect: float
    p: float
    together: float
    together_chance: float
    together_p: float


def synchrony(
    first: Floats, second: Floats, shows_first: NDArray[np.bool_], shows_second: NDArray[np.bool_],
    *, step_s: float = STEP_S, window_s: float = WINDOW_S, max_lag_s: float = MAX_LAG_S,
    seed: int = 0,
) -> Synchrony | None:  # fmt: skip
    """Synchrony of two people; None if they are seen together for too short a time.

    Windowed cross-correlation (Boker et al., 2002): windows of one person are correlated with those
    of the other at each lag, and averaged. Chance is the same for all circular shifts of one person
    that are longer than a window and the lags, which keep each person's own movements.

    Args:
        first, second: (T,) curves; NaN where a face is not usable.
        shows_first, shows_second: (T,) whether each shows an episode.
        step_s, window_s, max_lag_s: step, length of windows and largest lag in seconds.
        seed: seed of the resampling of windows.
    """
    width, reach = round(window_s / step_s), round(max_lag_s / step_s)
    steps = len(first)
    if steps < 4 * (width + reach):
        return None
    each = _window_correlations(_filled(first), _filled(second), width)
    average = _means(each)
    lags = np.arange(-reach, reach + 1)
    observed = average[lags]
    if not np.isfinite(observed).any():
        return None
    best = int(np.nanargmax(observed))
    guard = width + 2 * reach
    shifts = np.arange(guard, steps - guard)
    around = (shifts[:, None] + lags) % steps
    others = np.nanmax(np.where(np.isnan(average[around]), -1.0, average[around]), axis=1)
    low, high = _lag_interval(each[:, lags], seed)
    shared = _shared(shows_first, shows_second)
    spread = float(others.std()) or np.nan
    value = float(observed[best])
    return Synchrony(
        correlation=value,
        lag_s=float(lags[best] * step_s),
        lag_low=float(lags[low] * step_s),
        lag_high=float(lags[high] * step_s),
        chance=float(others.mean()),
        chance_high=float(np.quantile(others, 0.95)),
        effect=(value - float(others.mean())) / spread,
        p=float((1 + (others >= value).sum()) / (1 + len(others))),
        together=float(shared[0]),
        together_chance=float(np.nanmean(shared[shifts])) if np.isfinite(shared[0]) else np.nan,
        together_p=(
            float((1 + (shared[shifts] >= shared[0]).sum()) / (1 + len(shifts)))
            if np.isfinite(shared[0])
            else np.nan
        ),
    )


def _filled(curve: Floats) -> Floats:
    """Replace unknown values by no change."""
    known = ~np.isnan(curve)
    middle = float(curve[known].mean()) if known.any() else 0.0
    return np.where(known, curve - middle, 0.0)


def _window_correlations(first: Floats, second: Floats, width: int) -> Floats:
    """(W, T) correlations of each window of the first with the second, shifted by 0 to T - 1."""
    steps = len(first)
    starts = np.arange(0, steps - width + 1, width)
    windows = first[starts[:, None] + np.arange(width)]
    windows = windows - windows.mean(axis=1, keepdims=True)
    padded = np.zeros((len(starts), steps))
    padded[:, :width] = windows
    products = irfft(np.conj(rfft(padded, axis=1)) * rfft(second), steps, axis=1)
    around = np.concatenate([second, second[: width - 1]])
    total = np.concatenate([[0.0], np.cumsum(around)])
    squares = np.concatenate([[0.0], np.cumsum(around**2)])
    sums = total[width:] - total[:-width]
    power = np.maximum(squares[width:] - squares[:-width] - sums**2 / width, 0.0)
    own = (windows**2).sum(axis=1)
    # A window in which one person does not move is ignored.
    still = (own[:, None] < 1e-9) | (power < 1e-9)
    r = products / np.sqrt(np.where(still, 1.0, own[:, None] * power))
    r = np.where(still, np.nan, np.clip(r, -1, 1))
    shifted = (starts[:, None] + np.arange(steps)) % steps
    return np.take_along_axis(r, shifted, axis=1)


def _means(each: Floats) -> Floats:
    """Mean over windows, if at least half of the moving windows are valid."""
    known = ~np.isnan(each)
    counts = known.sum(axis=0)
    means = np.where(known, each, 0.0).sum(axis=0) / np.maximum(counts, 1)
    return np.asarray(np.where(counts > 0, means, np.nan))


def _lag_interval(each: Floats, seed: int, draws: int = 500) -> tuple[int, int]:
    """Indices of the ends of the interval of the best lag, from resampling windows."""
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=draws)
    known = ~np.isnan(each)
    sums, counts = weights @ np.where(known, each, 0.0), weights @ known
    means = np.where(counts > 0, sums / np.maximum(counts, 1), -1.0)
    low, high = np.quantile(means.argmax(axis=1), [0.025, 0.975], method="nearest")
    return int(low), int(high)


def _shared(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Floats:
    """(T,) time in which both show it divided by time in which either does, for each shift."""
    steps = len(first)
    both = irfft(np.conj(rfft(first.astype(np.float64))) * rfft(second.astype(np.float64)), steps)
    either = first.sum() + second.sum() - both
    return np.asarray(np.round(both, 6) / np.where(either > 0.5, either, np.nan))
