import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fervid import faces
from fervid.records import FACE_SIZE, Detections, FrameBatch


def one_face(image: np.ndarray, xywh: list[float]) -> tuple[FrameBatch, Detections]:
    batch = FrameBatch(image[None].astype(np.uint8), np.zeros(1, np.int64), np.zeros(1))
    found = Detections(np.zeros(1, np.int32), np.array([xywh], np.float32), np.ones(1, np.float32))
    return batch, found


def box_for_square(left: float, top: float, side: float) -> list[float]:
    """A box whose crop is this square: the inverse of `faces.squares`, with equal sides."""
    h = side / faces.SIDE_BY_HEIGHT
    x = left + side / 2 - faces.SHIFT_X * h - h / 2
    y = top + side / 2 - faces.SHIFT_Y * h - h / 2
    return [x, y, h, h]


def test_a_square_of_48_pixels_is_cut_out_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 160))
    crops = faces.crop(*one_face(image, box_for_square(30, 20, FACE_SIZE)), (160, 120))
    difference = np.abs(crops.images[0].astype(int) - image[20:68, 30:78])
    assert difference.max() <= 2


def test_large_faces_are_averaged_not_sampled() -> None:
    image = np.indices((240, 240)).sum(axis=0) % 2 * 255
    crops = faces.crop(*one_face(image, box_for_square(20, 20, 192)), (240, 240))
    assert crops.images.min() >= 100
    assert crops.images.max() <= 155


def test_a_square_over_the_edge_repeats_the_edge() -> None:
    image = np.full((100, 100), 50)
    image[:, 0] = 200
    crops = faces.crop(*one_face(image, box_for_square(-24, 10, FACE_SIZE)), (100, 100))
    assert np.abs(crops.images[0, :, :24].astype(int) - 200).max() <= 1
    assert np.abs(crops.images[0, :, 26:].astype(int) - 50).max() <= 1


def test_boxes_of_the_displayed_frame_are_cut_from_the_working_frame() -> None:
    image = np.zeros((90, 160))
    image[30:60, 60:100] = 255
    half = faces.crop(*one_face(image, box_for_square(120, 60, 60)), (320, 180))
    full = faces.crop(*one_face(image, box_for_square(60, 30, 30)), (160, 90))
    np.testing.assert_array_equal(half.images, full.images)
    # The outermost pixels lie half over the block's edge.
    assert half.images[0, 1:-1, 1:-1].min() >= 250
    assert half.images.min() >= 120


@given(
    st.floats(0, 500), st.floats(0, 500), st.floats(8, 300), st.floats(-50, 50), st.floats(0.5, 3)
)
def test_squares_follow_boxes_that_move_and_grow(
    x: float, y: float, h: float, move: float, grow: float
) -> None:
    base = faces.squares(np.array([[x, y, 0.8 * h, h]], np.float32))[0]
    moved = faces.squares(np.array([[x + move, y + move, 0.8 * h, h]], np.float32))[0]
    grown = faces.squares(np.array([[x * grow, y * grow, 0.8 * h * grow, h * grow]], np.float32))[0]
    np.testing.assert_allclose(moved, base + np.array([move, move, 0]), atol=1e-2)
    np.testing.assert_allclose(grown, base * grow, atol=1e-2 * max(1, grow))


def test_no_faces_no_crops() -> None:
    batch = FrameBatch(np.zeros((1, 8, 8), np.uint8), np.zeros(1, np.int64), np.zeros(1))
    assert len(faces.crop(batch, Detections.empty(), (8, 8))) == 0


def test_fer_2013_images_are_framed_as_they_are(fer2013_path) -> None:  # type: ignore[no-untyped-def]
    """The detector's box on a pasted FER-2013 image gives that image's square back."""
    from fervid.detector import FaceDetector
    from training import fer2013
    from training.detector.fit_framing import detect_pasted

    images = fer2013.load(fer2013_path).split("Training").images[4096 : 4096 + 256]
    framing = detect_pasted(FaceDetector.load(), images, seed=1)
    assert len(framing.xywh) >= 0.85 * framing.n_images
    error = (faces.squares(framing.xywh) - framing.square) / framing.square[:, 2:]
    center = error[:, :2] + error[:, 2:] / 2
    assert np.abs(np.median(center, axis=0)).max() < 0.02
    assert abs(np.median(error[:, 2])) < 0.03
    assert np.percentile(np.abs(error[:, 2]), 80) < 0.25
