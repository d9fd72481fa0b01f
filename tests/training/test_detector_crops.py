"""The crops that the detector is trained on, made from miniature pictures."""

import cv2
import numpy as np
import pytest

from tests.helpers.toy_pictures import toy_picture, toy_pictures
from training.detector import compose, crops, degrade
from training.detector.crops import Crop, Pool
from training.detector.pictures import Picture


def dark_at_points(crop: Crop) -> list[float]:
    """Brightness at the points of each face, over the one around its middle."""
    ratios = []
    for (x0, y0, x1, y1), points, face in zip(crop.boxes, crop.points, crop.face, strict=True):
        inside = (points > 2).all() and (points < crop.image.shape[0] - 2).all()
        if not face or not inside or y1 - y0 < 40:
            continue
        size = (max(3, int(x1 - x0) // 12), max(3, int(y1 - y0) // 12))
        here = [cv2.getRectSubPix(crop.image, size, tuple(map(float, p))).mean() for p in points]
        cheek = cv2.getRectSubPix(crop.image, size, (float(x0 + x1) / 2, float(y0 + y1) / 2))
        ratios.append(float(np.mean(here)) / max(float(cheek.mean()), 1.0))
    return ratios


def toy_crop() -> Crop:
    """The toy face as it is, in the middle of a crop of its own."""
    picture = toy_picture(True)
    box = np.array([[45, 28, 95, 92]], np.float32)
    return Crop(picture.image[:, 15:135], box - [15, 0, 15, 0], picture.points, np.ones(1, bool))


def test_boxes_and_points_of_a_view_lie_on_the_face() -> None:
    rng, bright, ratios = np.random.default_rng(1), [], []
    for _ in range(80):
        view = crops.cut(rng, toy_picture(True), toy_picture(False, 9), 128, 128)
        ratios += dark_at_points(view)
        for (x0, y0, x1, y1), face in zip(view.boxes.round().astype(int), view.face, strict=True):
            if face and x1 - x0 >= 12:
                bright.append(float(np.mean(view.image[y0:y1, x0:x1] > 120)))
    assert len(bright) >= 20
    assert np.median(bright) > 0.6
    assert len(ratios) >= 15
    assert np.median(ratios) < 0.5


def three_spots() -> Picture:
    """A black picture whose face points are soft bright spots, at fractions of a pixel."""
    points = np.array([[50.3, 60.8], [92.7, 61.2], [71.4, 103.6]], np.float32)
    y, x = np.mgrid[:160, :140] + 0.5  # where pixels' centres are
    spots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 4.0**2)) for px, py in points]
    image = np.rint(255 * np.sum(spots, axis=0)).astype(np.uint8)
    box = np.array([[30, 40, 80, 90]], np.float32)
    return Picture("toy", image, box, np.ones(1, np.float32), points[None])


def test_points_of_a_view_are_right_to_a_fraction_of_a_pixel() -> None:
    """Mirrored, turned, shrunk: a pixel is a fifth of the way between the eyes of a small face."""
    rng, errors = np.random.default_rng(8), []
    black = Picture(
        "toy",
        np.zeros((99, 99), np.uint8),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros((0, 3, 2), np.float32),
    )
    for _ in range(200):
        view = crops.cut(rng, three_spots(), black, 96, 96)
        for points, (_, y0, _, y1) in zip(view.points, view.boxes, strict=True):
            reach = round(16 * (y1 - y0) / 90)
            for x, y in points[
                (points > reach + 2).all(axis=1) & (points < 93 - reach).all(axis=1)
            ]:
                left, top = int(x) - reach, int(y) - reach
                part = view.image[top : int(y) + reach + 1, left : int(x) + reach + 1].astype(float)
                rows, columns = np.indices(part.shape) + 0.5
                seen = [
                    left + np.average(columns, weights=part),
                    top + np.average(rows, weights=part),
                ]
                errors.append(np.subtract(seen, [x, y]))
    assert len(errors) >= 100
    assert np.abs(np.mean(errors, axis=0)).max() < 0.1
    assert np.abs(np.median(np.abs(errors), axis=0)).max() < 0.2


def test_a_mirrored_face_has_its_right_eye_on_the_left_again() -> None:
    rng = np.random.default_rng(2)
    views = [crops.cut(rng, toy_picture(True), toy_picture(False), 128, 128) for _ in range(60)]
    eyes = np.concatenate([view.points[:, :2, 0] for view in views])
    assert len(eyes) >= 20
    assert (eyes[:, 0] < eyes[:, 1]).all()


def test_pasted_heads_bring_their_marks_and_cover_no_other_face() -> None:
    rng, pool = np.random.default_rng(3), Pool.of(toy_pictures(12))
    pasted, bright = 0, []
    for _ in range(20):
        before = pool.view(rng, 128, 128)
        after = compose.paste_crowd(rng, pool, before)
        count = len(before.boxes)
        np.testing.assert_array_equal(after.boxes[:count], before.boxes)
        for x0, y0, x1, y1 in before.boxes.round().astype(int):
            part = (slice(y0 + 2, y1 - 2), slice(x0 + 2, x1 - 2))
            if x1 - x0 > 8:
                same = after.image[part] == before.image[part]
                assert same.mean() > 0.7
        pasted += len(after.boxes) - count
        for x0, y0, x1, y1 in after.boxes[count:].round().astype(int):
            if y1 - y0 >= 12:
                bright.append(float(np.mean(after.image[y0:y1, x0:x1] > 120)))
    assert pasted >= 20
    assert len(bright) >= 10
    assert np.median(bright) > 0.5


def test_hidden_parts_leave_marks_alone() -> None:
    rng, pool = np.random.default_rng(4), Pool.of(toy_pictures())
    view = crops.cut(rng, toy_picture(True), toy_picture(False), 128, 128)
    hidden = [compose.hide_parts(rng, pool, view) for _ in range(20)]
    assert any((each.image != view.image).any() for each in hidden)
    for each in hidden:
        np.testing.assert_array_equal(each.boxes, view.boxes)
        np.testing.assert_array_equal(each.points, view.points)


def test_letters_and_rings_stay_off_the_faces() -> None:
    rng, view = np.random.default_rng(5), toy_crop()
    written = [compose.write_on(rng, view).image for _ in range(10)]
    assert any((image != view.image).any() for image in written)
    for image in written:
        for x0, y0, x1, y1 in view.boxes.astype(int):
            np.testing.assert_array_equal(image[y0:y1, x0:x1], view.image[y0:y1, x0:x1])


def test_profiles_are_drawn_more_often() -> None:
    pictures = [toy_picture(True, 1), toy_picture(True, 2)]
    pictures[1].points[0, :2, 0] = [69, 71]
    first, both = Pool.of(pictures).chances
    assert both == pytest.approx(1)
    assert both - first == pytest.approx(3 * first)


def test_a_step_s_batch_depends_on_seed_and_step_only() -> None:
    make = {"batch": 3, "size": 64, "seed": 5}
    first = compose.batches(toy_pictures(), **make, first_step=0)
    next(first)
    second = next(first)
    again = next(compose.batches(toy_pictures(), **make, first_step=1))
    for name in second:
        np.testing.assert_array_equal(second[name], again[name])
    assert (second["kind"] == 1).any()


def test_what_recordings_do_keeps_a_picture_a_picture() -> None:
    """Same size and type; each kind changes it, and none beyond recognition."""
    image = cv2.GaussianBlur(toy_picture(True).image, (0, 0), 2)
    kinds = {
        "resample": degrade.resample,
        "blur": degrade.blur,
        "light": lambda rng, image: degrade.light(rng, image, strength=1.2),
        "noise": lambda rng, image: degrade.noise(rng, image, sigma=15.0),
        "compress": degrade.compress,
        "all": degrade.degrade,
    }
    for name, change in kinds.items():
        changed = [change(np.random.default_rng(seed), image) for seed in range(10)]
        assert all(each.shape == image.shape and each.dtype == np.uint8 for each in changed), name
        assert any((each != image).any() for each in changed), name
        likeness = [np.corrcoef(each.ravel(), image.ravel())[0, 1] for each in changed]
        assert np.median(likeness) > 0.7, name


def test_views_show_faces_of_all_sizes() -> None:
    """From a few pixels to all of the view, of faces that are large enough in the picture."""
    rng, heights = np.random.default_rng(0), []
    large = toy_picture(True)
    image = cv2.resize(large.image, None, fx=4, fy=4)
    large = Picture("toy", image, large.boxes * 4, large.scores, large.points * 4)
    for _ in range(300):
        view = crops.cut(rng, large, toy_picture(False), 320, 320)
        heights += (view.boxes[:, 3] - view.boxes[:, 1])[view.face].tolist()
    counts, _ = np.histogram(heights, [8, 20, 50, 125, 321])
    assert counts.min() > 0.1 * len(heights)
