"""Each spoilt copy is spoilt as it says."""

import cv2
import numpy as np
import pytest

from training.evaluate import robustness as spoil

FACES = np.random.default_rng(1).integers(0, 256, (5, 48, 48)).astype(np.uint8)


def test_every_copy_keeps_the_form_and_is_the_same_each_time() -> None:
    for copy in spoil.COPIES:
        made = copy.make(FACES)
        assert (made.shape, made.dtype) == (FACES.shape, FACES.dtype)
        assert (made != FACES).any(), copy.name
        np.testing.assert_array_equal(made, copy.make(FACES), err_msg=copy.name)
        np.testing.assert_array_equal(made[:2], copy.make(FACES[:2]), err_msg=copy.name)


def test_every_copy_but_the_dark_one_leaves_an_even_image_alone() -> None:
    even = np.full((3, 48, 48), 100, np.uint8)
    for copy in spoil.COPIES:
        expected = round(255 * (100 / 255) ** 2) if copy.name == "dark" else 100
        assert np.abs(copy.make(even).astype(int) - expected).max() <= 1, copy.name


def test_blur_has_the_stated_width() -> None:
    point = np.zeros((1, 48, 48), np.uint8)
    point[0, 24, 24] = 255
    # A bright bar is bright enough to survive rounding to whole levels.
    point[0, 24] = 255
    profile = spoil.blurred(point)[0, :, 24].astype(float)
    rows = np.arange(48) - 24
    assert np.sqrt((profile * rows**2).sum() / profile.sum()) == pytest.approx(1.5, abs=0.08)


def test_small_is_the_mean_of_2x2_pixels_enlarged() -> None:
    made = spoil.small(FACES)
    means = FACES[0].reshape(24, 2, 24, 2).mean(axis=(1, 3))
    assert abs(float(made[0, 0, 0]) - means[0, 0]) <= 1
    fine = (np.indices((48, 48)).sum(axis=0) % 2 * 200).astype(np.uint8)[None]
    assert np.ptp(spoil.small(fine)) == 0


def test_jpeg_is_the_codec_s() -> None:
    smooth = cv2.GaussianBlur(FACES[0], (0, 0), 3)[None]
    _, blob = cv2.imencode(".jpg", smooth[0], [cv2.IMWRITE_JPEG_QUALITY, 30])
    expected = cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(spoil.jpeg(smooth)[0], expected)
    error = np.abs(spoil.jpeg(smooth).astype(int) - smooth).mean()
    assert 0.5 < error < 12


def test_dark_is_gamma_two() -> None:
    levels = np.array([0, 64, 128, 255], np.uint8).reshape(1, 2, 2)
    assert spoil.dark(levels).ravel().tolist() == [0, 16, 64, 255]


def _spot(image: np.ndarray) -> tuple[float, float]:
    y, x = np.indices(image.shape)
    weight = image.astype(float)
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


def test_rotation_turns_even_rows_left_and_odd_rows_right_by_15_degrees() -> None:
    image = np.zeros((48, 48), np.float32)
    cv2.circle(image, (38, 24), 3, 255, -1)
    stack = np.stack([image, image]).astype(np.uint8)
    angles = []
    for made in spoil.rotated(stack):
        x, y = _spot(made)
        angles.append(np.degrees(np.arctan2(23.5 - y, x - 23.5)))
    before = np.degrees(np.arctan2(23.5 - 24, 38 - 23.5))
    assert np.array(angles) - before == pytest.approx([15, -15], abs=0.5)


def test_jitter_moves_by_at_most_a_tenth_of_the_side() -> None:
    image = np.zeros((48, 48), np.uint8)
    cv2.circle(image, (23, 23), 2, 255, -1)
    moves = np.array([_spot(made) for made in spoil.jittered(np.stack([image] * 200))]) - 23
    assert 4.3 < np.abs(moves).max() < 4.8 + 0.1
    assert np.abs(moves.mean(axis=0)).max() < 0.8
    ring = np.zeros((48, 48), np.uint8)
    cv2.circle(ring, (23, 23), 10, 255, -1)
    areas = np.array([(made > 127).sum() for made in spoil.jittered(np.stack([ring] * 200))])
    scales = np.sqrt(areas / (ring > 127).sum())
    assert 0.87 < scales.min() < 0.93
    assert 1.07 < scales.max() < 1.13
