"""Episodes and durations, against stretches worked out by hand."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fervid.expressions.durations import Durations
from fervid.expressions.episodes import EpisodeFinder
from fervid.records import EXPRESSIONS
from fervid.results.codebook import EPISODE_COLUMNS
from fervid.results.rows import ROW
from tests.helpers.known_faces import settled

STEP_S = 0.1


def rows_showing(shown: dict[str, list[float]], track: int = 1) -> NDArray[Any]:
    """A face a frame, ten a second, with these probabilities; the rest is spread evenly."""
    count = len(next(iter(shown.values())))
    rows = np.zeros(count, ROW)
    rows["frame"], rows["time_s"] = np.arange(count), np.arange(count) * STEP_S
    rows["face_id"], rows["weight"] = track, 1
    others = [name for name in EXPRESSIONS if name not in shown]
    rest = 1 - np.sum(list(shown.values()), axis=0)
    for k, name in enumerate(EXPRESSIONS):
        rows["probs"][:, k] = shown.get(name, rest / len(others))
    rows["adjusted"] = rows["probs"]
    return rows


def states(rows: NDArray[Any]) -> list[str]:
    return [[*EXPRESSIONS, "-"][state] for state in rows["state"]]


def test_an_episode_begins_where_it_is_clear_and_goes_on_while_it_is_likely() -> None:
    rows, found = settled(rows_showing({"happy": [0.2, 0.4, 0.5, 0.9, 0.4, 0.36, 0.34, 0.45]}))
    assert states(rows) == ["-", "-", *["happy"] * 4, "-", "-"]
    assert tuple(found.columns) == EPISODE_COLUMNS
    (episode,) = found.to_dict("records")
    assert episode["expression"] == "happy"
    times = [episode[name] for name in ("onset", "offset", "duration", "peak_time")]
    assert times == pytest.approx([0.2, 0.6, 0.4, 0.3])
    assert [episode["first_frame"], episode["last_frame"]] == [2, 5]
    assert episode["peak"] == pytest.approx(0.9)
    assert episode["mean"] == pytest.approx((0.5 + 0.9 + 0.4 + 0.36) / 4)
    assert episode["previous"] == ""


def test_another_expression_takes_over_when_it_is_clear() -> None:
    shown = {"happy": [0.6, 0.42, 0.4, 0.1], "sad": [0.1, 0.45, 0.55, 0.8]}
    rows, found = settled(rows_showing(shown))
    assert states(rows) == ["happy", "happy", "sad", "sad"]
    assert found["previous"].tolist() == ["", "happy"]


def test_one_that_follows_after_a_while_is_no_transition() -> None:
    shown = {"happy": [0.6, 0.1, 0.1], "sad": [0.1, 0.1, 0.8]}
    found = settled(rows_showing(shown))[1]
    assert found["previous"].tolist() == ["", ""]


def test_short_episodes_are_dropped() -> None:
    happy = [0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.1]
    rows, found = settled(rows_showing({"happy": happy}), min_episode=0.3)
    assert states(rows) == ["-"] * 3 + ["happy"] * 3 + ["-"]
    assert found[["first_frame", "last_frame"]].to_numpy().tolist() == [[3, 5]]


def test_people_do_not_share_episodes() -> None:
    one, two = rows_showing({"happy": [0.9] * 3}), rows_showing({"sad": [0.9] * 3}, track=2)
    together = np.concatenate([one, two])
    rows, found = settled(together[np.argsort(together["frame"], kind="stable")])
    assert states(rows) == ["happy", "sad"] * 3
    assert found[["face_id", "expression"]].to_numpy().tolist() == [[1, "happy"], [2, "sad"]]


def find(rows: NDArray[Any], cuts: list[int]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    rows = rows.copy()
    rows["smooth"], rows["lasts_s"] = rows["probs"], STEP_S
    edges = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    finder = EpisodeFinder(0.5, 0.25)
    for start, stop in itertools.pairwise(edges):
        finder.find(rows[start:stop])
    return finder.states(rows), finder.table({0: 0, 1: 1, 2: 2})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.3, 0.34, 0.36, 0.5, 0.52, 0.9]), st.integers(0, 2)),
        min_size=1,
        max_size=50,
    ),
    st.lists(st.integers(0, 50), max_size=4),
)
def test_episodes_do_not_depend_on_how_the_rows_are_cut(
    given_rows: list[tuple[float, int]], cuts: list[int]
) -> None:
    rows = rows_showing({"happy": [value for value, _ in given_rows]})
    rows["face_id"] = [track for _, track in given_rows]
    whole, found = find(rows, [])
    pieces, again = find(rows, cuts)
    assert whole.tolist() == pieces.tolist()
    pd.testing.assert_frame_equal(found, again)
    assert (whole[rows["face_id"] == 0] == -1).all()
    for episode in found.itertuples():
        inside = (rows["frame"] >= episode.first_frame) & (rows["frame"] <= episode.last_frame)
        shown = whole[inside & (rows["face_id"] == episode.face_id)]
        assert set(shown.tolist()) == {EXPRESSIONS.index(episode.expression)}
        assert episode.duration >= 0.25 - 1e-6


@pytest.mark.parametrize("cuts", [[], [1], [3], [1, 2, 4, 5]])
def test_a_frame_lasts_until_the_next_and_no_longer_than_allowed(cuts: list[int]) -> None:
    rows = np.zeros(6, ROW)
    rows["frame"], rows["time_s"] = [0, 3, 3, 3, 4, 9], [0.0, 0.1, 0.1, 0.1, 0.35, 7.0]
    durations = Durations(0.04, 1.0)
    edges = [0, *cuts, 6]
    for start, stop in reversed(list(itertools.pairwise(edges))):
        durations.back(rows[start:stop])
    np.testing.assert_allclose(rows["lasts_s"], [0.1, 0.25, 0.25, 0.25, 1.0, 0.04])
