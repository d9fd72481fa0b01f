"""Boxes and bars drawn on pictures."""

from __future__ import annotations

import numpy as np
import pytest

from fervid.exports.drawing import draw
from fervid.exports.sampled_frames import SampledFrame
from fervid.records import EXPRESSIONS
from fervid.report.figures import COLOURS

pytestmark = pytest.mark.slow


def one_face(box: tuple[float, ...], state: str, probs: list[float]) -> SampledFrame:
    return SampledFrame(0.0, 1.0, np.array([7]), np.array([box]), np.array([probs]), [state])


@pytest.mark.parametrize("state", EXPRESSIONS)
def test_box_and_bars_have_the_colours_of_the_report(state: str) -> None:
    probs = [0.1] * 7
    probs[EXPRESSIONS.index(state)] = 0.4
    image = np.full((360, 640, 3), 200, np.uint8)
    draw(image, one_face((100, 100, 80, 90), state, probs))
    rgb = tuple(bytes.fromhex(COLOURS[state][1:]))
    assert tuple(image[145, 100, ::-1]) == rgb
    # Beside the box: as many pixels of each colour as its probability is large.
    panel = image[:, 190:].reshape(-1, 3)[:, ::-1]
    colours = [list(bytes.fromhex(COLOURS[name][1:])) for name in EXPRESSIONS]
    found = np.array([(panel == colour).all(axis=1).sum() for colour in colours])
    np.testing.assert_allclose(found / found.max(), np.array(probs) / 0.4, atol=0.15)


@pytest.mark.parametrize(
    "box", [(-50, -50, 30, 30), (630, 350, 80, 80), (0, 0, 640, 360), (1e9, 0, 1, 1)]
)
def test_boxes_at_and_beyond_the_edges_are_drawn_inside(box: tuple[float, ...]) -> None:
    image = np.full((360, 640, 3), 200, np.uint8)
    draw(image, one_face(box, "uncertain", [1 / 7] * 7))
    assert (image != 200).any()
    tiny = np.full((4, 6, 3), 200, np.uint8)
    draw(tiny, one_face(box, "uncertain", [1 / 7] * 7))


def test_panels_keep_off_other_faces_where_there_is_room() -> None:
    left, right = (200, 100, 60, 80), (265, 100, 60, 80)
    image = np.full((360, 640, 3), 200, np.uint8)
    faces = SampledFrame(
        0.0,
        1.0,
        np.array([1, 2]),
        np.array([left, right], float),
        np.full((2, 7), 1 / 7),
        ["sad"] * 2,
    )
    draw(image, faces)
    for x, y, w, h in (left, right):
        assert (image[y + 3 : y + h - 3, x + 3 : x + w - 3] == 200).all()
