"""When an expression begins to rise, which is before it is clearly shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.studies.series import Floats, Series

_SMOOTH_S = 0.1
"""Frames nearer in time than this are averaged."""

_LONGEST_S = 2.0
"""Longest rise before an episode in seconds."""

_PEAK_S = 1.0
"""A rise has reached its peak at most this long after the beginning of the episode."""

_GAP_S = 0.5
"""A rise across a longer gap has no known beginning."""

_LOW, _HIGH = 0.25, 0.5
"""The line through these shares of the rise meets the baseline where the rise begins. Below a
quarter, noise is as large as the rise; above a half, rises bend."""


def rise_starts(series: Series, column: int, episodes: Floats, baselines: Floats) -> Floats:
    """When the rises to some episodes of one expression begin.

    The curve is the mean of the frames within 0.1 s. A straight line runs through the points where
    it last passes a quarter and a half of the way from the baseline to its peak. The rise begins
    where this line meets the baseline.

    Args:
        series: values of the person.
        column: column of the expression.
        episodes: (S, 2) onset and offset of each episode in seconds.
        baselines: (S,) value of the curve before each rise.

    Returns:
        (S,) seconds. It is the onset of the episode if no rise within 2 s before it is seen.
    """
    seen = series.lasts_s > 0
    time = series.time_s[seen]
    curve = _smoothed(time, series.values[seen, column])
    starts = [
        _rise_start(time, curve, onset, offset, base)
        for (onset, offset), base in zip(episodes, baselines, strict=True)
    ]
    return np.array(starts, np.float64)


def _smoothed(time: Floats, values: Floats) -> Floats:
    """(N,) means of the values within `_SMOOTH_S` of each."""
    sums = np.append(0.0, np.cumsum(values))
    # Frames a tenth of a second apart are not averaged.
    first = np.searchsorted(time, time - _SMOOTH_S + 1e-6)
    end = np.searchsorted(time, time + _SMOOTH_S - 1e-6)
    return np.asarray((sums[end] - sums[first]) / np.maximum(end - first, 1))


def _rise_start(time: Floats, curve: Floats, onset: float, offset: float, base: float) -> float:
    first, place, end = np.searchsorted(
        time, [onset - _LONGEST_S, onset - 1e-6, min(offset, onset + _PEAK_S)]
    )
    mine, when = curve[first:end], time[first:end]
    if end <= place or not mine[place - first :].max() > base:
        return onset
    height = mine[place - first :].max() - base
    reached = place - first + int(np.argmax(mine[place - first :] >= base + _HIGH * height))
    low, high = (_passed(when, mine, reached, base + q * height) for q in (_LOW, _HIGH))
    if np.isnan(low) or np.isnan(high):
        return onset
    slope = (_HIGH - _LOW) / (high - low)
    return float(max(low - _LOW / slope, onset - _LONGEST_S))


def _passed(time: Floats, curve: Floats, reached: int, level: float) -> float:
    """When the curve last rises through a level before index `reached`; NaN if unknown."""
    below: NDArray[Any] = np.flatnonzero(curve[:reached] < level)
    if not len(below) or time[below[-1] + 1] - time[below[-1]] > _GAP_S:
        return np.nan
    k = below[-1]
    share = (level - curve[k]) / (curve[k + 1] - curve[k])
    return float(time[k] + share * (time[k + 1] - time[k]))
