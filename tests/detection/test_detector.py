from collections.abc import Sequence
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from fervid.detection.detector import FaceDetector
from fervid.models.face_net import STRIDES, FaceMaps, FaceNet, cell_centers, place_points
from fervid.models.inference import for_inference
from fervid.models.peaks import MAX_FACES, Candidates, find_peaks, pairwise_overlap, suppress
from fervid.records import FrameBatch
from fervid.tracking.tracks import iou
from training.detector.presets import smoke

pytestmark = pytest.mark.slow

PORTRAIT = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


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


def test_eyes_and_mouth_of_the_portrait_are_where_they_are_seen(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    found = detector.detect(batch_of(portrait), portrait.shape[::-1])
    by_eye = np.array([[108, 110], [148, 109], [129, 149]])
    assert np.linalg.norm(found.points[0] - by_eye, axis=1).max() < 8


@pytest.mark.parametrize("size", [(96, 54), (54, 96), (250, 250), (840, 360), (321, 243)])
def test_frames_of_any_shape_are_searched(
    detector: FaceDetector, portrait: np.ndarray, size: tuple[int, int]
) -> None:
    """Tiny, upright, square, wide, and odd frames: the face in the middle fills a good part."""
    width, height = size
    scale = 0.9 * height / 180
    face = cv2.resize(portrait[30:210, 40:210], None, fx=scale, fy=scale)
    if face.shape[1] > width:
        face = cv2.resize(face, (width, round(face.shape[0] * width / face.shape[1])))
    frame = np.full((height, width), 128, np.uint8)
    top, left = (height - face.shape[0]) // 2, (width - face.shape[1]) // 2
    frame[top : top + face.shape[0], left : left + face.shape[1]] = face
    found = detector.detect(batch_of(frame), size)
    assert len(found) >= 1
    x, _, w, h = found.xywh[0]
    assert abs(x + w / 2 - width / 2) < 0.25 * face.shape[1]
    assert h > 0.4 * face.shape[0]


@pytest.fixture(scope="module")
def searched_twice() -> list[tuple[FaceMaps, jax.Array, Candidates]]:
    """For each level: maps, points of all cells, and what the network for inference finds."""
    net = FaceNet(smoke().net, rngs=nnx.Rngs(3))
    net.eval()
    fast = for_inference(net, winograd_from=1)
    one, zero = jnp.float32(1), jnp.float32(0)

    @jax.jit
    def search(views: jax.Array) -> list[tuple[FaceMaps, jax.Array, Candidates]]:
        both = []
        for level, (maps, peaks) in enumerate(zip(net(views), fast(views), strict=True)):
            cells = cell_centers(*maps.centers.shape[1:], STRIDES[level])
            points = place_points(net.offsets(maps.features, level), cells, maps.boxes)
            both.append((maps, points, find_peaks(fast, peaks, level, one, zero)))
        return both

    views = np.random.default_rng(0).integers(0, 256, (2, 128, 192), np.uint8)
    return jax.tree.map(np.asarray, search(views))


@pytest.mark.parametrize("level", range(len(STRIDES)))
def test_points_of_the_found_cells_are_those_of_the_whole_map(
    searched_twice: list[tuple[FaceMaps, jax.Array, Candidates]], level: int
) -> None:
    """Also at the map's borders, where cells outside count as zero."""
    maps, everywhere, found = searched_twice[level]
    rows, slots = np.nonzero(found.scores)
    borders = 0
    for row, slot in zip(rows, slots, strict=True):
        apart = np.abs(maps.boxes[row] - found.boxes[row, slot]).max(axis=-1)
        y, x = np.unravel_index(apart.argmin(), apart.shape)
        assert apart[y, x] < 1e-2
        np.testing.assert_allclose(
            found.points[row, slot], everywhere[row, y, x], rtol=1e-4, atol=5e-2
        )
        borders += y in (0, maps.centers.shape[1] - 1)
    assert borders > 0


def test_padding_a_batch_changes_nothing(detector: FaceDetector, portrait: np.ndarray) -> None:
    size = portrait.shape[::-1]
    alone = detector.detect(batch_of(portrait), size)
    padded = detector.detect(batch_of(portrait), size)
    np.testing.assert_allclose(alone.xywh, padded.xywh, atol=1e-2)
    np.testing.assert_allclose(alone.score, padded.score, atol=1e-4)
    np.testing.assert_allclose(alone.points, padded.points, atol=1e-2)


def test_boxes_are_in_pixels_of_the_displayed_frame(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    height, width = portrait.shape
    small = detector.detect(batch_of(portrait), (width, height))
    large = detector.detect(batch_of(portrait), (3 * width, 2 * height))
    np.testing.assert_allclose(large.xywh, small.xywh * [3, 2, 3, 2], rtol=1e-4)
    np.testing.assert_allclose(large.points, small.points * [3, 2], rtol=1e-4)


def test_a_face_is_followed_when_the_picture_moves(
    detector: FaceDetector, portrait: np.ndarray
) -> None:
    height, width = portrait.shape
    moved = np.roll(portrait, (9, 14), axis=(0, 1))
    found = detector.detect(batch_of(portrait, moved), (width, height))
    first, second = (found.xywh[found.frame == row][0] for row in (0, 1))
    np.testing.assert_allclose(second[:2] - first[:2], [14, 9], atol=6)


def test_suppressed_boxes_are_not_faces_even_at_score_0(portrait: np.ndarray) -> None:
    found = FaceDetector(min_score=0.0).detect(batch_of(portrait), portrait.shape[::-1])
    assert 0 < len(found) <= MAX_FACES
    assert (found.score > 0).all()


overlaps = jax.jit(pairwise_overlap)
suppress_jitted = jax.jit(suppress)


def suppressed(boxes: np.ndarray, scores: Sequence[float] | np.ndarray) -> Candidates:
    """What is kept of boxes whose points all lie at their left upper corner."""
    points = np.repeat(boxes[:, None, :2], 3, axis=1)
    return suppress_jitted(Candidates(jnp.asarray(scores, jnp.float32), jnp.asarray(boxes), points))


def test_a_box_within_a_stronger_one_goes_but_not_a_large_one_around_it() -> None:
    boxes = np.array([[0, 0, 100, 100], [30, 50, 70, 95]], np.float32)
    overlap, inside = (np.asarray(part) for part in overlaps(boxes, boxes))
    assert overlap[0, 1] == pytest.approx(0.18)
    assert inside[0, 1] == pytest.approx(1)
    assert inside[1, 0] == pytest.approx(0.18)
    assert suppressed(boxes, [0.9, 0.5]).scores.tolist() == pytest.approx([0.9, 0])
    assert suppressed(boxes, [0.5, 0.9]).scores.tolist() == pytest.approx([0.9, 0.5])


def test_a_part_of_a_large_face_is_no_second_face() -> None:
    """A fine level may take half of a face that fills the picture for a whole one."""
    part, whole = [100, 150, 260, 306], [90, 10, 280, 306]
    kept = suppressed(np.array([part, whole], np.float32), [0.8, 0.95])
    assert kept.scores.tolist() == pytest.approx([0.95, 0])
    np.testing.assert_array_equal(kept.boxes[0], whole)


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
    kept = suppressed(array, scores)
    kept_boxes, kept_scores = np.asarray(kept.boxes), np.asarray(kept.scores)
    expected: list[int] = []
    overlap, inside = (np.asarray(part) for part in overlaps(array, array))
    taken = (overlap > 0.4) | (inside > 0.8)
    for row in np.argsort(-scores):
        if scores[row] > 0 and not any(taken[other, row] for other in expected):
            expected.append(int(row))
    count = int((kept_scores > 0).sum())
    assert count == len(expected) <= MAX_FACES
    np.testing.assert_array_equal(kept_scores[:count], scores[expected])
    for place, row in enumerate(expected):
        same = (overlap[row] > 0.6) & (scores < scores[row]) | (np.arange(len(array)) == row)
        mean = np.average(array[same], axis=0, weights=scores[same] ** 2)
        np.testing.assert_allclose(kept_boxes[place], mean, atol=1e-4)
        np.testing.assert_allclose(kept.points[place, 0], mean[:2], atol=1e-4)
