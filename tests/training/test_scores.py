"""Scores and calibration against values known by hand or from the literature."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fervid.expressions.classifier import Calibration
from fervid.records import EXPRESSIONS
from tests.helpers.toy_data import toy_fer, without_votes
from training import fer2013
from training.evaluate import (
    Logits,
    accuracy,
    brier,
    calibration_error,
    confusion,
    cross_entropy,
    fit_calibration,
    jensen_shannon,
    reliability,
    wilson,
)
from training.evaluate.scores import (
    balanced_accuracy,
    class_table,
    difference,
    macro_f1,
    paired_loss,
    proportion,
)

SHARES = arrays(np.float64, (4, 7), elements=st.floats(0, 1)).map(
    lambda x: (x + 1e-9) / (x + 1e-9).sum(axis=1, keepdims=True)
)


def test_calibration_finds_the_temperature_that_was_used() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    odds = np.exp(logits - logits.max(1, keepdims=True))
    probs = odds / odds.sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=p) for p in probs]).astype(np.int32)
    data = fer2013.Fer2013(
        np.zeros((4000, 48, 48), np.uint8),
        labels,
        np.eye(7, dtype=np.float32)[labels],
        np.zeros((4000, 3), np.float32),
        np.zeros(4000, np.int8),
    )
    sharp = Logits(np.stack([logits, logits]) * 3, np.stack([logits, logits]) * 0.5)
    found = fit_calibration(sharp, data)
    assert found.fer_temperature == pytest.approx(3, rel=0.08)
    assert found.ferplus_temperature == pytest.approx(0.5, rel=0.08)
    raw = sharp.probs(Calibration(ferplus_share=0.0))
    assert calibration_error(sharp.probs(found), labels) < 0.03 < calibration_error(raw, labels)


def test_the_mixture_names_neutral_no_more_often_than_the_labels_do() -> None:
    rng = np.random.default_rng(0)
    neutral = EXPRESSIONS.index("neutral")
    labels = np.where(rng.random(4000) < 0.3, neutral, rng.integers(0, 7, 4000)).astype(np.int32)
    data = fer2013.Fer2013(
        np.zeros((4000, 48, 48), np.uint8),
        labels,
        np.eye(7, dtype=np.float32)[labels],
        np.zeros((4000, 3), np.float32),
        np.zeros(4000, np.int8),
    )
    weak = 1.5 * np.eye(7)[labels] + rng.normal(0, 1, (4000, 7))  # of which a fit to
    logits = weak + np.log(np.bincount(labels, minlength=7) / 4000)  # the labels takes account
    both = Logits(np.stack([logits, logits]), np.stack([logits, logits]))
    found = fit_calibration(both, data)
    truth = (labels == neutral).mean()
    assert 0.2 <= found.prior_power <= 0.8
    named = [
        (both.probs(one).argmax(1) == neutral).mean()
        for one in (found, replace(found, prior_power=0.0))
    ]
    assert named[0] <= truth < named[1] - 0.05


def test_without_votes_only_the_fer_head_is_fitted() -> None:
    data = without_votes(toy_fer(48))
    rng = np.random.default_rng(0)
    logits = Logits(rng.normal(0, 1, (2, 48, 7)), rng.normal(0, 1, (2, 48, 7)))
    found = fit_calibration(logits, data)
    assert (found.ferplus_temperature, found.ferplus_share) == (1.0, 0.0)


def test_wilson_intervals_from_the_literature() -> None:
    # Newcombe 1998, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert proportion(0, 0) == {"percent": None, "low": 0.0, "high": 100.0, "n": 0}


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    hits, n = case
    low, high = wilson(hits, n)
    assert -1e-12 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1 + 1e-12
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_the_difference_of_two_shares_from_the_literature() -> None:
    # Newcombe 1998 (interval estimation for the difference), table II, method 10.
    assert difference((56, 48), (70, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_points_lost_on_the_same_images() -> None:
    before = np.array([True] * 60 + [False] * 40)
    after = before.copy()
    after[:20], after[60:65] = False, True
    loss = paired_loss(before, after)
    assert loss["points"] == 15.0
    half = 1.959964 * np.sqrt(26 - 15**2 / 102) / 102
    assert (loss["low"], loss["high"]) == pytest.approx(
        (1500 / 102 - 100 * half, 1500 / 102 + 100 * half), abs=0.01
    )
    same = paired_loss(before, before)
    assert same["points"] == 0.0
    assert same["low"] < 0 < same["high"]


def test_class_scores_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 3, 3, 6, 6, 6, 6])
    predicted = np.array([0, 0, 0, 3, 3, 6, 6, 6, 6, 0])
    table = confusion(predicted, labels)
    assert table.sum() == 10
    assert table[0, 3] == table[3, 6] == table[6, 0] == 1
    rows = {row["expression"]: row for row in class_table(table)}
    assert rows["angry"]["precision"]["percent"] == rows["angry"]["recall"]["percent"] == 75.0
    assert rows["happy"]["recall"] == proportion(1, 2)
    assert rows["disgust"]["precision"]["percent"] is None
    assert [round(rows[name]["f1"], 4) for name in ("angry", "happy", "neutral")] == [
        *(0.75, 0.5, 0.75)
    ]
    assert float(macro_f1(table)) == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert float(balanced_accuracy(table)) == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert accuracy(predicted == labels) == {"percent": 70.0, "plus_minus": 28.4, "n": 10}


def test_probability_scores_by_hand() -> None:
    probs = np.array([[0.7, 0.3, 0, 0, 0, 0, 0], [0.2, 0.8, 0, 0, 0, 0, 0]])
    target = np.eye(7)[[0, 0]]
    assert cross_entropy(probs, target) == pytest.approx(-(np.log(0.7) + np.log(0.2)) / 2)
    assert brier(probs, target) == pytest.approx((0.09 + 0.09 + 0.64 + 0.64) / 2)
    assert cross_entropy(probs, np.eye(7)[[0, 1]] * [[1], [0]]) == pytest.approx(-np.log(0.7))
    # |1 - .7| in one bin and |0 - .8| in another, half of the images each.
    assert calibration_error(probs, np.array([0, 0])) == pytest.approx(0.55)
    assert reliability(probs, np.array([0, 0])) == {
        **{"bin": [10, 12], "n": [1, 1]},
        "confidence": [0.7, 0.8],
        "accuracy": [1.0, 0.0],
    }
    halves = np.array([[0.5, 0.5, 0, 0, 0, 0, 0]])
    expected = 0.5 * np.log(1 / 0.75) + 0.25 * np.log(0.5 / 0.75) + 0.25 * np.log(2)
    assert jensen_shannon(np.eye(7)[[0]], halves)[0] == pytest.approx(expected)
    assert jensen_shannon(np.eye(7)[[0]], np.eye(7)[[1]])[0] == pytest.approx(np.log(2))


@given(SHARES, SHARES)
def test_jensen_shannon_is_a_bounded_symmetric_divergence(p: Any, q: Any) -> None:
    there, back = jensen_shannon(p, q), jensen_shannon(q, p)
    np.testing.assert_allclose(there, back, atol=1e-12)
    assert ((there >= 0) & (there <= np.log(2) + 1e-12)).all()
    np.testing.assert_allclose(jensen_shannon(p, p), 0, atol=1e-12)


@settings(deadline=None)
@given(st.lists(st.integers(2, 20), min_size=1, max_size=6, unique=True))
def test_no_calibration_error_where_confidence_is_the_share_of_right_answers(sizes: Any) -> None:
    probs, labels = [], []
    for n in sizes:
        right = n - n // 3
        row = np.full(7, (1 - right / n) / 6)
        row[2] = right / n
        probs += [row] * n
        labels += [2] * right + [0] * (n - right)
    assert calibration_error(np.array(probs), np.array(labels)) == pytest.approx(0, abs=1e-12)
