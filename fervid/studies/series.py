"""One person's values over time, with integrals, so that means of stretches need no loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Series:
    """A person's values; each value applies from its time, for its duration.

    Attributes:
        time_s: (N,) float64 seconds, ascending.
        lasts_s: (N,) float64 seconds; 0 for excluded rows.
        values: (N, K) float64, finite.
    """

    time_s: Floats
    lasts_s: Floats
    values: Floats

    @cached_property
    def _knots(self) -> Floats:
        ends = np.minimum(self.time_s + self.lasts_s, np.append(self.time_s[1:], np.inf))
        return np.column_stack([self.time_s, ends]).ravel()

    @cached_property
    def _integral(self) -> Floats:
        """(2N, 1 + K) seconds seen, and integrals of the values, up to each knot."""
        lasts = np.diff(self._knots)[::2, None]
        steps = np.zeros((2 * len(lasts), 1 + self.values.shape[1]))
        steps[1::2] = lasts * np.column_stack([np.ones(len(lasts)), self.values])
        return np.cumsum(steps, axis=0)

    def means(self, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
        """Means over stretches of time, weighted by the durations of rows.

        Args:
            starts, ends: (M,) seconds.

        Returns:
            (M, K) means, NaN where nothing is seen, and (M,) seconds seen.
        """
        if not len(self.time_s):
            return np.full((len(starts), self.values.shape[1]), np.nan), np.zeros(len(starts))
        gained = self._up_to(ends) - self._up_to(starts)
        # Rounding errors in differences of long sums do not count as time seen.
        seen = np.where(gained[:, 0] > 1e-7, gained[:, 0], 0.0)
        means = gained[:, 1:] / np.where(seen > 0, seen, np.nan)[:, None]
        return means, seen

    def _up_to(self, at: Floats) -> Floats:
        """(M, 1 + K) integrals up to some times, linear between knots."""
        knots, whole = self._knots, self._integral
        right = np.clip(np.searchsorted(knots, at, side="right"), 1, len(knots) - 1)
        width = knots[right] - knots[right - 1]
        share = np.clip((at - knots[right - 1]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
        left = whole[right - 1]
        return np.asarray(left + share[:, None] * (whole[right] - left))

    def curve(self, edges: Floats, least: float = 0.5) -> Floats:
        """Means between edges.

        Args:
            edges: (..., T + 1) seconds, ascending along the last axis.
            least: share of a bin that must be seen; otherwise it is NaN.

        Returns:
            (..., T, K) means.
        """
        starts, ends = edges[..., :-1].ravel(), edges[..., 1:].ravel()
        means, seen = self.means(starts, ends)
        means[seen < least * (ends - starts)] = np.nan
        return means.reshape(*edges.shape[:-1], edges.shape[-1] - 1, -1)

    def without(self, dropped: NDArray[np.bool_]) -> Series:
        """The series without the rows of an (N,) mask."""
        return Series(self.time_s, np.where(dropped, 0.0, self.lasts_s), self.values)

    @property
    def seen_s(self) -> float:
        """Seconds seen."""
        return float(self.lasts_s.sum())
