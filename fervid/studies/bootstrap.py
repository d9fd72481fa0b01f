"""Means over people, each counted once, with intervals from resampling at every level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fervid.studies.series import Floats

LEVEL = 0.95
_CHUNK = 25
_MANY = 1000
"""Number of clusters above which the interval comes from the standard error."""


@dataclass(frozen=True)
class Nesting:
    """Nesting of repetitions in people, and of people in clusters that share nobody.

    Attributes:
        person: (E,) person of each repetition.
        cluster: (P,) cluster of each person. People in the same recording, and all recordings of a
            person, are in the same cluster.
    """

    person: NDArray[np.int64]
    cluster: NDArray[np.int64]

    @classmethod
    def of(cls, people: Sequence[str], recordings: Sequence[str]) -> Nesting:
        """Make a nesting from the person and recording of each of E repetitions."""
        person, names = pd.factorize(np.asarray(people, object))
        recording, places = pd.factorize(np.asarray(recordings, object))
        links = coo_matrix(
            (np.ones(len(person)), (person, recording + len(names))),
            shape=(len(names) + len(places),) * 2,
        )
        _, labels = connected_components(links, directed=False)
        cluster = np.unique(labels[: len(names)], return_inverse=True)[1]
        return cls(person.astype(np.int64), cluster.astype(np.int64))

    @property
    def clusters(self) -> int:
        """How many there are."""
        return int(self.cluster.max(initial=-1)) + 1

    @property
    def people(self) -> int:
        """How many there are."""
        return len(self.cluster)


def person_means(values: Floats, nesting: Nesting) -> Floats:
    """(P, ...) mean over each person's repetitions of (E, ...) values, ignoring NaN."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    place = coo_matrix(
        (np.ones(len(flat)), (nesting.person, np.arange(len(flat)))),
        shape=(nesting.people, len(flat)),
    ).tocsr()
    sums, counts = place @ np.where(known, flat, 0.0), place @ known.astype(np.float64)
    means = sums / np.where(counts > 0, counts, np.nan)
    return np.asarray(means).reshape(nesting.people, *values.shape[1:])


@dataclass(frozen=True)
class Band:
    """A mean over people with its interval, both in the shape of one repetition's values."""

    mean: Floats
    low: Floats
    high: Floats
    people: int
    repetitions: int


def band(values: Floats, nesting: Nesting, *, draws: int = 2000, seed: int = 0) -> Band:
    """The mean over people of (E, ...) values, with its 95% interval.

    Repetitions are averaged within people first. The interval comes from a bootstrap that draws
    clusters, then people within them, then repetitions within these (percentiles). For more than
    1,000 clusters, where both agree, it comes from the standard error. It is NaN with fewer than
    two clusters.

    Args:
        values: float64, NaN where unknown.
        nesting: nesting of the same repetitions.
        draws: number of bootstrap samples.
        seed: seed of the bootstrap.
    """
    own = person_means(values, nesting)
    mean = nan_mean(own)
    if nesting.clusters < 2:
        low = high = np.full_like(mean, np.nan)
    elif nesting.clusters > _MANY:
        half = 1.96 * standard_error(own, nesting)
        low, high = mean - half, mean + half
    else:
        drawn = np.concatenate([*_drawn_means(values, nesting, draws, np.random.default_rng(seed))])
        with np.errstate(all="ignore"):
            low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        low, high = (edge.reshape(mean.shape) for edge in (low, high))
    return Band(mean, low, high, nesting.people, len(values))


def paired_band(
    values: Floats, first: NDArray[np.bool_], second: NDArray[np.bool_], nesting: Nesting,
    *, draws: int = 2000, seed: int = 0,
) -> Band | None:  # fmt: skip
    """The mean over people of their own difference between two levels, with its 95% interval.

    Args:
        values: (E, ...) float64, NaN where unknown.
        first, second: (E,) whether each repetition is of one level, or of the other.
        nesting: nesting of the repetitions.
        draws, seed: as for `band`.

    Returns:
        The first level minus the second; None if less than half of the people have both.
    """
    own, other = (
        person_means(values[level], Nesting(nesting.person[level], nesting.cluster))
        for level in (first, second)
    )
    has = np.zeros((2, nesting.people), np.bool_)
    for place, level in enumerate((first, second)):
        has[place, nesting.person[level]] = True
    both = has.all(axis=0)
    if not both.any() or 2 * both.sum() < has.any(axis=0).sum():
        return None
    cluster = np.unique(nesting.cluster[both], return_inverse=True)[1].astype(np.int64)
    people = Nesting(np.arange(int(both.sum())), cluster)
    found = band((own - other)[both], people, draws=draws, seed=seed)
    return replace(found, repetitions=int((first | second).sum()))


def nan_mean(values: Floats) -> Floats:
    """Mean over the first axis, ignoring NaN; NaN if all values are."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    return np.asarray(
        np.where(known, values, 0.0).sum(axis=0) / np.where(counts > 0, counts, np.nan)
    )


def standard_error(own: Floats, nesting: Nesting) -> Floats:
    """Standard error of the mean over people, as a ratio of sums over clusters of unequal size."""
    known = ~np.isnan(own)
    left = np.where(known, own - nan_mean(own), 0.0)
    sums = np.zeros((nesting.clusters, *own.shape[1:]))
    np.add.at(sums, nesting.cluster, left)
    n = nesting.clusters
    return np.asarray(np.sqrt(n / (n - 1) * (sums**2).sum(axis=0)) / np.maximum(known.sum(0), 1))


def _drawn_means(
    values: Floats, nesting: Nesting, draws: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield (b, V) means of some draws at a time, as products of weights and values."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    filled, counted = np.where(known, flat, 0.0), known.astype(np.float64)
    if known.all():
        counted = np.ones((len(flat), 1))
    for first in range(0, draws, _CHUNK):
        weights = drawn_weights(nesting, min(_CHUNK, draws - first), rng)
        sums, counts = weights @ filled, weights @ counted
        yield sums / np.where(counts > 0, counts, np.nan)


def drawn_weights(nesting: Nesting, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, E) weights of repetitions in samples with replacement at three levels."""
    people = _members(nesting.cluster, nesting.clusters)
    repetitions = _members(nesting.person, nesting.people)
    chosen = rng.integers(nesting.clusters, size=(draws, nesting.clusters))
    person, there = _draw_members(people, chosen, rng)
    repetition, also = _draw_members(repetitions, person, rng)
    share = 1.0 / np.maximum(repetitions[1][person], 1)[..., None]
    weight = np.broadcast_to(share, also.shape) * also * there[..., None]
    row = np.arange(draws).reshape(-1, *[1] * (repetition.ndim - 1))
    flat = (row * len(nesting.person) + repetition).ravel()
    size = draws * len(nesting.person)
    summed = np.bincount(flat, weight.ravel(), size).astype(np.float64)
    return summed.reshape(draws, len(nesting.person))


def _members(group: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(G, M) members of each group, padded with 0, and (G,) their numbers."""
    counts = np.bincount(group, minlength=groups)
    order = np.argsort(group, kind="stable")
    table = np.zeros((groups, max(int(counts.max(initial=0)), 1)), np.int64)
    column = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[group[order], column] = order
    return table, counts


def _draw_members(
    members: tuple[NDArray[np.int64], NDArray[np.int64]],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw as many members as each of (...) groups has, with replacement: (..., M), and which
    entries are valid."""
    table, counts = members
    count = counts[groups][..., None]
    place = (rng.random((*groups.shape, table.shape[1])) * count).astype(np.int64)
    there = np.broadcast_to(np.arange(table.shape[1]) < count, place.shape)
    return table[groups[..., None], place], there
