"""Augmentation does what it says."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers.toy_data import toy_fer
from training.augment import augment_faces, jpeg, mixup, random_resize, warp_affine


@pytest.mark.slow
def test_augmented_faces_stay_faces() -> None:
    """Same shape and range; not the input; the same key gives the same images."""
    images = toy_fer(8).images
    one, again, other = (
        np.asarray(augment_faces(jax.random.key(seed), images)[0]) for seed in (0, 0, 1)
    )
    assert one.shape == images.shape
    assert one.min() >= 0
    assert one.max() <= 255
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 1


def test_an_affine_map_moves_pixels_where_it_says() -> None:
    image = np.zeros((1, 9, 9), np.float32)
    image[0, 4, 6] = 100
    shift = np.array([[[1, 0, 2], [0, 1, 0]]], np.float32)
    assert np.asarray(warp_affine(image, shift))[0, 4, 4] == pytest.approx(100)
    turn = np.array([[[0, -1, 0], [1, 0, 0]]], np.float32)
    assert np.asarray(warp_affine(image, turn))[0, 2, 4] == pytest.approx(100)


def face_like(seed: int = 0) -> np.ndarray:
    """(48, 48) float32 smooth luma over the whole range, without flat parts."""
    noise = np.random.default_rng(seed).integers(0, 255, (48, 48)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.round(255 * (smooth - smooth.min()) / np.ptp(smooth))


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 95])
def test_jpeg_artefacts_are_those_of_a_codec(quality: int) -> None:
    image = face_like()
    ours = np.asarray(jpeg(jnp.asarray(image[None]), jnp.array([float(quality)])))[0]
    _, blob = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = np.asarray(cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE), np.float32)
    assert np.abs(ours - theirs).mean() < 0.25
    assert np.abs(ours - image).mean() > 0.3


@pytest.mark.parametrize("size", [16, 24, 37, 40])
def test_resizing_is_by_area_down_and_bilinear_up(size: int) -> None:
    image, key = face_like(), jax.random.key(0)
    ours = random_resize(key, jnp.asarray(image[None]), chance=1.0, sizes=(size, size))
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    theirs = cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(np.asarray(ours)[0], theirs, atol=0.05)


@pytest.mark.slow
def test_mixup_blends_images_and_targets_alike() -> None:
    images = jnp.arange(4.0)[:, None, None] * jnp.ones((4, 2, 2))
    targets = jnp.arange(4.0)[:, None] * jnp.ones((4, 7))
    mixed, (mixed_targets,) = mixup(jax.random.key(1), images, [targets], 1.0)
    np.testing.assert_allclose(np.asarray(mixed)[:, 0, 0], np.asarray(mixed_targets)[:, 0])
    assert not np.allclose(np.asarray(mixed), np.asarray(images))
    assert float(mixed.mean()) == pytest.approx(float(images.mean()))
