"""One frame neither makes a face nor ends one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fervid.records import FrameBatch, TrackedFaces
from fervid.tracking.cuts import FrameFacesWithCuts
from fervid.tracking.flicker import FlickerFilter
from fervid.tracking.frame_faces import FrameFaces
from fervid.tracking.tracks import Tracker
from tests.helpers.known_faces import faces_at

BOX = [10.0, 10.0, 40.0, 40.0]


def searched(
    shown: list[list[list[float]]],
    *,
    sizes: list[int],
    fps: float = 10.0,
    weak: Sequence[int] = (),
) -> Iterator[FrameFacesWithCuts]:
    """Batches of these sizes from the boxes of each frame; score .3 in weak frames, else .9."""
    start = 0
    for size in sizes:
        part = shown[start : start + size]
        index = np.arange(start, start + len(part))
        batch = FrameBatch(np.zeros((len(part), 4, 4), np.uint8), index, index / fps)
        frames = [row for row, boxes in enumerate(part) for _ in boxes]
        found = faces_at(frames, [box for boxes in part for box in boxes])
        score = np.where(np.isin(found.frame + start, weak), 0.3, 0.9).astype(np.float32)
        faces = replace(found, score=score)
        yield (
            FrameFaces.of(batch, faces, (400, 300), np.zeros(len(part))),
            np.zeros(len(part), np.bool_),
        )
        start += size


def follow(
    shown: list[list[list[float]]],
    sizes: list[int],
    fps: float = 10.0,
    weak: Sequence[int] = (),
) -> tuple[list[tuple[int, int, bool]], FlickerFilter]:
    """(frame, face id, filled) of every face."""
    follower = FlickerFilter(Tracker(start_score=0.5))
    rows = []
    for batch, tracked, _ in follower.follow(searched(shown, sizes=sizes, fps=fps, weak=weak)):
        frames = batch.index[tracked.faces.frame].tolist()
        rows += list(zip(frames, tracked.face_id.tolist(), tracked.filled.tolist(), strict=True))
    return rows, follower


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [3, 2], [4, 1]])
def test_a_frame_that_misses_a_face_is_filled_wherever_batches_end(sizes: list[int]) -> None:
    moved = [14.0, 12.0, 40.0, 44.0]
    rows, follower = follow([[BOX], [BOX], [], [moved], [moved]], sizes)
    assert rows == [(0, 1, False), (1, 1, False), (2, 1, True), (3, 1, False), (4, 1, False)]
    assert (follower.filled, follower.dropped) == (1, 0)


def test_a_filled_face_lies_half_way() -> None:
    moved = [14.0, 12.0, 40.0, 44.0]
    shown = [[BOX], [BOX], [], [moved], [moved]]
    parts: list[TrackedFaces] = [
        tracked for _, tracked, _ in FlickerFilter(Tracker()).follow(searched(shown, sizes=[5]))
    ]
    guess = parts[0].faces[parts[0].filled]
    np.testing.assert_allclose(guess.xywh, [[12, 11, 40, 42]])
    around = faces_at([0, 0], [BOX, moved]).points.mean(axis=0)
    np.testing.assert_allclose(guess.points[0], around, rtol=1e-6)


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [3, 2]])
def test_a_face_of_a_single_frame_is_dropped_wherever_batches_end(sizes: list[int]) -> None:
    other = [80.0, 80.0, 30.0, 30.0]
    rows, follower = follow([[BOX], [BOX], [BOX, other], [BOX], [BOX]], sizes)
    assert rows == [(frame, 1, False) for frame in range(5)]
    assert (follower.filled, follower.dropped) == (0, 1)


def test_a_known_face_may_come_back_for_a_single_frame() -> None:
    rows, _ = follow([[BOX], [BOX], [], [], [BOX], [], []], [7])
    assert [frame for frame, _, _ in rows] == [0, 1, 4]


def test_a_weak_face_is_followed_but_starts_nothing() -> None:
    rows, _ = follow([[BOX], [BOX], [BOX], [BOX], [BOX]], [2, 3], weak=[0, 3, 4])
    assert rows == [(1, 1, False), (2, 1, False), (3, 1, False), (4, 1, False)]


def test_two_missing_frames_are_a_gap() -> None:
    rows, _ = follow([[BOX], [BOX], [], [], [BOX], [BOX]], [6])
    assert [frame for frame, _, _ in rows] == [0, 1, 4, 5]


def test_sparse_frames_are_taken_as_they_are() -> None:
    rows, follower = follow([[], [BOX], [], [BOX], [], []], [6], fps=0.5)
    assert [(frame, filled) for frame, _, filled in rows] == [(1, False), (3, False)]
    assert (follower.filled, follower.dropped) == (0, 0)


def test_dropped_faces_take_no_number() -> None:
    flash, late = [80.0, 80.0, 30.0, 30.0], [200.0, 10.0, 40.0, 40.0]
    rows, _ = follow([[], [flash], [], [late], [late]], [5])
    assert rows == [(3, 1, False), (4, 1, False)]


def test_first_and_last_frame_have_no_frame_around_them() -> None:
    rows, _ = follow([[BOX], [], [], [], [], [BOX]], [6], fps=2.0)
    assert [frame for frame, _, _ in rows] == [0, 5]


box = st.lists(
    st.sampled_from([BOX, [100.0, 10.0, 30.0, 30.0], [10.0, 100.0, 50.0, 50.0]]),
    max_size=3,
    unique_by=tuple,
)


@pytest.mark.slow
@given(st.lists(box, min_size=1, max_size=12), st.data())
def test_what_comes_out_does_not_depend_on_the_batches(
    shown: list[list[list[float]]], data: st.DataObject
) -> None:
    sizes = []
    while sum(sizes) < len(shown):
        sizes.append(data.draw(st.integers(1, len(shown) - sum(sizes))))
    fps = data.draw(st.sampled_from([2.0, 3.9, 4.1, 6.5, 7.0, 30.0]))
    weak = data.draw(st.lists(st.integers(0, len(shown)), unique=True))
    whole, one = follow(shown, [len(shown)], fps, weak)
    parts, other = follow(shown, sizes, fps, weak)
    assert parts == whole
    assert (one.filled, one.dropped) == (other.filled, other.dropped)
    assert len({(frame, face) for frame, face, _ in whole}) == len(whole)
