"""Scores and their 95% intervals, as pure functions on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 15
"""Equal-width bins of confidence, as in Guo et al. 2017."""

_K = len(EXPRESSIONS)
_Z = 1.959963984540054


def accuracy(right: NDArray[np.bool_]) -> dict[str, float]:
    """Share of right answers in percent, with half of its normal 95% interval (Wald)."""
    share = float(right.mean())
    half = 1.96 * (share * (1 - share) / len(right)) ** 0.5
    return {"percent": round(100 * share, 2), "plus_minus": round(100 * half, 2), "n": len(right)}


def wilson(hits: float, n: int) -> tuple[float, float]:
    """95% interval of a proportion, as shares (Wilson 1927); (0, 1) when n is 0."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = hits / n, _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5 / (1 + z2 / n)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def proportion(hits: float, n: int) -> dict[str, Any]:
    """Percent with the low and high end of its Wilson interval; percent is None when n is 0."""
    low, high = wilson(hits, n)
    percent = round(100 * hits / n, 2) if n else None
    return {"percent": percent, "low": round(100 * low, 2), "high": round(100 * high, 2), "n": n}


def difference(hits: tuple[int, int], counts: tuple[int, int]) -> tuple[float, float]:
    """95% interval of p0 - p1 of two independent samples, as shares (Newcombe 1998, method 10).

    Args:
        hits, counts: successes and size of each sample; no size is 0.
    """
    (l0, u0), (l1, u1) = (wilson(h, n) for h, n in zip(hits, counts, strict=True))
    p0, p1 = hits[0] / counts[0], hits[1] / counts[1]
    low = p0 - p1 - ((p0 - l0) ** 2 + (u1 - p1) ** 2) ** 0.5
    return low, p0 - p1 + ((u0 - p0) ** 2 + (p1 - l1) ** 2) ** 0.5


def paired_loss(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, Any]:
    """Points of accuracy lost on the same N images, with a 95% interval for matched pairs.

    The interval is Wald's after adding half an image to each of the four outcomes (Agresti and
    Min 2005), which keeps it honest when few answers change.

    Args:
        before, after: (N,) whether each answer was right.

    Returns:
        points (positive: worse than before; None when N is 0), low, high and n.
    """
    n = len(before)
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    change, size = lost - won, n + 2
    half = _Z * (lost + won + 1 - change**2 / size) ** 0.5 / size
    low, high = change / size - half, change / size + half
    return {
        "points": round(100 * change / n, 2) if n else None,
        "low": round(100 * max(low, -1.0), 2),
        "high": round(100 * min(high, 1.0), 2),
        "n": n,
    }


def cross_entropy(probs: Floats, target: NDArray[np.floating[Any]]) -> float:
    """Mean cross-entropy in nats against (N, 7) target shares; rows without a target are left out.

    With one-hot targets this is the negative log-likelihood. NaN when no row has a target.
    """
    counted = target.sum(axis=1) > 0
    if not counted.any():
        return float("nan")
    log_probs = np.log(np.maximum(probs[counted], 1e-12))
    return float(-(target[counted] * log_probs).sum(axis=1).mean())


def brier(probs: Floats, target: NDArray[np.floating[Any]]) -> float:
    """Mean squared distance to (N, 7) target shares, 0 to 2 (Brier 1950, summed over classes)."""
    return float(np.square(probs - target).sum(axis=1).mean())


def jensen_shannon(p: NDArray[np.floating[Any]], q: NDArray[np.floating[Any]]) -> Floats:
    """(N,) divergence of each row's two distributions in nats, 0 to ln 2 (Lin 1991)."""
    middle = (p + q) / 2

    def to_middle(x: NDArray[np.floating[Any]]) -> Floats:
        ratio = np.divide(x, middle, out=np.ones_like(middle), where=x > 0)
        return np.asarray((x * np.log(ratio)).sum(axis=1), np.float64)

    return np.maximum((to_middle(p) + to_middle(q)) / 2, 0.0)


def reliability(probs: Floats, labels: NDArray[Any], bins: int = BINS) -> dict[str, list[Any]]:
    """The reliability diagram of the top class in equal-width bins (Guo et al. 2017).

    Returns:
        For each bin that contains an image: `bin` (its number from 0), `confidence` and `accuracy`
        (means, 0 to 1) and `n`.
    """
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    n = np.bincount(place, minlength=bins)
    used = np.flatnonzero(n)
    return {
        "bin": used.tolist(),
        "confidence": (np.bincount(place, confidence, bins)[used] / n[used]).tolist(),
        "accuracy": (np.bincount(place, right, bins)[used] / n[used]).tolist(),
        "n": n[used].tolist(),
    }


def calibration_error(probs: Floats, labels: NDArray[Any], bins: int = BINS) -> float:
    """Expected calibration error of the top class in equal-width bins (Guo et al. 2017)."""
    curve = reliability(probs, labels, bins)
    gaps = np.abs(np.subtract(curve["accuracy"], curve["confidence"]))
    return float((gaps * curve["n"]).sum() / max(len(labels), 1))


def confusion(predicted: NDArray[Any], labels: NDArray[Any]) -> Ints:
    """(7, 7) int64 counts; rows are labels, columns are predictions."""
    pairs = np.asarray(labels, np.int64) * _K + np.asarray(predicted, np.int64)
    return np.asarray(np.bincount(pairs, minlength=_K * _K).reshape(_K, _K), np.int64)


def f1_of_classes(table: NDArray[Any]) -> Floats:
    """(..., 7) F1, 0 to 1, of (..., 7, 7) confusion tables; 0 without any hit."""
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    return np.asarray(2 * hits / np.maximum(table.sum(axis=-2) + table.sum(axis=-1), 1))


def macro_f1(table: NDArray[Any]) -> Floats:
    """(...) mean F1, 0 to 1, of the classes that a table has as a label or as a prediction."""
    occurs = table.sum(axis=-2) + table.sum(axis=-1) > 0
    return np.asarray((f1_of_classes(table) * occurs).sum(axis=-1) / occurs.sum(axis=-1))


def balanced_accuracy(table: NDArray[Any]) -> Floats:
    """(...) macro recall: mean recall, 0 to 1, of the classes that occur as a label.

    Also called balanced accuracy (Brodersen et al. 2010).
    """
    n = table.sum(axis=-1)
    recall = np.diagonal(table, axis1=-2, axis2=-1) / np.maximum(n, 1)
    return np.asarray(recall.sum(axis=-1) / (n > 0).sum(axis=-1))


def macro_recall(probs: Floats, labels: NDArray[Any]) -> float:
    """Mean recall of the classes, 0 to 1 with four decimals, of (N, 7) distributions."""
    return round(float(balanced_accuracy(confusion(probs.argmax(axis=1), labels))), 4)


def class_table(table: Ints) -> list[dict[str, Any]]:
    """A row per class: precision and recall in percent with Wilson intervals, F1 (0 to 1), n."""
    f1 = f1_of_classes(table)
    return [
        {
            "expression": name,
            "n": int(table[k].sum()),
            "precision": proportion(int(table[k, k]), int(table[:, k].sum())),
            "recall": proportion(int(table[k, k]), int(table[k].sum())),
            "f1": float(f1[k]),
        }
        for k, name in enumerate(EXPRESSIONS)
    ]
