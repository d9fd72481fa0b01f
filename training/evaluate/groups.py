"""Scores by group, and the difference between the best and the worst group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate.scores import (
    BINS,
    Floats,
    balanced_accuracy,
    difference,
    jensen_shannon,
    macro_f1,
    proportion,
)

RESAMPLES = 1000
"""Bootstrap resamples of each group."""

_K = len(EXPRESSIONS)
_SEED = 0


def read_groups(path: Path, n_images: int) -> NDArray[np.str_]:
    """The group of each image of the data set, "" for images that the file does not list.

    Args:
        path: CSV with the columns image (0-based row of the data set) and group (any name).
        n_images: rows of the data set.

    Returns:
        (n_images,) str.

    Raises:
        FervidError: the file cannot be read or a row is wrong; rows count from 0 below the header.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:  # no such file; no text, no columns, ragged rows
        words = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise FervidError(f"{path}: cannot be read as a table of groups ({words})") from error
    table.columns = [name.strip() for name in table.columns]
    missing = [name for name in ("image", "group") if name not in table.columns]
    if missing:
        raise FervidError(f"{path}: no column {', '.join(missing)}; it needs image and group")
    groups = np.full(n_images, "", object)
    for row, (image, group) in enumerate(zip(table["image"], table["group"], strict=True)):
        text, name = image.strip(), group.strip()
        if not (text.isascii() and text.isdigit() and int(text) < n_images):
            last = n_images - 1
            raise FervidError(
                f"{path}: row {row}: image is {text!r}, not a number from 0 to {last}"
            )
        if not name:
            raise FervidError(f"{path}: row {row}: image {text} has no group")
        if groups[int(text)]:
            raise FervidError(f"{path}: row {row}: image {text} is listed a second time")
        groups[int(text)] = name
    return groups.astype(str)


@dataclass(frozen=True)
class Figure:
    """A figure that is a function of sums over images, so that a resample only changes weights.

    Attributes:
        name: its key in `evaluation.json`.
        title, unit: title and unit for the reader; the unit is "%" or "".
        highest_is_best: whether high values are good.
        target: what answers are compared with: labels, FER+ majority or FER+ vote shares.
        features: (n, 7) probabilities and the target -> (n, m), summed over images.
        value: (..., m) sums and n -> (...) the figure.
    """

    name: str
    title: str
    unit: str
    highest_is_best: bool
    target: Literal["labels", "majority", "votes"]
    features: Callable[[Floats, NDArray[Any]], Floats]
    value: Callable[[Floats, int], Floats]


def _right(probs: Floats, labels: NDArray[Any]) -> Floats:
    return np.asarray((probs.argmax(axis=1) == labels)[:, None], np.float64)


def _pairs(probs: Floats, labels: NDArray[Any]) -> Floats:
    """One-hot of the cell in the confusion table."""
    cell = np.asarray(labels, np.int64) * _K + probs.argmax(axis=1)
    return np.asarray(np.eye(_K * _K)[cell])


def _surprise(probs: Floats, labels: NDArray[Any]) -> Floats:
    of_label = probs[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(of_label, 1e-12))[:, None])


def _distance(probs: Floats, labels: NDArray[Any]) -> Floats:
    return np.asarray(np.square(probs - np.eye(_K)[labels]).sum(axis=1, keepdims=True))


def _bin_gaps(probs: Floats, labels: NDArray[Any]) -> Floats:
    """Whether the answer is right, minus its confidence, in the column of the confidence's bin."""
    confidence = probs.max(axis=1)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.asarray(np.eye(BINS)[place] * (_right(probs, labels) - confidence[:, None]))


def _vote_entropy(probs: Floats, shares: NDArray[Any]) -> Floats:
    return np.asarray(-(shares * np.log(np.maximum(probs, 1e-12))).sum(axis=1, keepdims=True))


def _vote_divergence(probs: Floats, shares: NDArray[Any]) -> Floats:
    return jensen_shannon(probs, shares)[:, None]


def _mean(sums: Floats, n: int) -> Floats:
    return np.asarray(sums[..., 0] / n)


def _percent(sums: Floats, n: int) -> Floats:
    return 100 * _mean(sums, n)


def _tables(sums: Floats) -> Floats:
    return sums.reshape(*sums.shape[:-1], _K, _K)


def _balanced(sums: Floats, n: int) -> Floats:
    return 100 * balanced_accuracy(_tables(sums))


def _macro_f1(sums: Floats, n: int) -> Floats:
    return macro_f1(_tables(sums))


def _calibration_error(sums: Floats, n: int) -> Floats:
    return np.asarray(np.abs(sums).sum(axis=-1) / n)


FIGURES = (
    Figure("accuracy", "Accuracy", "%", True, "labels", _right, _percent),
    Figure("balanced_accuracy", "Macro recall", "%", True, "labels", _pairs, _balanced),
    Figure("macro_f1", "Macro-F1", "", True, "labels", _pairs, _macro_f1),
    Figure("nll", "NLL, nats", "", False, "labels", _surprise, _mean),
    Figure("brier", "Brier score", "", False, "labels", _distance, _mean),
    Figure("ece_15", "ECE-15", "", False, "labels", _bin_gaps, _calibration_error),
    Figure("ferplus_accuracy", "FER+ accuracy", "%", True, "majority", _right, _percent),
    Figure("ferplus_nll", "FER+ NLL, nats", "", False, "votes", _vote_entropy, _mean),
    Figure("ferplus_js", "FER+ divergence, nats", "", False, "votes", _vote_divergence, _mean),
)
"""Every figure by group; FER+ accuracy is against the majority, divergence is Jensen-Shannon's."""


def group_figures(probs: Floats, data: fer2013.Fer2013, groups: NDArray[np.str_]) -> dict[str, Any]:
    """Each figure of each group with a 95% interval, and the gap between best and worst group.

    Shares of right answers have Wilson's interval and, for their gap, Newcombe's; the other
    figures have percentile intervals of a bootstrap within each group (Efron 1979) with a fixed
    seed. The two groups of a gap are picked after looking, so a gap of zero looks larger here.

    Args:
        probs: (N, 7) one head's distributions.
        data: the N images they belong to.
        groups: (N,) group of each image; "" leaves an image out.

    Returns:
        By figure: `by_group` with value, low, high and n (value is None for a group without an
        image that counts), and `gap` with best, worst, value, low and high (None for fewer than
        two groups).
    """
    shares, majority = data.vote_shares().astype(np.float64), data.ferplus_majority()
    targets: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]] = {
        "labels": (data.labels, np.ones(len(data), bool)),
        "majority": (majority, majority >= 0),
        "votes": (shares, shares.sum(axis=1) > 0),
    }
    names = sorted(set(groups.tolist()) - {""})
    result = {}
    for figure in FIGURES:
        target, counts = targets[figure.target]
        parts = {}
        for name in names:
            rows = (groups == name) & counts
            parts[name] = _Part.of(figure, figure.features(probs[rows], target[rows]))
        result[figure.name] = {
            "by_group": {name: part.interval() for name, part in parts.items()},
            "gap": _gap(figure, {name: part for name, part in parts.items() if part.n}),
        }
    return result


@dataclass(frozen=True)
class _Part:
    """One figure of one group of n images: its value, and its value in each resample."""

    n: int
    value: float
    resampled: Floats
    is_share: bool

    @classmethod
    def of(cls, figure: Figure, features: Floats) -> _Part:
        n = len(features)
        is_share = figure.features is _right
        if n == 0:
            return cls(0, float("nan"), np.zeros(0), is_share)
        value = float(figure.value(features.sum(axis=0), n))
        if is_share:
            return cls(n, value, np.zeros(0), is_share)
        return cls(n, value, figure.value(_resample_weights(n) @ features, n), is_share)

    @property
    def hits(self) -> int:
        return round(self.value * self.n / 100)

    def interval(self) -> dict[str, Any]:
        if self.n == 0:
            return {"value": None, "low": None, "high": None, "n": 0}
        if self.is_share:
            share = proportion(self.hits, self.n)
            return {"value": share.pop("percent"), **share}
        low, high = np.percentile(self.resampled, (2.5, 97.5))
        return {"value": self.value, "low": float(low), "high": float(high), "n": self.n}


@lru_cache(maxsize=64)
def _resample_weights(n: int) -> Floats:
    """(RESAMPLES, n) how often each image is in each resample; the same for every figure."""
    picks = np.random.default_rng(_SEED).integers(0, n, (RESAMPLES, n))
    picks += n * np.arange(RESAMPLES)[:, None]
    weights = np.bincount(picks.ravel(), minlength=RESAMPLES * n)
    return weights.reshape(RESAMPLES, n).astype(np.float64)


def _gap(figure: Figure, parts: dict[str, _Part]) -> dict[str, Any] | None:
    if len(parts) < 2:
        return None
    order = sorted(parts, key=lambda name: parts[name].value, reverse=figure.highest_is_best)
    upper, lower = (order[0], order[-1]) if figure.highest_is_best else (order[-1], order[0])
    high_part, low_part = parts[upper], parts[lower]
    if high_part.is_share:
        ends = difference((high_part.hits, low_part.hits), (high_part.n, low_part.n))
        low, high = 100 * ends[0], 100 * ends[1]
    else:
        # Groups of equal size share their draw; reversing one makes the two independent.
        spread = high_part.resampled - np.roll(low_part.resampled, 1)
        low, high = map(float, np.percentile(spread, (2.5, 97.5)))
    return {
        "best": order[0],
        "worst": order[-1],
        "value": high_part.value - low_part.value,
        "low": low,
        "high": high,
    }
