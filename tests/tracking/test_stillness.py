"""Faces that keep still are told apart from faces that live."""

import numpy as np
import pytest

from fervid.records import FrameBatch, TrackedFaces
from fervid.tracking.stillness import StillFaces
from tests.helpers.known_faces import faces_at, tracked

FPS = 5.0


def watch(boxes: np.ndarray, *, batch: int = 16) -> list[tuple[int, float]]:
    """Stillness of faces given as (frames, faces, 4) boxes."""
    still = StillFaces()
    for start in range(0, len(boxes), batch):
        part = boxes[start : start + batch]
        index = np.arange(start, start + len(part))
        frames = FrameBatch(np.zeros((len(part), 2, 2), np.uint8), index, index / FPS)
        rows = np.repeat(np.arange(len(part)), part.shape[1])
        ids = np.tile(np.arange(1, part.shape[1] + 1), len(part)).tolist()
        still.add(frames, tracked(faces_at(rows.tolist(), part.reshape(-1, 4)), ids))
    still.add(frames, TrackedFaces.empty())
    return still.found()


def faces(seconds: float, *, sway: float) -> np.ndarray:
    """A print on the wall, whose box is uncertain by a third of a pixel, and a head that sways."""
    draw, count = np.random.default_rng(0), int(seconds * FPS)
    wall = np.array([50.0, 40.0, 60.0, 80.0]) + draw.normal(0, 0.3, (count, 4))
    head = np.tile([300.0, 60.0, 70.0, 90.0], (count, 1))
    head[:, :2] += sway * np.cumsum(draw.normal(0, 1, (count, 2)), axis=0) / np.sqrt(count)
    return np.stack([head, wall], axis=1)


def test_a_print_is_noticed_and_a_head_is_not() -> None:
    assert watch(faces(40, sway=8)) == [(2, pytest.approx(39.8))]


def test_half_a_minute_is_needed() -> None:
    assert watch(faces(25, sway=8)) == []


def test_no_faces_at_all() -> None:
    assert StillFaces().found() == []
