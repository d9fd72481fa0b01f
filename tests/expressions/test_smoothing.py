"""Smoothing in time, against the sum that defines it."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fervid.expressions.smoothing import Smoother, decayed_sums, weights
from fervid.results.rows import ROW
from fervid.tracking.appearance import sharpness


def rows_at(times: NDArray[np.float64], tracks: NDArray[np.int64], seed: int = 0) -> NDArray[Any]:
    """Rows with probabilities and weights drawn at random; track 0 is nobody."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(len(times), ROW)
    rows["frame"], rows["time_s"], rows["face_id"] = np.arange(len(times)), times, tracks
    rows["probs"] = rng.dirichlet(np.ones(7), len(times))
    rows["weight"] = rng.uniform(0.02, 1, len(times))
    return rows


def smoothed(rows: NDArray[Any], tau_s: float, cuts: list[int] | None = None) -> NDArray[Any]:
    rows = rows.copy()
    rows["adjusted"] = rows["probs"]
    edges = [0, *sorted(min(c, len(rows)) for c in cuts or []), len(rows)]
    pieces = [rows[a:b] for a, b in itertools.pairwise(edges)]
    smoother = Smoother(tau_s)
    for piece in reversed(pieces):
        smoother.back(piece)
    for piece in pieces:
        smoother.forth(piece)
    return rows["smooth"]


def expected(rows: NDArray[Any], tau_s: float) -> NDArray[np.float64]:
    apart = np.abs(rows["time_s"][:, None] - rows["time_s"])
    same = rows["face_id"][:, None] == rows["face_id"]
    weight = np.exp(-apart / tau_s) * same * rows["weight"]
    return (weight @ rows["probs"]) / weight.sum(axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.001, 1 / 30, 0.2, 1.0, 7.0]), min_size=1, max_size=60),
    st.sampled_from([0.05, 0.3, 2.0]),
    st.lists(st.integers(0, 60), max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_every_row_is_the_weighted_mean_of_its_track(
    steps: list[float], tau_s: float, cuts: list[int], seed: int
) -> None:
    tracks = np.random.default_rng(seed).integers(1, 4, len(steps))
    rows = rows_at(np.cumsum(steps), tracks, seed)
    result = smoothed(rows, tau_s, cuts)
    np.testing.assert_allclose(result, expected(rows, tau_s), atol=2e-6)
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-5)


def test_no_time_constant_leaves_the_values() -> None:
    rows = rows_at(np.arange(20) / 30, np.ones(20, np.int64))
    np.testing.assert_allclose(smoothed(rows, 0.0), rows["probs"], atol=1e-6)


@pytest.mark.slow
def test_days_of_recording_and_tiny_time_constants_stay_finite() -> None:
    times = 1e6 + np.cumsum(np.random.default_rng(0).uniform(0.01, 3, 5000))
    rows = rows_at(times, np.ones(5000, np.int64))
    for tau_s in (1e-3, 0.3, 60.0):
        np.testing.assert_allclose(smoothed(rows, tau_s), expected(rows, tau_s), atol=1e-5)


def test_a_blurred_face_says_little_against_clear_ones() -> None:
    rows = rows_at(np.arange(9) / 30, np.ones(9, np.int64))
    rows["probs"], rows["weight"] = np.eye(7)[3], 1.0
    rows["probs"][4] = np.eye(7)[0]
    loud = smoothed(rows, 0.1)[4, 0]
    rows["weight"][4] = 0.02
    assert smoothed(rows, 0.1)[4, 0] < 0.02 < 0.2 < loud


def test_frames_without_a_face_stay_as_they_are() -> None:
    rows = rows_at(np.arange(4) / 30, np.array([1, 0, 0, 1]))
    assert (smoothed(rows, 0.3)[1:3] == 0).all()


def test_sums_forget_by_one_e_a_time_constant() -> None:
    sums = decayed_sums(np.array([[1.0], [0.0]]), np.array([0.0, 0.5]), 0.5)
    assert sums.ravel().tolist() == pytest.approx([1.0, np.exp(-1)])
    later = decayed_sums(np.zeros((1, 1)), np.array([1.0]), 0.5, before=(sums[-1], 0.5))
    assert later.item() == pytest.approx(np.exp(-2))


def test_small_unsharp_turned_and_guessed_faces_count_less() -> None:
    score, height, sharp = np.full(8, 0.9), np.full(8, 48.0), np.ones(8)
    height[0], height[2], sharp[3] = 96, 24, 0.5
    filled = np.arange(8) == 4
    frontality = np.array([1, 1, 1, 1, 1, 0.75, 0.525, np.nan])
    free = np.zeros(8, np.bool_)
    result = weights(score, height, sharp, frontality, filled, free)
    np.testing.assert_allclose(result, [0.9, 0.9, 0.45, 0.45, 0.45, 0.9, 0.45, 0.9], rtol=1e-6)
    least = weights(score, height, sharp, frontality, filled, ~free)
    assert ((least > 0) & (least < 0.05)).all()
    nothing, no = np.zeros(1), np.zeros(1, np.bool_)
    assert (weights(nothing, nothing, nothing, nothing, no, no) > 0).all()


def test_sharpness_falls_with_blur_and_does_not_see_contrast() -> None:
    noise = np.random.default_rng(0).integers(60, 200, (1, 48, 48)).astype(np.uint8)
    dim = (noise // 2 + 40).astype(np.uint8)
    x = np.arange(48)
    smooth = np.broadcast_to(128 + 60 * np.sin(x / 8), (1, 48, 48)).astype(np.uint8)
    values = sharpness(np.concatenate([noise, dim, smooth, np.full_like(noise, 9)]))
    assert values[0] == values[1] == 1
    assert values[2] < 0.2
    assert values[3] == 0
    assert sharpness(np.zeros((0, 48, 48), np.uint8)).shape == (0,)
