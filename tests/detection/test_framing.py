import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fervid.detection.framing import frontality, span, squares, upright_roll

# FER-2013's mean framing: eyes at row 17, 18 pixels apart, mouth at row 38 of 48.
MEAN = np.array([[15, 17], [33, 17], [24, 38]], np.float32)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """The points turned clockwise, as pictures show it, around the origin."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T).astype(np.float32)


def test_the_mean_face_of_fer_2013_gets_fer_2013_s_square() -> None:
    x, y, side, turn = squares(MEAN[None])[0]
    assert abs(x - 24) < 0.1
    assert abs(y - 24) < 2.0
    assert abs(side - 48) < 2.0
    assert turn == 0


@given(st.floats(-60, 60), st.floats(5, 200), st.floats(-300, 300), st.floats(-300, 300))
def test_squares_follow_faces_that_move_grow_and_roll(
    degrees: float, grow: float, right: float, down: float
) -> None:
    base = squares(MEAN[None])[0]
    scale = np.float32(grow / 21)
    points = turned(MEAN * scale, degrees) + np.array([right, down], np.float32)
    x, y, side, turn = squares(points[None])[0]
    center = turned(base[None, :2] * scale, degrees)[0] + [right, down]
    np.testing.assert_allclose([x, y], center, atol=1e-2 + 1e-4 * grow)
    np.testing.assert_allclose(side, base[2] * scale, rtol=1e-4)
    np.testing.assert_allclose(upright_roll(points[None]), np.deg2rad(degrees), atol=1e-3)
    expected = np.sign(degrees) * max(abs(degrees) - 10, 0)
    np.testing.assert_allclose(turn, np.deg2rad(expected), atol=1e-3)


def head(yaw: float, roll: float) -> np.ndarray:
    """Eyes and mouth at equal distances, seen from afar, of a head turned aside and rolled."""
    across = np.cos(np.deg2rad(yaw)) / 2
    return turned(np.array([[-across, 0], [across, 0], [0, 1]]), roll)


@given(st.floats(0, 90), st.floats(-180, 180))
def test_frontality_is_the_cosine_of_the_turn_aside(yaw: float, roll: float) -> None:
    found = frontality(head(yaw, roll)[None])
    np.testing.assert_allclose(found, np.cos(np.deg2rad(yaw)), atol=1e-5)


def test_a_head_that_turns_aside_is_hardly_smaller() -> None:
    before, after = span(np.stack([head(0, 0), head(75, 0)]))
    assert 0.7 < after / before < 1


def test_unknown_points_have_no_frontality() -> None:
    assert np.isnan(frontality(np.full((1, 3, 2), np.nan, np.float32))).all()
    assert frontality(np.zeros((0, 3, 2), np.float32)).shape == (0,)
