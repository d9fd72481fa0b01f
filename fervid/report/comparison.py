"""Compares groups of recordings; each recording counts once, however long it is."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fervid.records import EXPRESSIONS
from fervid.report.html import known
from fervid.report.recordings import Recording

MAX_GROUPS = 12
"""Most groups that are compared; those with the most recordings."""

_LEVEL = 0.95
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)


@dataclass(frozen=True)
class Estimate:
    """The mean of a group's recordings; no interval if there are fewer than two."""

    group: str
    n: int
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """The mean of a group minus that of the reference group.

    Attributes:
        points: difference of the means.
        low, high: its 95% interval (Welch); None where a group has fewer than two recordings.
        effect: Hedges' g, the difference in standard deviations; None as `low`.
    """

    points: float
    low: float | None = None
    high: float | None = None
    effect: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A comparison of groups.

    Attributes:
        by: the column that forms the groups.
        reference: the group that the others are compared with: the first by name.
        estimates: for each expression, one estimate per group; the expression whose groups differ
            most comes first.
        differences: for each expression, one difference per group, None for the reference.
        left_out: number of groups that are not shown because there are too many.
        ungrouped: number of recordings with a face that are in no group.
        ticks: ticks of the axis of the estimates, from 0 to its end.
    """

    by: str
    reference: str
    estimates: dict[str, list[Estimate]]
    differences: dict[str, list[Difference | None]]
    left_out: int
    ungrouped: int
    ticks: list[float]


def compare(by: str, recordings: Sequence[Recording], groups: Sequence[str]) -> Comparison | None:
    """Mean probabilities of groups of recordings; None if no recording with a face is in one.

    Args:
        by: column that defines the groups.
        recordings: the recordings; those without a face are ignored.
        groups: group of each recording; empty for none.
    """
    members = defaultdict(list)
    for recording, group in zip(recordings, groups, strict=True):
        if all(known(recording.summary.get(f"{name}_mean")) for name in EXPRESSIONS):
            members[group].append(recording)
    ungrouped = len(members.pop("", []))
    largest = Counter({group: len(own) for group, own in members.items()}).most_common(MAX_GROUPS)
    if not largest:
        return None
    names = sorted(name for name, _ in largest)
    values = {
        expression: [
            np.array([float(one.summary[f"{expression}_mean"]) for one in members[name]])
            for name in names
        ]
        for expression in EXPRESSIONS
    }
    differences = {
        expression: [None, *(_difference(one, own[0]) for one in own[1:])]
        for expression, own in values.items()
    }
    order = sorted(EXPRESSIONS, key=lambda expression: -_largest(differences[expression]))
    estimates = {
        expression: [
            estimate(name, own) for name, own in zip(names, values[expression], strict=True)
        ]
        for expression in order
    }
    ends = [one.high or one.mean for own in estimates.values() for one in own]
    left_out = len(members) - len(names)
    return Comparison(by, names[0], estimates, differences, left_out, ungrouped, _ticks(max(ends)))


def _difference(values: NDArray[np.float64], reference: NDArray[np.float64]) -> Difference:
    # Loads a part of SciPy that takes half a second, and pages without groups do not need it.
    from fervid.report.effects import two_samples

    found = two_samples(values, reference)
    if math.isnan(found.low):
        return Difference(found.estimate)
    return Difference(found.estimate, found.low, found.high, found.effect)


def _largest(differences: Sequence[Difference | None]) -> float:
    """How far apart groups are: by effect where there is one, else by points, which come after."""
    known = [one for one in differences if one is not None]
    effects = [abs(one.effect) for one in known if one.effect is not None]
    return max(effects) if effects else max((abs(one.points) for one in known), default=0.0) * 1e-3


def estimate(group: str, values: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """Mean of (n,) shares, one per recording, with Student's 95% interval, cut to 0 to 1."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Estimate(group, n, mean)
    half = float(stdtrit(n - 1, (1 + _LEVEL) / 2) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(group, n, mean, max(mean - half, 0.0), min(mean + half, 1.0))


def _ticks(end: float) -> list[float]:
    """Round numbers from 0 to beyond `end`, at most five."""
    end = min(max(end, 0.01), 1.0)
    step = next((step for step in _STEPS if 4 * step >= end), _STEPS[-1])
    count = min(math.ceil(end / step - 1e-9), 4)
    return [round(k * step, 2) for k in range(count + 1)]
