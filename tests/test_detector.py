from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fervid.detector import MAX_FACES, FaceDetector, pairwise_overlap, suppress
from fervid.records import FrameBatch
from fervid.tracks import iou

PORTRAIT = Path(__file__).parent.parent / "sample_media" / "portrait.jpg"


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector.load()


def batch_of(*images: np.ndarray) -> FrameBatch:
    index = np.arange(len(images))
    return FrameBatch(np.stack(images).astype(np.uint8), index, index.astype(np.float64))


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    image = cv2.imread(str(PORTRAIT), cv2.IMREAD_GRAYSCALE)
    scale = 320 / max(image.shape)
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def test_the_strongest_box_of_a_portrait_is_the_face_and_a_blank_frame_has_none(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    height, width = portrait.shape
    found = detector.detect(batch_of(np.full_like(portrait, 128), portrait), (width, height))
    assert set(found.frame.tolist()) == {1}
    by_eye = np.array([[86, 65, 80, 112]], np.float32)  # forehead to chin, cheek to cheek
    assert iou(found.xywh, by_eye)[0, 0] >= 0.6
    assert (found.xywh[:, :2] >= 0).all()
    assert (found.xywh[:, :2] + found.xywh[:, 2:] <= [width, height]).all()


def test_padding_a_batch_changes_nothing(detector: FaceDetector, portrait: np.ndarray) -> None:
    size = portrait.shape[::-1]
    alone = detector.detect(batch_of(portrait), size)
    padded = detector.detect(batch_of(portrait), size, batch_size=3)
    np.testing.assert_allclose(alone.xywh, padded.xywh, atol=1e-2)
    np.testing.assert_allclose(alone.score, padded.score, atol=1e-4)


def test_boxes_are_in_pixels_of_the_displayed_frame(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    height, width = portrait.shape
    small = detector.detect(batch_of(portrait), (width, height))
    large = detector.detect(batch_of(portrait), (3 * width, 2 * height))
    np.testing.assert_allclose(large.xywh, small.xywh * [3, 2, 3, 2], rtol=1e-4)


def test_a_face_is_followed_when_the_picture_moves(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    height, width = portrait.shape
    moved = np.roll(portrait, (9, 14), axis=(0, 1))
    found = detector.detect(batch_of(portrait, moved), (width, height))
    first, second = (found.xywh[found.frame == row][0] for row in (0, 1))
    np.testing.assert_allclose(second[:2] - first[:2], [14, 9], atol=6)


def test_suppressed_boxes_are_not_faces_even_at_score_0(portrait: np.ndarray) -> None:
    found = FaceDetector.load(min_score=0.0).detect(batch_of(portrait), portrait.shape[::-1])
    assert 0 < len(found) <= MAX_FACES
    assert (found.score > 0).all()


def test_a_box_within_a_stronger_one_goes_but_not_a_large_one_around_it() -> None:
    boxes = np.array([[0, 0, 100, 100], [30, 50, 70, 95]], np.float32)
    overlap, inside = (np.asarray(part) for part in pairwise_overlap(boxes, boxes))
    assert overlap[0, 1] == pytest.approx(0.18)
    assert inside[0, 1] == pytest.approx(1)
    assert inside[1, 0] == pytest.approx(0.18)
    kept = np.asarray(suppress(boxes, np.array([0.9, 0.5], np.float32))[1])
    assert kept.tolist() == pytest.approx([0.9, 0])
    kept = np.asarray(suppress(boxes, np.array([0.5, 0.9], np.float32))[1])
    assert kept.tolist() == pytest.approx([0.9, 0.5])


corners = st.tuples(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(corners, min_size=8, max_size=8),
    st.lists(st.integers(0, 100), min_size=8, max_size=8, unique=True),
)
def test_suppression_is_greedy(boxes: list[tuple[int, ...]], ranks: list[int]) -> None:
    array = np.array(boxes, np.float32)
    scores = np.array(ranks, np.float32) / 100
    kept_boxes, kept_scores = (np.asarray(out) for out in suppress(array, scores))
    expected: list[int] = []
    overlap, inside = (np.asarray(part) for part in pairwise_overlap(array, array))
    taken = (overlap > 0.4) | (inside > 0.8)
    for row in np.argsort(-scores):
        if scores[row] > 0 and not any(taken[other, row] for other in expected):
            expected.append(int(row))
    count = int((kept_scores > 0).sum())
    assert count == len(expected) <= MAX_FACES
    np.testing.assert_array_equal(kept_boxes[:count], array[expected])
    np.testing.assert_array_equal(kept_scores[:count], scores[expected])
