from dataclasses import replace

import cv2
import numpy as np

from fervid.detection.crops import crop
from fervid.detection.framing import SHIFT_DOWN, SIDE_BY_SPAN
from fervid.records import FACE_SIZE, Detections, FrameBatch
from tests.helpers.known_faces import faces_at


def one_face(
    image: np.ndarray, square: tuple[float, float, float]
) -> tuple[FrameBatch, Detections]:
    """A frame, and an upright face in it whose crop is this square: left, top, side."""
    left, top, side = square
    batch = FrameBatch(image[None].astype(np.uint8), np.zeros(1, np.int64), np.zeros(1))
    found = faces_at([0], [[left, top, side, side]])
    template = np.array([[-9, 0], [9, 0], [0, 21]], np.float32)
    unit = side / (SIDE_BY_SPAN * np.hypot(18, 21))
    eyes = np.array([left + side / 2, top + side / 2 - SHIFT_DOWN * side])
    points = (eyes + unit * template).astype(np.float32)
    return batch, replace(found, points=points[None])


def test_a_square_of_48_pixels_is_cut_out_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 160))
    crops = crop(*one_face(image, (30, 20, FACE_SIZE)), (160, 120))
    difference = np.abs(crops.images[0].astype(int) - image[20:68, 30:78])
    assert difference.max() <= 2


def test_large_faces_are_averaged_not_sampled() -> None:
    image = np.indices((240, 240)).sum(axis=0) % 2 * 255
    crops = crop(*one_face(image, (20, 20, 192)), (240, 240))
    assert crops.images.min() >= 100
    assert crops.images.max() <= 155


def test_a_square_over_the_edge_repeats_the_edge() -> None:
    image = np.full((100, 100), 50)
    image[:, 0] = 200
    crops = crop(*one_face(image, (-24, 10, FACE_SIZE)), (100, 100))
    assert np.abs(crops.images[0, :, :24].astype(int) - 200).max() <= 1
    assert np.abs(crops.images[0, :, 26:].astype(int) - 50).max() <= 1


def test_boxes_of_the_displayed_frame_are_cut_from_the_working_frame() -> None:
    image = np.zeros((90, 160))
    image[30:60, 60:100] = 255
    half = crop(*one_face(image, (120, 60, 60)), (320, 180))
    full = crop(*one_face(image, (60, 30, 30)), (160, 90))
    np.testing.assert_array_equal(half.images, full.images)
    # The outermost pixels lie half over the block's edge.
    assert half.images[0, 1:-1, 1:-1].min() >= 250
    assert half.images.min() >= 120


def test_a_face_that_is_rolled_far_is_turned_back() -> None:
    """A picture turned by 40 degrees shows, after 30 of them are turned back, a tilt of 10."""
    image = np.full((200, 200), 40, np.uint8)
    image[60:140, 95:105] = 220
    upright = one_face(image, (60, 60, 80))[1]
    matrix = cv2.getRotationMatrix2D((99.5, 99.5), -40, 1)
    turned = cv2.warpAffine(image, matrix, (200, 200))
    points = (upright.points[0] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    batch = one_face(turned, (60, 60, 80))[0]
    found = replace(upright, points=points[None].astype(np.float32))
    bar = crop(batch, found, (200, 200)).images[0] > 130
    rows, columns = np.nonzero(bar)
    slope = np.polyfit(rows, columns, 1)[0]
    assert abs(np.rad2deg(np.arctan(slope)) + 10) < 3


def test_no_faces_no_crops() -> None:
    batch = FrameBatch(np.zeros((1, 8, 8), np.uint8), np.zeros(1, np.int64), np.zeros(1))
    assert len(crop(batch, Detections.empty(), (8, 8))) == 0
