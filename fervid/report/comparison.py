"""Compares groups of recordings; each person, or else each recording, counts once."""

from __future__ import annotations

import math
from collections import Counter
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
class GroupMember:
    """A recording's group, and the person in it who counts, according to a table of groups.

    Attributes:
        group: the group; empty for none.
        participant: the person's name in all of their recordings; empty if the table has none.
        face_id: the person's number in the recording, as text; empty: the person seen longest.
    """

    group: str
    participant: str = ""
    face_id: str = ""


@dataclass(frozen=True)
class Estimate:
    """The mean of a group's people or recordings; no interval if there are fewer than two."""

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
        low, high: its 95% interval (Student if paired, else Welch); None if too few are in a group.
        effect: Hedges' g, the difference in standard deviations; None if `low` is.
        design: "paired" if at least half of the people are in both groups, else "unpaired".
    """

    points: float
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    design: str = "unpaired"


@dataclass(frozen=True)
class Comparison:
    """A comparison of groups.

    Attributes:
        by: the column that forms the groups.
        reference: the group that the others are compared with: the first by name.
        unit: what counts once: "person" or "recording".
        estimates: for each expression, one estimate per group; the expression whose groups differ
            most comes first.
        differences: for each expression, one difference per group, None for the reference.
        left_out: number of groups that are not shown because there are too many.
        ungrouped: number of recordings with a face that are in no group.
        absent: number of recordings in which the participant's face was not found.
        warnings: warnings for the reader, one line each.
        ticks: ticks of the axis of the estimates, from 0 to its end.
    """

    by: str
    reference: str
    unit: str
    estimates: dict[str, list[Estimate]]
    differences: dict[str, list[Difference | None]]
    left_out: int
    ungrouped: int
    absent: int
    warnings: list[str]
    ticks: list[float]


@dataclass(frozen=True)
class _Value:
    """The (7,) mean probabilities of one person, or of all faces, in one recording."""

    group: str
    unit: str
    means: NDArray[np.float64]
    usable: float


def compare(
    by: str, recordings: Sequence[Recording], who: Sequence[GroupMember]
) -> Comparison | None:
    """Mean probabilities of groups; None if no recording with a face is in one.

    If the table names a participant in any recording, people count: a person's recordings in a
    group are averaged first. Otherwise recordings count, with all of their faces.

    Args:
        by: column that defines the groups.
        recordings: the recordings; those without a face are ignored.
        who: group and participant of each recording.
    """
    named = any(one.participant for one in who)
    pairs = [pair for pair in zip(recordings, who, strict=True) if _has_face(pair[0])]
    found = [_value(k, one, about, named) for k, (one, about) in enumerate(pairs) if about.group]
    values = [value for value in found if value is not None]
    sizes = Counter(value.group for value in values)
    if not sizes:
        return None
    names = sorted(name for name, _ in sizes.most_common(MAX_GROUPS))
    table = _unit_table([value for value in values if value.group in names], names)
    differences = {
        expression: [None, *(_difference(own, one[:, 0]) for own in one[:, 1:].T)]
        for expression, one in zip(EXPRESSIONS, table, strict=True)
    }
    order = sorted(EXPRESSIONS, key=lambda expression: -_largest(differences[expression]))
    estimates = {
        expression: [
            estimate(name, own[~np.isnan(own)])
            for name, own in zip(names, table[EXPRESSIONS.index(expression)].T, strict=True)
        ]
        for expression in order
    }
    ends = [one.high or one.mean for own in estimates.values() for one in own]
    return Comparison(
        by=by,
        reference=names[0],
        unit="person" if named else "recording",
        estimates=estimates,
        differences=differences,
        left_out=len(sizes) - len(names),
        ungrouped=sum(not about.group for _, about in pairs),
        absent=len(found) - len(values),
        warnings=_warnings(values, names),
        ticks=_ticks(max(ends)),
    )


def _has_face(recording: Recording) -> bool:
    return all(known(recording.summary.get(f"{name}_mean")) for name in EXPRESSIONS)


def _value(place: int, recording: Recording, who: GroupMember, named: bool) -> _Value | None:
    """The value of a recording; None if the participant's face is not in it."""
    if not named:
        means = [float(recording.summary[f"{name}_mean"]) for name in EXPRESSIONS]
        usable = float(recording.summary.get("detection_rate", math.nan))
        return _Value(who.group, str(place), np.array(means), usable)
    number = who.face_id.removeprefix("face ").strip()
    people = [one for one in recording.people if number in ("", str(one.face_id))]
    if not people:
        return None
    person = max(people, key=lambda one: one.seen_s)
    # Without a name, the person is somebody else than in all other recordings.
    unit = f"={who.participant}" if who.participant else str(place)
    usable = person.seen_s / recording.duration_s if recording.duration_s else math.nan
    return _Value(who.group, unit, np.array(person.means), min(usable, 1.0))


def _unit_table(values: Sequence[_Value], names: Sequence[str]) -> NDArray[np.float64]:
    """(7, U, G) mean of each unit in each group; NaN where it is not in the group."""
    units = {unit: k for k, unit in enumerate(dict.fromkeys(value.unit for value in values))}
    sums, counts = np.zeros((7, len(units), len(names))), np.zeros((len(units), len(names)))
    for value in values:
        place = units[value.unit], names.index(value.group)
        sums[:, *place] += value.means
        counts[place] += 1
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))


def _warnings(values: Sequence[_Value], names: Sequence[str]) -> list[str]:
    from fervid.report.effects import usable_differences

    return usable_differences(
        {name: np.array([one.usable for one in values if one.group == name]) for name in names}
    )


def _difference(values: NDArray[np.float64], reference: NDArray[np.float64]) -> Difference:
    # Loads a part of SciPy that takes half a second, and pages without groups do not need it.
    from fervid.report.effects import compare_units

    design, found, _ = compare_units(values, reference)
    if math.isnan(found.low):
        return Difference(found.estimate, design=design)
    return Difference(found.estimate, found.low, found.high, found.effect, design)


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
