"""Augmentation does what it says."""

import jax
import numpy as np
import pytest

from tests.toy_data import toy_fer
from training.augment import augment_faces, warp_affine


def test_augmented_faces_stay_faces() -> None:
    """Same shape and range; not the input; the same key gives the same images."""
    images = toy_fer(8).images
    one, again, other = (
        np.asarray(augment_faces(jax.random.key(seed), images)) for seed in (0, 0, 1)
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
