"""Figures of comparisons agree with other libraries, and chance is called chance."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fervid.report.effects import one_sample, two_samples
from fervid.studies.bootstrap import Nesting, band
from fervid.studies.comparisons import compare_levels, holm
from fervid.studies.mixed import mixed_difference


def responses(
    rng: np.random.Generator, people: int, repetitions: int, effect: float, spread: float = 0.5
) -> pd.DataFrame:
    """Both conditions of each person, who differ in level and in how large the effect is."""
    rows = []
    for k in range(people):
        level, own = rng.normal(0, 1), rng.normal(effect, spread)
        for condition in ("a", "b"):
            shown = level + own * (condition == "b") + rng.normal(0, 1, repetitions)
            rows += [(f"p{k}", f"r{k}.fervid", condition, value) for value in shown]
    columns = ["participant", "recording", "condition", "response"]
    return pd.DataFrame(rows, columns=columns).assign(expression="happy")


def test_a_mean_is_tested_as_scipy_does() -> None:
    values = np.random.default_rng(0).normal(0.4, 1, 25)
    found, known = one_sample(values), stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval()))


def test_two_samples_are_compared_as_scipy_does() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 20), rng.normal(0, 2, 31)
    found, known = two_samples(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval()))


@pytest.mark.slow
def test_effect_sizes_have_intervals_that_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    paired = [one_sample(rng.normal(0.5, 1, 20)) for _ in range(400)]
    unpaired = [two_samples(rng.normal(0.5, 1, 15), rng.normal(0, 1, 15)) for _ in range(400)]
    for found in (paired, unpaired):
        # Hedges' correction takes the bias away.
        assert np.mean([one.effect for one in found]) == pytest.approx(0.5, abs=0.05)
        holds = np.mean([one.effect_low <= 0.5 <= one.effect_high for one in found])
        assert holds == pytest.approx(0.95, abs=0.03)


def test_holm_agrees_with_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.8])
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
    assert holm(np.array([0.02, np.nan, 0.01])) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)


def test_repetitions_are_no_people() -> None:
    few = responses(np.random.default_rng(3), people=10, repetitions=2, effect=1.0)
    many = pd.concat([few] * 50)
    found = [compare_levels(table, "condition", "response", ["happy"]) for table in (few, many)]
    assert found[0].iloc[0].to_dict() == pytest.approx(found[1].iloc[0].to_dict())
    assert found[0].iloc[0][["design", "n", "unit"]].tolist() == ["paired", 10, "person"]


def test_people_who_share_a_recording_are_one_unit() -> None:
    table = responses(np.random.default_rng(4), people=12, repetitions=3, effect=1.0)
    shared = table.assign(recording=table["participant"].str[1:].astype(int) // 4)
    row = compare_levels(shared, "condition", "response", ["happy"]).iloc[0]
    assert row[["unit", "n"]].tolist() == ["recording", 3]


@pytest.mark.slow
def test_shuffled_conditions_are_told_apart_in_one_of_twenty() -> None:
    rng = np.random.default_rng(5)
    table = responses(rng, people=40, repetitions=4, effect=0.0)
    hits = paired_hits = 0
    for _ in range(200):
        swap = dict(zip(table["participant"].unique(), rng.random(40) < 0.5, strict=True))
        turned = table["participant"].map(swap)
        within = np.where(turned, table["condition"].map({"a": "b", "b": "a"}), table["condition"])
        row = compare_levels(table.assign(condition=within), "condition", "response", ["happy"])
        paired_hits += row.iloc[0]["low"] > 0 or row.iloc[0]["high"] < 0
        group = table["participant"].map(dict(zip(swap, rng.permutation(40) < 20, strict=True)))
        one = table[table["condition"] == "a"].assign(group=group.map({True: "x", False: "y"}))
        row = compare_levels(one, "group", "response", ["happy"]).iloc[0]
        assert row["design"] == "unpaired"
        hits += row["p"] < 0.05
    assert 3 <= 100 * paired_hits / 200 <= 7
    assert 3 <= 100 * hits / 200 <= 7


def test_the_bootstrap_covers_the_mean_over_people() -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(150):
        people = np.repeat(np.arange(25), rng.integers(1, 8, 25)).astype(str)
        level = dict(zip(np.unique(people), rng.normal(1, 1, 25), strict=True))
        values = np.array([level[one] for one in people]) + rng.normal(0, 0.7, len(people))
        found = band(values[:, None], Nesting.of(people.tolist(), people.tolist()), draws=300)
        covered.append(found.low[0] <= 1 <= found.high[0])
    assert 0.9 <= np.mean(covered) <= 0.99


def test_a_mixed_model_agrees_with_the_paired_test_and_not_with_single_repetitions() -> None:
    pytest.importorskip("statsmodels")
    table = responses(np.random.default_rng(7), people=20, repetitions=6, effect=0.6, spread=1.0)
    row = compare_levels(table, "condition", "response", ["happy"]).iloc[0]
    estimate, low, high = mixed_difference(table, "response", "condition", "b", "a")
    assert estimate == pytest.approx(row["estimate"])
    # Random slopes: the interval is that of people, which the normal one is a little shorter than.
    assert high - low == pytest.approx(row["high"] - row["low"], rel=0.1)


def test_clusters_share_nobody() -> None:
    people = ["ann", "ann", "bob", "cid", "dan"]
    recordings = ["1", "2", "2", "3", "3"]
    nesting = Nesting.of(people, recordings)
    assert nesting.cluster.tolist() == [0, 0, 1, 1]


def test_groups_far_apart_have_an_effect_with_an_interval() -> None:
    """SciPy's noncentral t gives NaN for shifts that a search passes on its way."""
    rng = np.random.default_rng(0)
    for apart in np.linspace(0.5, 12, 24):
        found = two_samples(rng.normal(apart, 1, 5), rng.normal(0, 1, 5))
        assert found.effect_low < found.effect < found.effect_high
