"""Faces between searched frames: placed where that is safe, searched where it is not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fervid.detection.search import SparseSearch
from fervid.records import Detections, FrameBatch

WIDTH, HEIGHT, SIDE = 160, 96, 32
FPS = 30.0
Scene = Callable[[int], list[tuple[float, float, int]]]
"""Left, top and looks of each face in a frame, by the frame's number."""

DRAW = np.random.default_rng(0)
LOOKS = [
    np.kron(DRAW.integers(0, 256, (8, 8)), np.ones((4, 4), int)).astype(np.uint8) for _ in range(4)
]


def frames(scene: Scene, count: int) -> FrameBatch:
    """A gray room with the faces of a scene."""
    images = np.full((count, HEIGHT, WIDTH), 90, np.uint8)
    for number in range(count):
        for x, y, looks in scene(number):
            left, top = round(x), round(y)
            images[number, top : top + SIDE, left : left + SIDE] = LOOKS[looks]
    index = np.arange(count)
    return FrameBatch(images, index, index / FPS)


def truth(scene: Scene, index: np.ndarray) -> Detections:
    """What a perfect detector finds in frames with these numbers."""
    found = [(row, x, y) for row, number in enumerate(index) for x, y, _ in scene(int(number))]
    if not found:
        return Detections.empty()
    row, x, y = (np.array(column) for column in zip(*found, strict=True))
    xywh = np.stack([x, y, np.full(len(x), SIDE), np.full(len(x), SIDE)], axis=1)
    points = np.stack([xywh[:, :2] + shift for shift in (8.0, 16.0, 24.0)], axis=1)
    return Detections(
        row.astype(np.int32),
        xywh.astype(np.float32),
        np.full(len(x), 0.9, np.float32),
        points.astype(np.float32),
    )


def batches(whole: FrameBatch, size: int) -> Iterator[FrameBatch]:
    for first in range(0, len(whole), size):
        part = slice(first, first + size)
        yield FrameBatch(whole.images[part], whole.index[part], whole.time_s[part])


def run(
    scene: Scene, count: int, *, every: int = 6, batches_of: int = 2
) -> tuple[Detections, list[int]]:
    """All faces, `frame` counting from the first, and the numbers of the searched frames."""
    searched: list[int] = []

    def detect(batch: FrameBatch) -> Detections:
        searched.extend(batch.index.tolist())
        return truth(scene, batch.index)

    search = SparseSearch(detect, (WIDTH, HEIGHT), every, longest_gap_s=1.5 * every / FPS)
    begun = [
        search.search_every_nth(batch)
        for batch in batches(frames(scene, count), every * batches_of)
    ]
    parts = []
    for number, now in enumerate(begun):
        after = begun[number + 1] if number + 1 < len(begun) else None
        part = search.complete(now, after)
        parts.append(
            Detections(
                now.batch.index[part.frame].astype(np.int32), part.xywh, part.score, part.points
            )
        )
    assert search.searched == len(searched) == len(set(searched)), "a frame was searched twice"
    return Detections.concatenate(parts), searched


def standing(_: int) -> list[tuple[float, float, int]]:
    return [(40.0, 30.0, 0), (100.0, 40.0, 1)]


@pytest.mark.parametrize("count", [1, 2, 6, 7, 12, 13, 31])
def test_still_faces_are_searched_every_nth_frame_and_are_in_all(count: int) -> None:
    found, searched = run(standing, count)
    expected = truth(standing, np.arange(count))
    np.testing.assert_array_equal(found.frame, expected.frame)
    np.testing.assert_allclose(found.xywh, expected.xywh)
    np.testing.assert_allclose(found.points, expected.points)
    assert sorted(searched) == sorted({*range(0, count, 6), count - 1})


def test_an_empty_room_is_searched_every_nth_frame() -> None:
    found, searched = run(lambda _: [], 25)
    assert len(found) == 0
    assert sorted(searched) == [0, 6, 12, 18, 24]


@pytest.mark.parametrize("comes", [1, 3, 5, 6, 8, 17])
def test_a_face_that_comes_or_goes_is_right_in_every_frame(comes: int) -> None:
    for scene in (
        lambda number: standing(0)[: 1 + (number >= comes)],
        lambda number: standing(0)[: 1 + (number < comes)],
    ):
        found, _ = run(scene, 24)
        np.testing.assert_array_equal(found.frame, truth(scene, np.arange(24)).frame)


@settings(deadline=None)
@given(speed=st.floats(-1.0, 1.0), start=st.floats(40, 80))
def test_slow_faces_are_placed_between(speed: float, start: float) -> None:
    def scene(number: int) -> list[tuple[float, float, int]]:
        return [(start + speed * number, 30.0, 2)]

    found, searched = run(scene, 25)
    expected = truth(scene, np.arange(25))
    np.testing.assert_allclose(found.xywh, expected.xywh, atol=1e-3)
    np.testing.assert_allclose(found.points, expected.points, atol=1e-3)
    assert len(searched) <= 25


def test_a_jump_between_two_searches_is_seen() -> None:
    def scene(number: int) -> list[tuple[float, float, int]]:
        return [(40.0 if number < 8 else 46.0, 30.0, 0)]  # overlaps enough to be taken for slow

    found, searched = run(scene, 13)
    expected = truth(scene, np.arange(13))
    np.testing.assert_allclose(found.xywh, expected.xywh, atol=1e-3)
    assert {7, 8} <= set(searched)


@pytest.mark.parametrize("hidden", range(7, 12))
def test_a_face_that_is_hidden_for_one_frame_is_searched_there(hidden: int) -> None:
    def scene(number: int) -> list[tuple[float, float, int]]:
        return [(40.0, 30.0, 3 if number == hidden else 0)]

    _, searched = run(scene, 13)
    assert hidden in searched
    assert not {1, 2, 3, 4, 5} & set(searched)


def test_two_faces_at_one_place_are_never_mixed() -> None:
    def scene(number: int) -> list[tuple[float, float, int]]:
        return [(40.0 + number / 8, 30.0, 0), (44.0, 31.0, 1)]

    _, searched = run(scene, 13)
    assert sorted(searched) == list(range(13))


@settings(deadline=None)
@given(
    every=st.integers(1, 5),
    batches_of=st.integers(1, 4),
    moves=st.lists(st.integers(-9, 9), min_size=1, max_size=30),
)
def test_batches_change_nothing(every: int, batches_of: int, moves: list[int]) -> None:
    path = np.clip(60 + np.cumsum(moves), 0, WIDTH - SIDE)

    def scene(number: int) -> list[tuple[float, float, int]]:
        return [(float(path[number]), 30.0, number // 7 % 2)][: int(moves[number] != 9)]

    one, searched = run(scene, len(moves), every=every, batches_of=1000)
    other, again = run(scene, len(moves), every=every, batches_of=batches_of)
    assert sorted(searched) == sorted(again)
    np.testing.assert_array_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.xywh, other.xywh)


def test_frames_that_share_one_time_are_searched() -> None:
    whole = frames(standing, 7)
    batch = FrameBatch(whole.images, whole.index, np.zeros(7))
    search = SparseSearch(
        lambda part: truth(standing, part.index), (WIDTH, HEIGHT), 6, longest_gap_s=0.3
    )
    found = search.complete(search.search_every_nth(batch), None)
    assert np.isfinite(found.xywh).all()
    assert search.searched == 7


def test_a_long_gap_in_time_is_searched() -> None:
    whole = frames(standing, 13)
    late = whole.time_s + np.where(whole.index >= 8, 5.0, 0.0)
    batch = FrameBatch(whole.images, whole.index, late)
    searched: list[int] = []

    def detect(part: FrameBatch) -> Detections:
        searched.extend(part.index.tolist())
        return truth(standing, part.index)

    search = SparseSearch(detect, (WIDTH, HEIGHT), 6, longest_gap_s=0.3)
    search.complete(search.search_every_nth(batch), None)
    assert {6, 7, 8, 9, 12} <= set(searched)
    assert not {1, 2, 3, 4, 5} & set(searched)
