"""Smooths probabilities over time, using the frames' exact times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import is_covered

_BLOCK = 300.0
"""Time constants summed at once; exp(300) is well within float64."""

_SURE_HEIGHT = 48.0
"""Pixels of the working frame at which height no longer matters, as large as training faces."""

_LEAST_WEIGHT = 0.02
"""Smallest weight, so that a face that is small throughout is smoothed, too."""

_TURNED_AWAY, _NOT_TURNED = 0.34, 0.71
"""Frontality of heads turned by 70 and 45 degrees, between which the weight falls to 0."""

_TYPICAL = 0.4
"""Weight in smoothing of a covered face. Its answer, that nothing is known, must count, or the
expression before would go on under a mask."""

_FILLED = 0.5
"""Weight of an interpolated box."""


def weights(
    score: NDArray[Any],
    height: NDArray[Any],
    sharpness: NDArray[Any],
    frontality: NDArray[Any],
    filled: NDArray[np.bool_],
    covered: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Weights of single faces in means.

    Args:
        score: (N,) detector scores in [0, 1].
        height: (N,) heights of the faces in pixels of the working frame.
        sharpness: (N,) in [0, 1], see `fervid.tracking.appearance.sharpness`.
        frontality: (N,) in [0, 1], see `fervid.detection.framing.frontality`; NaN: unknown.
        filled: (N,) whether the box was interpolated.
        covered: (N,) whether the mouth is hidden.

    Returns:
        (N,) in (0, 1]: score times sharpness times size (1 from 48 pixels) times a factor that is 1
        for heads turned by at most 45 degrees and falls to 0 at 70 degrees; the smallest weight
        if the face is covered.
    """
    size = np.minimum(height / _SURE_HEIGHT, 1.0)
    turn = (np.nan_to_num(frontality, nan=1.0) - _TURNED_AWAY) / (_NOT_TURNED - _TURNED_AWAY)
    weight = score * size * sharpness * np.clip(turn, 0.0, 1.0) * np.where(filled, _FILLED, 1.0)
    weight = np.where(covered, 0.0, weight)
    return np.asarray(np.clip(weight, _LEAST_WEIGHT, 1.0), np.float32)


def decayed_sums(
    values: NDArray[np.float64],
    times: NDArray[np.float64],
    tau_s: float,
    before: tuple[NDArray[np.float64], float] | None = None,
) -> NDArray[np.float64]:
    """Exponentially decaying sums S_i = v_i + S_(i-1) exp(-(t_i - t_(i-1)) / tau).

    Args:
        values: (N, K) values.
        times: (N,) seconds, ascending.
        tau_s: time constant in seconds; 0: no memory.
        before: the sum (K,) and the time before these rows.

    Returns:
        (N, K) sums, each including the row's own values.
    """
    if tau_s == 0 or not len(times):
        return values.copy()
    sums = np.empty_like(values)
    start = 0
    while start < len(times):
        stop = int(np.searchsorted(times, times[start] + _BLOCK * tau_s, side="right"))
        passed = (times[start:stop] - times[start]) / tau_s
        grown = np.cumsum(values[start:stop] * np.exp(passed)[:, None], axis=0)
        if before is not None:
            sum_before, time_before = before
            grown += sum_before * np.exp((time_before - times[start]) / tau_s)
        sums[start:stop] = grown * np.exp(-passed)[:, None]
        before = sums[stop - 1], float(times[stop - 1])
        start = stop
    return sums


class Smoother:
    """Weighted means over a track, in which rows `tau_s` seconds away count 1/e as much.

    It takes two passes over the rows (`fervid.results.rows.ROW`) in pieces of any size: `back` from
    the last piece to the first, then `forth` from the first to the last. Tracks end at cuts and
    gaps, so nothing is smoothed across these. Memory grows only with the number of tracks.

    Args:
        tau_s: the time constant in seconds; 0 leaves the values as they are.
    """

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self._later: dict[int, tuple[NDArray[np.float64], float]] = {}
        self._earlier: dict[int, tuple[NDArray[np.float64], float]] = {}

    def back(self, rows: NDArray[Any]) -> None:
        """Store in `smooth` and `smooth_weight` the sums of the rows after each row."""

        def note(mine: NDArray[np.intp], own: NDArray[np.float64], times: NDArray[Any]) -> None:
            track = int(rows["face_id"][mine[0]])
            sums = decayed_sums(own[::-1], -times[::-1], self._tau_s, self._later.get(track))[::-1]
            self._later[track] = sums[0], -float(times[0])
            after = sums - own
            rows["smooth"][mine], rows["smooth_weight"][mine] = after[:, :-1], after[:, -1]

        _each_track(rows, note)

    def forth(self, rows: NDArray[Any]) -> None:
        """Turn these sums into means over the whole track."""

        def finish(mine: NDArray[np.intp], own: NDArray[np.float64], times: NDArray[Any]) -> None:
            track = int(rows["face_id"][mine[0]])
            sums = decayed_sums(own, times, self._tau_s, self._earlier.get(track))
            self._earlier[track] = sums[-1], float(times[-1])
            weight = sums[:, -1] + rows["smooth_weight"][mine]
            rows["smooth"][mine] = (sums[:, :-1] + rows["smooth"][mine]) / weight[:, None]
            rows["smooth_weight"][mine] = weight

        _each_track(rows, finish)


def _each_track(
    rows: NDArray[Any],
    handle: Callable[[NDArray[np.intp], NDArray[np.float64], NDArray[Any]], None],
) -> None:
    """Call `handle` with the rows of each track, (N, 8) weighted probabilities and weights, and
    times."""
    track = rows["face_id"]
    order = np.argsort(track, kind="stable")
    order = order[track[order] > 0]
    if not len(order):
        return
    for mine in np.split(order, np.flatnonzero(np.diff(track[order])) + 1):
        covered = is_covered(rows["covered"][mine])
        weight = np.where(covered, _TYPICAL, rows["weight"][mine])[:, None].astype(np.float64)
        handle(mine, np.hstack([weight * rows["adjusted"][mine], weight]), rows["time_s"][mine])
