from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch
from fervid.tracking.frame_faces import FrameFaces
from fervid.tracking.tracks import Tracker, iou
from tests.helpers.known_faces import faces_at

DISPLAYED = (400, 300)


def update(
    tracker: Tracker, batch: FrameBatch, faces: Detections, cuts: Sequence[int] = ()
) -> NDArray[np.int64]:
    seen = FrameFaces.of(batch, faces, DISPLAYED, np.zeros(len(batch)))
    return tracker.update(seen, np.isin(np.arange(len(batch)), cuts))


def make_batch(times: list[float]) -> FrameBatch:
    count = len(times)
    return FrameBatch(
        np.zeros((count, 4, 4), np.uint8), np.arange(count), np.array(times, np.float64)
    )


def make_detections(rows: list[tuple[int, float, float, float, float]]) -> Detections:
    return faces_at([row[0] for row in rows], [row[1:] for row in rows])


def test_two_faces_keep_their_ids_while_they_move() -> None:
    batch = make_batch([0.0, 0.1, 0.2])
    faces = make_detections(
        [
            (0, 10, 10, 40, 40),
            (0, 100, 10, 40, 40),
            (1, 106, 12, 40, 40),
            (1, 15, 10, 40, 40),
            (2, 20, 10, 40, 40),
            (2, 112, 14, 40, 40),
        ]
    )
    assert update(Tracker(), batch, faces).tolist() == [1, 2, 2, 1, 1, 2]


def test_ids_go_on_across_batches_and_short_gaps_but_not_long_ones() -> None:
    tracker = Tracker()
    face = make_detections([(0, 10, 10, 40, 40)])
    assert update(tracker, make_batch([0.0]), face).tolist() == [1]
    assert update(tracker, make_batch([0.9]), face).tolist() == [1]
    assert update(tracker, make_batch([5.0]), face).tolist() == [2]


def test_sparse_sampling_keeps_ids_from_one_sampled_frame_to_the_next() -> None:
    batch = make_batch([0.0, 10.01, 20.02])
    faces = make_detections([(row, 10, 10, 40, 40) for row in range(3)])
    assert update(Tracker(fps=0.1), batch, faces).tolist() == [1, 1, 1]
    assert update(Tracker(), batch, faces).tolist() == [1, 2, 3]


def test_a_face_elsewhere_is_a_new_face() -> None:
    tracker = Tracker()
    update(tracker, make_batch([0.0]), make_detections([(0, 0, 0, 20, 20)]))
    ids = update(tracker, make_batch([0.1]), make_detections([(0, 60, 60, 20, 20)]))
    assert ids.tolist() == [2]


def test_a_followed_face_may_score_lower_than_a_new_one() -> None:
    batch, box = make_batch([0.0, 0.1, 0.2]), [[10, 10, 40, 40]]
    weak, strong = faces_at([0], box, score=0.4), faces_at([1], box, score=0.6)
    faces = Detections.concatenate([weak, strong, faces_at([2], box, score=0.4)])
    assert update(Tracker(start_score=0.5), batch, faces).tolist() == [0, 1, 1]


def test_a_cut_ends_every_track() -> None:
    faces = make_detections([(row, 10, 10, 40, 40) for row in range(4)])
    batch = make_batch([0.0, 0.1, 0.2, 0.3])
    assert update(Tracker(), batch, faces, cuts=[2]).tolist() == [1, 1, 2, 2]


def shown(frames: list[list[tuple[int, int]]]) -> tuple[FrameBatch, Detections]:
    """Two checkered faces, upright and on their side, 40 pixels wide, at left and top corners."""
    first = np.kron(np.indices((4, 4)).sum(axis=0) % 2, np.ones((10, 10))) * 200
    second = np.kron([[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2, np.ones((10, 10))) * 200
    images = np.full((len(frames), DISPLAYED[1], DISPLAYED[0]), 90, np.uint8)
    rows: list[tuple[int, float, float, float, float]] = []
    for row, places in enumerate(frames):
        for face, (x, y) in zip((first, second), places, strict=True):
            images[row, y : y + 40, x : x + 40] = face
            rows.append((row, x, y, 40, 40))
    count = len(frames)
    return FrameBatch(images, np.arange(count), np.arange(count) / 10), make_detections(rows)


def test_two_faces_that_cross_keep_their_ids() -> None:
    ways = [[(20 + 24 * k, 100), (260 - 24 * k, 104)] for k in range(11)]
    batch, faces = shown([ways[k] for k in range(11) if k != 5])  # one hides the other at k = 5
    assert update(Tracker(), batch, faces).tolist() == [1, 2] * 10


def test_a_fast_face_is_followed_by_its_looks() -> None:
    batch, faces = shown([[(20, 20), (20, 200)], [(20, 20), (47, 206)], [(20, 20), (74, 212)]])
    assert update(Tracker(), batch, faces).tolist() == [1, 2] * 3


def test_another_face_at_the_same_place_is_another() -> None:
    batch, faces = shown([[(20, 20), (200, 20)], [(200, 20), (20, 20)]])
    assert update(Tracker(), batch, faces).tolist() == [1, 2, 3, 4]


def test_no_faces_at_all() -> None:
    assert update(Tracker(), make_batch([0.0, 0.1]), Detections.empty()).shape == (0,)


box = st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2)


@settings(deadline=None)  # scipy loads when the first faces meet
@given(st.lists(st.lists(box, max_size=5), min_size=1, max_size=6))
def test_ids_are_positive_unique_in_a_frame_and_numbered_by_first_appearance(
    frames: list[list[tuple[int, int, int, int]]],
) -> None:
    batch = make_batch([0.1 * i for i in range(len(frames))])
    rows = [(float(f), *map(float, b)) for f, boxes in enumerate(frames) for b in boxes]
    faces = make_detections([(int(r[0]), *r[1:]) for r in rows])
    ids = update(Tracker(), batch, faces)
    for frame in range(len(frames)):
        own = ids[faces.frame == frame]
        assert len(np.unique(own)) == len(own)
    _, first = np.unique(ids, return_index=True)
    assert (np.diff(faces.frame[first]) >= 0).all()
    assert set(ids.tolist()) == set(range(1, len(set(ids.tolist())) + 1))


@given(box, box)
def test_overlap_is_symmetric_within_0_and_1_and_1_with_itself(
    a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    left, right = np.array([a], np.float32), np.array([b], np.float32)
    assert iou(left, right)[0, 0] == pytest.approx(iou(right, left)[0, 0])
    assert 0 <= iou(left, right)[0, 0] <= 1
    assert iou(left, left)[0, 0] == pytest.approx(1)


def test_overlap_of_boxes_that_share_a_third() -> None:
    a, b = np.array([[0, 0, 10, 10]], np.float32), np.array([[5, 0, 10, 10]], np.float32)
    assert iou(a, b)[0, 0] == pytest.approx(1 / 3)
