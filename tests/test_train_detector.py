"""The training of the detector on miniature pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.toy_data import check_resume
from training.detector import faces
from training.detector import train as train_detector
from training.detector.evaluate import Match


def toy_pictures(count: int = 6) -> list[faces.Picture]:
    """Bright discs with two dark eyes on noise, and pictures of noise alone."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        image = rng.integers(0, 60, (120, 150)).astype(np.uint8)
        boxes = np.zeros((0, 4), np.float32)
        if number % 3:
            cv2.ellipse(image, (70, 60), (25, 32), 0, 0, 360, 220, -1)
            cv2.circle(image, (60, 52), 4, 20, -1)
            cv2.circle(image, (80, 52), 4, 20, -1)
            boxes = np.array([[45, 28, 50, 64]], np.float32)
        pictures.append(faces.Picture("toy", image, boxes, np.full(len(boxes), 0.9, np.float32)))
    return pictures


def test_boxes_of_a_crop_lie_on_the_faces() -> None:
    pictures, rng = toy_pictures(), np.random.default_rng(1)
    inside, outside = [], []
    for _ in range(60):
        view, boxes, face = faces.cut(rng, pictures[1], pictures[0], 128, 128)
        for (x0, y0, x1, y1), sure in zip(boxes.round().astype(int), face, strict=True):
            if sure and x1 - x0 >= 12:
                middle = view[y0:y1, x0:x1]
                inside.append(float(np.mean(middle > 120)))
                outside.append(float(np.mean(view > 120)))
    assert len(inside) >= 20
    assert np.median(inside) > 0.6
    assert np.median(outside) < np.median(inside)


def test_a_step_s_batch_depends_on_seed_and_step_only() -> None:
    pictures = toy_pictures()
    make = {"batch": 3, "size": 64, "seed": 5}
    first = faces.batches(pictures, **make, first_step=0)
    next(first)
    second = next(first)
    again = next(faces.batches(pictures, **make, first_step=1))
    for name in second:
        np.testing.assert_array_equal(second[name], again[name])


def test_targets_peak_at_the_centre_and_spare_ignored_regions() -> None:
    boxes = np.array([[[16, 16, 48, 48], [0, 40, 16, 64]]], np.float32)
    kind = np.array([[1, -1]], np.int32)
    heat, weight, box, share = (np.asarray(a) for a in train_detector.targets(boxes, kind, 8))
    assert np.unravel_index(heat[0].argmax(), (8, 8)) == (4, 4)
    assert heat.max() == pytest.approx(1)
    assert weight[0, 6, 0] == 0
    assert weight[0, 0, 0] == 1
    np.testing.assert_array_equal(box[0, 4, 4], boxes[0, 0])
    assert share[0, 0, 0] == 0 < share[0, 4, 4]


def test_giou_of_known_boxes() -> None:
    a = np.array([0, 0, 2, 2], np.float32)
    assert float(train_detector.giou(a, a)) == pytest.approx(1)
    b = np.array([2, 0, 4, 2], np.float32)
    assert float(train_detector.giou(a, b)) == pytest.approx(0)
    c = np.array([4, 0, 6, 2], np.float32)
    assert float(train_detector.giou(a, c)) == pytest.approx(-1 / 3)


def test_a_resumed_detector_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    check_resume(train_detector.train, toy_pictures(), train_detector.PRESETS["smoke"], tmp_path)


def test_average_precision_by_hand() -> None:
    result = Match(
        score=np.array([0.9, 0.8, 0.7, 0.6], np.float32),
        right=np.array([True, False, True, False]),
        n_faces=4,
        false_faceless=np.array([0.6], np.float32),
        n_faceless=2,
    )
    # Recall .25 at precision 1, recall .5 at precision 2/3: the area is .25 + .25 * 2/3.
    assert result.average_precision() == pytest.approx(0.25 + 0.25 * 2 / 3)
    assert result.at(0.65) == {
        "score": 0.65,
        "precision": pytest.approx(0.6667),
        "recall": 0.5,
        "false_boxes_a_faceless_picture": 0.0,
    }
