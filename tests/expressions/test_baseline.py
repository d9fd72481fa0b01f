"""Resting faces taken out of what people show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.expressions.baseline import Baseline
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS
from fervid.results.rows import ROW
from fervid.settings import Settings
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

NEUTRAL, SAD = EXPRESSIONS.index("neutral"), EXPRESSIONS.index("sad")


def reading(**shares: float) -> np.ndarray:
    rest = (1 - sum(shares.values())) / (7 - len(shares))
    return np.array([shares.get(name, rest) for name in EXPRESSIONS], np.float32)


def rows_of(track: int, probs: list[np.ndarray]) -> np.ndarray:
    rows = np.zeros(len(probs), ROW)
    rows["face_id"], rows["weight"], rows["time_s"] = track, 1.0, np.arange(len(probs))
    rows["probs"] = rows["adjusted"] = probs
    return rows


def adjusted(rows: np.ndarray, person: dict[int, int], end_s: float = 2.0) -> np.ndarray:
    baseline = Baseline(0.0, end_s, person)
    baseline.learn(rows)
    baseline.apply(rows)
    np.testing.assert_allclose(rows["adjusted"].sum(axis=1), 1, atol=1e-6)
    return rows["adjusted"]


def test_a_sad_looking_resting_face_reads_as_neutral() -> None:
    resting = reading(sad=0.6, neutral=0.3)
    shown = adjusted(rows_of(1, [resting, resting, resting, reading(happy=0.9)]), {1: 1})
    np.testing.assert_allclose(shown[:3, NEUTRAL], 0.85, atol=1e-4)
    np.testing.assert_allclose(shown[:3, SAD], 0.025, atol=1e-4)
    assert shown[3].argmax() == EXPRESSIONS.index("happy")


def test_a_typical_resting_face_changes_nothing() -> None:
    rows = rows_of(1, [reading(neutral=0.85)] * 2 + [reading(angry=0.7, neutral=0.2)])
    np.testing.assert_allclose(adjusted(rows, {1: 1}), rows["probs"], atol=1e-4)


def test_all_tracks_of_a_person_are_adjusted_and_other_people_are_not() -> None:
    first = rows_of(1, [reading(sad=0.6, neutral=0.3)] * 2)
    again, other = rows_of(2, [reading(sad=0.6, neutral=0.3)]), rows_of(3, [reading(sad=0.6)])
    again["time_s"] = other["time_s"] = 9.0
    rows = np.concatenate([first, again, other])
    shown = adjusted(rows, {1: 1, 2: 1, 3: 2})
    assert shown[2, NEUTRAL] == pytest.approx(0.85, abs=1e-4)
    np.testing.assert_array_equal(shown[3], rows["probs"][3])


def test_raw_values_stay_and_states_follow(tmp_path: Path, results: dict[str, Path]) -> None:
    """Taking a happy stretch for rest is nonsense, and so shows that it is used."""
    clip, folder = SAMPLES / "two_speakers.mp4", tmp_path / "r.fervid"
    Analyzer(Settings(baseline=(2.5, 4.0), end=6.0)).analyze(clip, folder)
    table = pd.read_csv(folder / "frames.csv")
    usual = pd.read_csv(results["two_speakers"] / "frames.csv").iloc[: len(table)]
    np.testing.assert_allclose(table["happy"], usual["happy"], atol=2e-3)
    happy = (usual["face_id"] == 1) & usual["timestamp"].between(2.6, 3.9)
    assert (usual[happy]["state"] == "happy").all()
    assert (table[happy]["state"] == "neutral").mean() > 0.9


@pytest.mark.parametrize("stretch", [(3.0, 3.0), (-1.0, 2.0), (2.0, 1.0)])
def test_impossible_stretches_are_refused(stretch: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="baseline"):
        Settings(baseline=stretch)
