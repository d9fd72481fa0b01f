"""The training code on miniature data: it learns, resumes exactly, and shards without change."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
import pandas as pd
import pytest
from flax import nnx

from fervid.classifier import Calibration
from fervid.errors import FervidError
from fervid.model_cards import load_npz
from fervid.models.expression_net import ExpressionNet
from fervid.records import EXPRESSIONS
from training import faces, fer2013, train_classifier, train_detector
from training.augment import augment_faces, warp_affine
from training.evaluate_classifier import Logits, calibration_error, fit_calibration
from training.evaluate_detector import Match
from training.export import save_candidate, ship


def toy_fer(count: int = 96, seed: int = 0) -> fer2013.Fer2013:
    """Seven classes that differ in the row of a bright bar; half Training, half PublicTest."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(EXPRESSIONS), count).astype(np.int32)
    images = rng.integers(0, 80, (count, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 6 * label : 8 + 6 * label] += 150
    votes = np.eye(len(EXPRESSIONS), dtype=np.float32)[labels] * 10
    usage = (np.arange(count) % 2).astype(np.int8)
    return fer2013.Fer2013(images, labels, votes, np.zeros((count, 3), np.float32), usage)


SMOKE = dataclasses.replace(train_classifier.PRESETS["smoke"], epochs=3)


def check_resume(train: Any, data: Any, recipe: Any, folder: Path) -> None:
    """A training killed at its first report and given again ends with the very same weights."""
    whole = train(data, recipe, folder / "whole", report=lambda _: None)

    class KilledError(Exception):
        pass

    def stop_after_the_first(_: str) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(data, recipe, folder / "cut", report=stop_after_the_first)
    resumed = train(data, recipe, folder / "cut", report=lambda _: None)
    expected, got = load_npz(whole), load_npz(resumed)
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], got[name], err_msg=name)


def test_a_resumed_classifier_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    check_resume(train_classifier.train, toy_fer(), SMOKE, tmp_path)


def test_the_classifier_learns_what_is_easy(tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    recipe = dataclasses.replace(SMOKE, epochs=15, ema=0.9)
    train_classifier.train(
        toy_fer(256), recipe, tmp_path, report=lambda line: lines.append(json.loads(line))
    )
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["public_fer"] > 0.5


_SHARDED = """
import sys, jax, numpy as np, dataclasses
from flax import nnx
from training import train_classifier as t
from training.state import create, data_mesh, replicate, shard_batch, split_model
from tests.test_training import SMOKE, toy_fer
data = toy_fer()
graph, params, stats, rest = split_model(t.ExpressionNet(SMOKE.net, rngs=nnx.Rngs(0)))
optimizer = t.make_optimizer(SMOKE, 10)
mesh = data_mesh()
state = replicate(mesh, create(params, stats, optimizer))
step = t.make_step(graph, rest, optimizer, SMOKE)
batch = {"images": data.images[:16], "labels": data.labels[:16], "votes": data.vote_shares()[:16]}
losses = []
for _ in range(3):
    state, loss = step(state, shard_batch(mesh, batch), jax.random.key(0))
    losses.append(float(loss))
print(jax.device_count(), *losses)
"""


def test_four_devices_give_the_losses_of_one() -> None:
    root = Path(__file__).parent.parent
    results = []
    for count in (1, 4):
        env = os.environ | {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}",
            "JAX_PLATFORMS": "cpu",
        }
        done = subprocess.run(
            [sys.executable, "-c", _SHARDED], capture_output=True, text=True, env=env, cwd=root
        )
        assert done.returncode == 0, done.stderr
        devices, *losses = done.stdout.split()
        assert int(devices) == count
        results.append([float(loss) for loss in losses])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_nan_is_fatal_and_says_so(tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, rate=1e30)
    with pytest.raises(FervidError, match="lower the rate"):
        train_classifier.train(toy_fer(), recipe, tmp_path, report=lambda _: None)


def test_images_of_the_test_splits_leave_training() -> None:
    data = toy_fer(12)
    data.images[4] = data.images[1]  # a Training row equal to a PublicTest row
    kept = fer2013.without_leaks(data)
    assert len(kept) == 5
    assert not any((image == data.images[1]).all() for image in kept.images)
    assert fer2013.unique_rows(data, "PublicTest").tolist() == [False] + [True] * 5


def test_ferplus_majority_drops_single_votes_and_ties() -> None:
    data = toy_fer(5)
    data.votes[:] = 0
    data.votes[0, 3] = 9  # clear: happy
    data.votes[1, [3, 6]] = 5  # a tie has no majority
    data.votes[2, [4, 0, 1, 2]] = [6, 1, 1, 1]  # single votes are noise: sad
    data.votes[3, 5] = 4
    data.other_votes[3, 0] = 6  # contempt wins: dropped
    assert data.ferplus_majority().tolist() == [3, -1, 4, -1, -1]
    assert data.ferplus_plurality().tolist() == [3, 3, 4, 5, -1]


def test_the_official_csv_and_its_votes_are_read(tmp_path: Path) -> None:
    toy = toy_fer(6)
    names = {0: "Training", 1: "PublicTest"}
    pd.DataFrame(
        {
            "emotion": toy.labels,
            " pixels": [" ".join(map(str, image.ravel())) for image in toy.images],
            " Usage": [names[int(u)] for u in toy.usage],
        }
    ).to_csv(tmp_path / "fer2013.csv", index=False)
    columns = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
    votes = pd.DataFrame({name: [0] * 6 for name in (*columns, "contempt", "unknown", "NF")})
    votes.loc[0, "anger"] = 7
    votes.to_csv(tmp_path / "votes.csv", index=False)
    data = fer2013.load(tmp_path / "fer2013.csv", tmp_path / "votes.csv")
    np.testing.assert_array_equal(data.images, toy.images)
    np.testing.assert_array_equal(data.labels, toy.labels)
    assert data.usage.tolist() == toy.usage.tolist()
    assert data.votes[0].tolist() == [7, 0, 0, 0, 0, 0, 0]


def test_wrong_files_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FervidError, match="no such file"):
        fer2013.load(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_text("emotion,Usage\n1,Training\n")
    with pytest.raises(FervidError, match="pixels"):
        fer2013.load(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("emotion,pixels,Usage\n1,1 2 3,Training\n")
    with pytest.raises(FervidError, match="row 0 has 3 pixels"):
        fer2013.load(tmp_path / "b.csv")


def test_fer2013_counts_and_leaks(fer2013_path: Path) -> None:
    data = fer2013.load(fer2013_path)
    assert [len(data.split(usage)) for usage in fer2013.USAGES] == [28709, 3589, 3589]
    assert np.bincount(data.split("PrivateTest").labels).tolist() == [
        491, 55, 528, 879, 594, 416, 626
    ]  # fmt: skip
    train = fer2013.without_leaks(data)
    tests = data[data.usage != 0]
    assert not {i.tobytes() for i in train.images} & {i.tobytes() for i in tests.images}


def test_calibration_finds_the_temperature_that_was_used() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    odds = np.exp(logits - logits.max(1, keepdims=True))
    probs = odds / odds.sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=p) for p in probs]).astype(np.int32)
    data = fer2013.Fer2013(
        np.zeros((4000, 48, 48), np.uint8),
        labels,
        np.eye(7, dtype=np.float32)[labels],
        np.zeros((4000, 3), np.float32),
        np.zeros(4000, np.int8),
    )
    sharp = Logits(np.stack([logits, logits]) * 3, np.stack([logits, logits]) * 0.5)
    found = fit_calibration(sharp, data)
    assert found.fer_temperature == pytest.approx(3, rel=0.08)
    assert found.ferplus_temperature == pytest.approx(0.5, rel=0.08)
    raw = sharp.probs(Calibration(ferplus_share=0.0))
    assert calibration_error(sharp.probs(found), labels) < 0.03 < calibration_error(raw, labels)


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


def test_shipped_weights_carry_their_digest(tmp_path: Path) -> None:
    recipe = train_classifier.PRESETS["smoke"]
    model = ExpressionNet(recipe.net, rngs=nnx.Rngs(0))
    save_candidate(tmp_path / "candidate.npz", model)
    ship("toy", tmp_path / "candidate.npz", {"version": "1"}, tmp_path)
    card = json.loads((tmp_path / "toy.json").read_text())
    digest = hashlib.sha256((tmp_path / "toy.npz").read_bytes()).hexdigest()
    assert card == {"name": "toy", "version": "1", "sha256": digest}
    assert {p.name for p in tmp_path.iterdir()} == {"candidate.npz", "toy.npz", "toy.json"}


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
