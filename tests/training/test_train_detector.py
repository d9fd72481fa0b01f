"""The training of the detector on miniature pictures."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.detection.detector import FaceDetector
from fervid.errors import FervidError
from fervid.models.cards import load_npz
from fervid.models.face_net import STRIDES, FaceNetConfig
from tests.helpers.toy_data import check_resume
from tests.helpers.toy_pictures import toy_pictures, write_parquet
from training.detector import losses
from training.detector.losses import make_targets
from training.detector.presets import smoke
from training.detector.train import main, train

pytestmark = pytest.mark.slow


def silent(_: str) -> None:
    """No log on the terminal."""


def known(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def targets_of(boxes: np.ndarray, kind: list[int], level: int) -> losses.Targets:
    """Targets of a crop of 128 pixels whose faces have no known points."""
    points = np.full((1, len(kind), 3, 2), np.nan, np.float32)
    return make_targets(
        boxes[None], points, np.array([kind], np.int32), 128 // STRIDES[level], level
    )


def test_targets_peak_at_the_centre_and_spare_ignored_regions() -> None:
    boxes = np.array([[[16, 16, 48, 48], [0, 40, 16, 64], [53, 2, 58, 8]]], np.float32)
    points = np.array([[[[26, 28], [38, 28], [32, 42]], *[[[np.nan] * 2] * 3] * 2]], np.float32)
    targets = make_targets(boxes, points, np.array([[1, -1, -1]], np.int32), 8, 0)
    heat, weight = np.asarray(targets.heat), np.asarray(targets.weight)
    # The centre lies on the corner of four cells, which share it.
    core = np.argwhere(heat[0] == 1).tolist()
    assert core == [[3, 3], [3, 4], [4, 3], [4, 4]]
    np.testing.assert_allclose(weight[0, 3:5, 3:5], 0.25)
    assert weight[0, 6, 0] == 0
    assert weight[0, 0, 6] == 0  # a small box that holds the centre of no cell
    assert weight.sum() == 64 - 7 - 4 + 1
    np.testing.assert_array_equal(targets.box[0, 4, 4], boxes[0, 0])
    np.testing.assert_array_equal(targets.points[0, 4, 4], points[0, 0])
    assert targets.share[0, 0, 0] == 0 < targets.share[0, 4, 4]


@pytest.mark.parametrize("shift", [0.0, 3.7])
def test_a_face_of_any_size_and_place_is_sought_by_a_level(shift: float) -> None:
    """So that the response does not depend on a face's size, nor on where its centre lies."""
    height, x = np.geomspace(9, 380, 40).round(1), 192 + shift
    sides = [x - 0.38 * height, x - height / 2, x + 0.38 * height, x + height / 2]
    boxes = np.stack(sides, axis=-1).astype(np.float32)[:, None]
    sought = np.zeros(len(height), bool)
    for level, stride in enumerate(STRIDES):
        points, kind = np.full((40, 1, 3, 2), np.nan, np.float32), np.ones((40, 1), np.int32)
        targets = make_targets(boxes, points, kind, 384 // stride, level)
        core = np.asarray(targets.heat) == 1
        has_core = core.any(axis=(1, 2))
        shares = np.where(core, targets.weight, 0).sum(axis=(1, 2))
        np.testing.assert_allclose(shares[has_core], 1, rtol=1e-6)
        sought |= has_core
    assert sought.all(), height[~sought]


def test_where_two_faces_meet_each_cell_belongs_to_the_nearer_one() -> None:
    boxes = np.array([[20, 20, 44, 50], [44, 20, 68, 50]], np.float32)
    targets = targets_of(boxes, [1, 1], 0)
    np.testing.assert_array_equal(targets.box[0, 4, 3], boxes[0])
    np.testing.assert_array_equal(targets.box[0, 4, 7], boxes[1])


def test_giou_of_known_boxes() -> None:
    a = known(0, 0, 2, 2)
    assert float(losses.giou(a, a)) == pytest.approx(1)
    assert float(losses.giou(a, known(2, 0, 4, 2))) == pytest.approx(0)
    assert float(losses.giou(a, known(4, 0, 6, 2))) == pytest.approx(-1 / 3)


@pytest.mark.parametrize("unknown", [False, True])
def test_right_maps_cost_nothing_but_for_the_centres(unknown: bool) -> None:
    boxes = np.array([[[16, 16, 48, 48]]], np.float32)
    points = np.array([[[[26, 28], [38, 28], [32, 42]]]], np.float32)
    if unknown:
        points[:] = np.nan
    targets = make_targets(boxes, points, np.array([[1]], np.int32), 8, 0)
    shown = np.where(np.isfinite(targets.points), targets.points, 7.0)
    centers = np.where(targets.heat > 0.999, 9.0, -9.0)
    sums, counts = losses.losses(centers, targets.box, shown, targets)
    center, fit, error = np.asarray(sums)
    assert counts[0] == pytest.approx(1)
    assert center < 0.01
    assert fit == pytest.approx(0, abs=1e-6)
    assert error == 0
    sums, _ = losses.losses(centers, targets.box + 2.0, shown + 2.0, targets)
    _, fit, error = np.asarray(sums)
    assert fit > 0.05
    assert (error > 0.03) != unknown


def test_a_resumed_detector_training_equals_an_uninterrupted_one(
    detector_run: Path, tmp_path: Path
) -> None:
    check_resume(train, toy_pictures(), smoke(), tmp_path, detector_run / "candidate")


def test_what_cannot_be_trained_on_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FervidError, match="no picture to train on"):
        train([], smoke(), tmp_path)
    path = write_parquet(toy_pictures(), tmp_path / "faces.parquet")
    run = ["--preset", "smoke", "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(main, [str(path), *run, "--set", "steps=many"])
    assert done.exit_code == 1
    assert done.output.splitlines() == ["Error: 'many' is not a valid value of steps (now 4)"]
    assert not (tmp_path / "run").exists()


def test_the_command_trains_and_says_where(tmp_path: Path) -> None:
    path = write_parquet(toy_pictures(), tmp_path / "faces.parquet")
    run = tmp_path / "run"
    done = CliRunner().invoke(main, [str(path), "--preset", "smoke", "--run", str(run)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith(f"averaged weights: {run}/candidate.npz")
    card = json.loads((run / "candidate.json").read_text())
    assert card["config"]["head"] == smoke().net.head
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]


def test_a_second_stage_starts_from_the_first(detector_run: Path, tmp_path: Path) -> None:
    first = FaceDetector(detector_run / "candidate")
    still = replace(smoke(), rate=0.0, decay=0.0)
    second = train(toy_pictures(), still, tmp_path / "second", report=silent, start=first)
    before, after = (
        load_npz(detector_run / "candidate.npz"),
        load_npz(second.with_suffix(".npz")),
    )
    for name in before:
        if "norm.mean" not in name and "norm.var" not in name:
            np.testing.assert_allclose(after[name], before[name], rtol=1e-5, err_msg=name)
    other = replace(smoke(), net=FaceNetConfig(stem=8))
    with pytest.raises(FervidError, match="only from one of the same shape"):
        train(toy_pictures(), other, tmp_path / "other", start=first)


def test_false_boxes_are_mined_from_pictures(tmp_path: Path) -> None:
    from training.detector import mine_negatives, pictures

    portrait = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"
    (tmp_path / "things").mkdir()
    cv2.imwrite(str(tmp_path / "things" / "a.png"), cv2.imread(str(portrait)))
    output = tmp_path / "mined.parquet"
    done = CliRunner().invoke(
        mine_negatives.main, [str(tmp_path / "things"), "--output", str(output)]
    )
    assert done.exit_code == 0, done.output
    mined = pictures.load([output])
    assert mined
    assert {picture.source for picture in mined} == {pictures.MINED_SOURCE}
    assert not any(len(picture.boxes) for picture in mined)
    done = CliRunner().invoke(
        mine_negatives.main, [str(tmp_path / "nothing"), "--output", str(output)]
    )
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_false_boxes_are_mined_from_faceless_pictures_of_data_files(tmp_path: Path) -> None:
    from training.detector import mine_negatives, pictures

    blob = (Path(__file__).parents[2] / "sample_media" / "portrait.jpg").read_bytes()

    def mined(source: str, boxes: list[float]) -> int:
        """How many are mined from the portrait, under this source and with these boxes."""
        data, output = tmp_path / "faces.parquet", tmp_path / "mined.parquet"
        row = {"source": source, "image": blob, "boxes": boxes, "scores": [0.9] * bool(boxes)}
        pd.DataFrame([row]).to_parquet(data)
        done = CliRunner().invoke(mine_negatives.main, [str(data), "--output", str(output)])
        assert done.exit_code == 0, done.output
        return len(pictures.load([output]))

    assert mined("paintings", []) > 0
    assert mined("paintings", [10.0, 10.0, 50.0, 60.0]) == 0
    assert mined("flickr8k", []) == 0  # held out
