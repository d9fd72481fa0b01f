"""Resting faces: found without being told, where people show something most of the time, too."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.expressions.change import changes, intensities, relative_probabilities
from fervid.expressions.looks import LooksKeeper, log_ratios
from fervid.expressions.reading import RelativeReading
from fervid.expressions.resting import RestingFace, find_resting_face, given_resting_face
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS
from fervid.results.rows import ROW
from fervid.settings import Settings
from tests.conftest import SAMPLES

FPS = 25
SAD_AT_REST = {"sad": 0.35, "neutral": 0.5}
NAMES = [name for name in EXPRESSIONS if name != "neutral"]


def reading(**shares: float) -> np.ndarray:
    rest = (1 - sum(shares.values())) / (7 - len(shares))
    return np.array([shares.get(name, rest) for name in EXPRESSIONS], np.float32)


def changed(rest: np.ndarray, expression: str, nats: float) -> np.ndarray:
    """A look whose odds of one expression are so many nats higher."""
    odds = np.log(rest)
    odds[EXPRESSIONS.index(expression)] += nats
    return np.exp(odds) / np.exp(odds).sum()


def rows_of(
    looks: list[tuple[np.ndarray, float]], track: int = 1, start_s: float = 0.0, noise: float = 0.1
) -> np.ndarray:
    """Rows of looks, each held for some seconds, with noise in nats."""
    probs = np.concatenate([np.tile(look, (round(FPS * s), 1)) for look, s in looks])
    rng = np.random.default_rng(track)
    noisy = np.exp(np.log(probs) + rng.normal(0, noise, probs.shape))
    rows = np.zeros(len(probs), ROW)
    rows["face_id"], rows["weight"], rows["lasts_s"] = track, 1.0, 1 / FPS
    rows["time_s"] = start_s + np.arange(len(probs)) / FPS
    rows["probs"] = rows["adjusted"] = noisy / noisy.sum(axis=1, keepdims=True)
    return rows


def found(rows: np.ndarray) -> RestingFace:
    keeper = LooksKeeper()
    keeper.learn(rows)
    return find_resting_face(keeper.everyone()[1])


def is_near(face: RestingFace, look: np.ndarray) -> bool:
    return bool(np.abs(face.ratios - log_ratios(look[None])[0]).max() < 0.3)


@pytest.mark.parametrize("expression", NAMES)
@pytest.mark.parametrize("seconds", [0.8, 1.0, 2.0])
def test_rest_is_found_however_long_something_else_is_shown(
    expression: str, seconds: float
) -> None:
    rest = reading(**SAD_AT_REST)
    shown = changed(rest, expression, 1.5)
    face = found(rows_of([(rest, 1.0), (shown, seconds)] * 4))
    assert face.source == "found"
    assert is_near(face, rest)
    assert face.seconds == pytest.approx(4.0, rel=0.3)
    assert face.visits == 4
    assert 0.05 < face.spread.max() < 0.35


def test_several_expressions_do_not_move_it() -> None:
    rest = reading(neutral=0.7)
    looks = [(look, 1.0) for name in NAMES for look in (rest, changed(rest, name, 3.0))]
    assert is_near(found(rows_of(looks)), rest)


def test_of_who_is_seen_for_seconds_nothing_is_known() -> None:
    face = found(rows_of([(reading(neutral=0.8), 3.0)]))
    assert not face.known
    assert face.reason == "seen for only 3.0 s"


def test_covered_faces_do_not_count() -> None:
    rest = reading(neutral=0.6)
    rows = rows_of([(rest, 3.0), (reading(happy=0.4), 20.0)])
    rows["covered"][rows["time_s"] >= 3] = 0.9
    face = found(rows)
    assert not face.known
    assert face.reason == "seen for only 3.0 s with the mouth in sight"
    longer = rows_of([(rest, 5.0), (reading(happy=0.4), 20.0)])
    longer["covered"][longer["time_s"] >= 5] = 0.9
    assert is_near(found(longer), rest)


def test_who_is_covered_throughout_has_no_known_rest() -> None:
    rows = rows_of([(reading(neutral=0.8), 20.0)])
    rows["covered"] = 0.9
    assert found(rows).reason == "seen for only 0.0 s with the mouth in sight"
    compared = RelativeReading({1: 1}, stretch=(0.0, 5.0))
    compared.learn(rows)
    compared.apply(rows)
    assert not compared.faces[1].known
    assert not rows["compared"].any()


def test_who_smiles_throughout_has_no_known_rest() -> None:
    face = found(rows_of([(reading(happy=0.8), 20.0)]))
    assert not face.known
    assert face.reason == "looks happy most of the time"


def test_it_is_the_same_however_rows_come_in_pieces() -> None:
    rest = reading(neutral=0.6)
    rows = rows_of([(rest, 1.0), (changed(rest, "happy", 2.0), 0.7)] * 3)
    whole, pieces = LooksKeeper(), LooksKeeper()
    whole.learn(rows)
    for start in range(0, len(rows), 7):
        pieces.learn(rows[start : start + 7])
    one, other = whole.everyone()[1], pieces.everyone()[1]
    np.testing.assert_allclose(one.ratios, other.ratios, atol=1e-12)
    np.testing.assert_array_equal(one.cells, other.cells)
    assert (one.rows, one.seconds) == (len(rows), pytest.approx(len(rows) / FPS))


def test_of_ten_hours_no_more_is_kept_than_of_minutes() -> None:
    rest = reading(neutral=0.6)
    rows = rows_of([(rest, 40.0), (changed(rest, "happy", 2.0), 20.0)])
    keeper = LooksKeeper()
    for minute in range(120):
        rows["time_s"] = 60 * minute + np.arange(len(rows)) / FPS
        keeper.learn(rows)
    looks = keeper.everyone()[1]
    assert len(looks.cells) <= 4097
    assert looks.seconds == pytest.approx(7200)
    face = find_resting_face(looks)
    assert is_near(face, rest)
    assert face.seconds == pytest.approx(4800, rel=0.1)


def test_change_counts_less_in_a_face_that_jitters() -> None:
    rest = reading(neutral=0.7)
    calm, restless = found(rows_of([(rest, 9.0)])), found(rows_of([(rest, 9.0)], noise=0.9))
    smile = changed(rest, "happy", 2.0)[None]
    k = EXPRESSIONS.index("happy")
    assert changes(smile, calm)[0, k] == pytest.approx(2.0 * 6 / 7, abs=0.15)
    assert changes(smile, restless)[0, k] < 1.0


def test_a_smile_that_makes_a_face_less_sad_is_no_rest() -> None:
    """Seen against neutral, all but happy rise by more at rest than happy does in the smile."""
    rest = reading(neutral=0.7, sad=0.2, happy=0.01)
    smile = reading(neutral=0.88, sad=0.05, happy=0.035)
    face = found(rows_of([(smile, 2.0), (rest, 1.0)] * 4))
    assert is_near(face, rest)
    probs = relative_probabilities(changes(smile[None], face), smile[None])
    assert EXPRESSIONS[int(probs.argmax())] == "happy"


def test_fear_may_look_a_little_more_surprised_than_afraid() -> None:
    """Surprise usually raises surprise by far more than fear; fear raises both."""
    rest = reading(neutral=0.8)
    look = changed(changed(rest, "surprise", 2.6), "fear", 2.5)[None]
    face = found(rows_of([(rest, 9.0)], noise=0.01))
    probs = relative_probabilities(changes(look, face), look)
    assert EXPRESSIONS[int(probs.argmax())] == "fear"


def test_the_intensity_is_one_at_the_usual_change_and_half_at_half_of_it() -> None:
    usual = np.array([[-0.75, 0.42, -0.55, 4.33, -1.49, 0.54]])
    np.testing.assert_allclose(intensities(usual * np.array([[1.0], [0.5]])), [1.0, 0.5], atol=0.01)


def test_probabilities_follow_the_change_and_are_the_same_for_every_expression() -> None:
    rest = reading(neutral=0.7)
    face = found(rows_of([(rest, 9.0)], noise=0.01))
    for k, name in enumerate(NAMES):
        looks = np.array([changed(rest, name, nats) for nats in (0.0, 0.3, 1.0, 3.0)])
        change = changes(looks, face)
        probs = relative_probabilities(change, looks)
        np.testing.assert_allclose(probs.sum(axis=1), 1.0)
        assert np.all(np.diff(probs[:, k]) > 0)
        assert probs[0, -1] > 0.9
        assert probs[1, -1] > 0.5
        assert probs[2:, k].min() > 0.5
        assert np.all(np.diff(intensities(change)) > 0)
        assert 0 <= intensities(change)[0] < 0.05


def test_all_tracks_of_a_person_are_compared_with_one_face_and_other_people_with_theirs() -> None:
    rest, other = reading(**SAD_AT_REST), reading(neutral=0.9)
    first = rows_of([(rest, 6.0)])
    again = rows_of([(changed(rest, "happy", 2.0), 1.0)], track=2, start_s=10.0)
    third = rows_of([(other, 2.0)], track=3, start_s=12.0)
    rows = np.concatenate([first, again, third])
    read = RelativeReading({1: 1, 2: 1, 3: 2})
    read.learn(rows)
    read.apply(rows)
    assert rows["adjusted"][: len(first), -1].mean() > 0.8
    happy = rows["face_id"] == 2
    assert (rows["adjusted"][happy].argmax(axis=1) == EXPRESSIONS.index("happy")).all()
    third_ones = rows["face_id"] == 3  # seen for two seconds only
    np.testing.assert_array_equal(rows["adjusted"][third_ones], rows["probs"][third_ones])
    assert not rows["compared"][third_ones].any()


def test_a_told_rest_goes_before_the_found_one() -> None:
    rest, look = reading(neutral=0.7), changed(reading(neutral=0.7), "happy", 2.0)
    rows = rows_of([(rest, 6.0), (look, 2.0)])
    read = RelativeReading({1: 1}, (6.0, 8.0))
    read.learn(rows)
    assert read.faces[1].source == "given"
    assert is_near(read.faces[1], look)


def test_one_row_is_enough_to_be_told() -> None:
    keeper = LooksKeeper()
    rest = reading(neutral=0.7)
    keeper.learn(rows_of([(rest, 1 / FPS)], noise=0.0))
    face = given_resting_face(keeper.everyone()[1])
    assert is_near(face, rest)
    assert face.rows == 1
    assert np.isfinite(face.spread).all()


@pytest.mark.slow
def test_raw_values_stay_and_states_follow(tmp_path: Path, results: dict[str, Path]) -> None:
    """Taking a happy stretch for rest is nonsense, and so shows that it is used."""
    clip, folder = SAMPLES / "two_speakers.mp4", tmp_path / "r.fervid"
    Analyzer(Settings(baseline=(2.5, 4.0), end=6.0)).analyze(clip, folder)
    table = pd.read_csv(folder / "frames.csv")
    usual = pd.read_csv(results["two_speakers"] / "frames.csv").iloc[: len(table)]
    np.testing.assert_allclose(table["happy"], usual["happy"], atol=2e-3)
    shown = usual["timestamp"].between(2.6, 3.9)
    who = usual[shown & (usual["state"] == "happy")]["face_id"].mode().iloc[0]
    happy = (usual["face_id"] == who) & shown
    assert (usual[happy]["state"] == "happy").all()
    assert (table[happy]["state"] == "neutral").mean() > 0.9
    people = pd.read_csv(folder / "people.csv")
    assert people["resting_face"].tolist() == ["given", "given"]


@pytest.mark.parametrize("stretch", [(3.0, 3.0), (-1.0, 2.0), (2.0, 1.0)])
def test_impossible_stretches_are_refused(stretch: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="baseline"):
        Settings(baseline=stretch)


def test_a_baseline_for_the_absolute_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline"):
        Settings(reading="absolute", baseline=(0.0, 1.0))


def kept(rows: np.ndarray) -> LooksKeeper:
    keeper = LooksKeeper()
    keeper.learn(rows)
    return keeper


def test_a_rest_told_in_another_light_says_which_look_is_rest_here() -> None:
    rest, smile = reading(neutral=0.7), changed(reading(neutral=0.7), "happy", 2.0)
    here = kept(rows_of([(smile, 3.0), (rest, 1.0)] * 4)).of_person(1)
    elsewhere = changed(changed(rest, "sad", 0.25), "angry", -0.2)
    face = given_resting_face(kept(rows_of([(elsewhere, 1 / FPS)], noise=0.0)).of_person(1), here)
    assert face.source == "given"
    assert is_near(face, rest)
    assert face.seconds == pytest.approx(4.0, rel=0.3)


def test_a_told_rest_like_nothing_in_the_recording_is_left() -> None:
    rest, smile = reading(neutral=0.7), changed(reading(neutral=0.7), "happy", 2.0)
    here = kept(rows_of([(smile, 1.0), (rest, 1.0)] * 4)).of_person(1)
    another = kept(rows_of([(changed(rest, "surprise", 5.0), 2.0)])).of_person(1)
    face = given_resting_face(another, here)
    assert face.source == "found"
    assert is_near(face, rest)
