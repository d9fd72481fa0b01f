import numpy as np
import pytest

from training.detector.pictures import Picture
from training.likeness import crops_of, fit

pytestmark = pytest.mark.slow


def test_components_have_unit_variance_and_are_the_same_again() -> None:
    rng = np.random.default_rng(0)
    looks = (rng.normal(size=(400, 5)) @ rng.normal(size=(5, 20)) + 3).astype(np.float32)
    model = fit(looks, 4)
    assert {name: array.shape for name, array in model.items()} == {
        "mean": (20,),
        "components": (20, 4),
        "scale": (4,),
    }
    found = (looks - model["mean"]) @ (model["components"] * model["scale"])
    np.testing.assert_allclose(np.cov(found, rowvar=False), np.eye(4), atol=0.1)
    for name, array in fit(looks, 4).items():
        np.testing.assert_array_equal(array, model[name])


def test_faces_that_are_small_or_doubtful_or_without_points_are_left_out() -> None:
    image = np.random.default_rng(0).integers(0, 255, (100, 300), dtype=np.uint8)
    boxes = np.array([[10, 10, 60, 60], [90, 10, 20, 20], [120, 10, 60, 60], [200, 10, 60, 60]])
    scores = np.array([0.9, 0.9, 0.4, 0.9], np.float32)
    points = boxes[:, None, :2] + boxes[:, None, 2:] * [[[0.3, 0.4], [0.7, 0.4], [0.5, 0.8]]]
    points[3, 2] = np.nan
    picture = Picture("toys", image, boxes.astype(np.float32), scores, points.astype(np.float32))
    crops, number = crops_of([picture, picture])
    assert crops.shape == (2, 48, 48)
    assert number.tolist() == [0, 1]
