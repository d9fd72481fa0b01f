"""Teachers' answers are stored for views that can be shown again, and learnt from."""

import dataclasses
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from flax import nnx

from fervid.errors import FervidError
from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNet
from tests.helpers.toy_data import check_resume, read_log, toy_fer, write_csv
from tests.helpers.toy_pictures import toy_picture, write_parquet
from tests.training.conftest import LEARN
from training import fer2013
from training.answers import NO_FACES, StoredAnswers
from training.augment import augment_faces
from training.looks import Looks
from training.objective import objective, show
from training.presets import PRESETS
from training.rows import UNLABELLED, TrainingSet, training_rows
from training.teach import main, teach
from training.train import train
from training.unlabelled import cut_faces, unlabelled_faces
from training.views import replay, view_keys

pytestmark = pytest.mark.slow

SMOKE = PRESETS["smoke"]()


def net(seed: int) -> tuple[ExpressionNet, dict[str, Any]]:
    model = ExpressionNet(SMOKE.net, rngs=nnx.Rngs(seed))
    model.eval()
    return model, {"sha256": str(seed)}


def images_of(data: fer2013.Fer2013) -> np.ndarray:
    return fer2013.without_leaks(data).images


quietly = partial(teach, report=lambda _: None, batch=16)


def test_a_view_is_the_same_in_any_company() -> None:
    images = toy_fer(12).images
    keys = view_keys(3, 2, 12)
    shown = jax.jit(lambda keys, images: replay(keys, images, Looks(0.5, 0.5, 0.5))[0])
    whole = np.asarray(shown(keys, images))
    rows = np.array([7, 2, 11])
    np.testing.assert_array_equal(shown(keys[rows], images[rows]), whole[rows])
    for other in (view_keys(3, 1, 12), view_keys(4, 2, 12)):
        assert np.abs(np.asarray(shown(other, images)) - whole).mean() > 1
    np.testing.assert_array_equal(  # more faces behind change nothing
        jax.random.key_data(view_keys(3, 2, 20))[:12], jax.random.key_data(keys)
    )


def test_answers_are_the_teachers_mean_distributions_for_the_view(tmp_path: Path) -> None:
    images, teachers = images_of(toy_fer(40)), [net(1), net(2)]
    stored = quietly(images, NO_FACES, teachers, 2, tmp_path, seed=5)
    view, _ = jax.jit(replay)(view_keys(5, 1, len(images)), images)
    for head in range(2):
        asked = [jax.nn.softmax(jax.jit(model)(view)[head]) for model, _ in teachers]
        found = np.exp(stored.view(1)[:, head].astype(np.float32))
        np.testing.assert_allclose(found, np.mean(asked, axis=0), atol=2e-3)


def test_whoever_is_interrupted_goes_on_and_ends_with_the_same_files(tmp_path: Path) -> None:
    images = images_of(toy_fer(40))
    quietly(images, NO_FACES, [net(1)], 3, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def stop(line: str) -> None:
        raise KilledError(line)

    with pytest.raises(KilledError, match="view 1 of 3"):
        quietly(images, NO_FACES, [net(1)], 3, tmp_path / "cut", report=stop)
    with pytest.raises(FervidError, match="2 of 3 views are missing"):
        StoredAnswers.open(tmp_path / "cut")
    quietly(images, NO_FACES, [net(1)], 3, tmp_path / "cut")
    whole, cut = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("whole", "cut")
    )
    assert whole == cut
    said: list[str] = []
    quietly(images, NO_FACES, [net(1)], 4, tmp_path / "whole", report=said.append)
    assert said == ["view 4 of 4"]


def test_answers_are_refused_where_they_do_not_belong(tmp_path: Path) -> None:
    data = toy_fer(40)
    stored = quietly(images_of(data), NO_FACES, [net(1)], 1, tmp_path / "a")
    with pytest.raises(FervidError, match="contains answers with teachers"):
        quietly(images_of(data), NO_FACES, [net(2)], 1, tmp_path / "a")
    with pytest.raises(FervidError, match="answers are for other images"):
        train(toy_fer(40, seed=1), SMOKE, tmp_path / "run", answers=stored)
    with pytest.raises(FervidError, match=r"other views; give --set hidden=0\.0 --set"):
        train(data, dataclasses.replace(SMOKE, hidden=0.1), tmp_path / "run", answers=stored)
    with pytest.raises(FervidError, match="contains no answers"):
        StoredAnswers.open(tmp_path)
    (tmp_path / "a" / "view-0000.npy").write_bytes(b"half")
    with pytest.raises(FervidError, match="is damaged"):
        train(data, SMOKE, tmp_path / "run", answers=StoredAnswers.open(tmp_path / "a"))


def test_answers_to_views_of_another_augmentation_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy_fer(40)
    stored = quietly(images_of(data), NO_FACES, [net(1)], 1, tmp_path)

    def darker(*args: Any) -> Any:
        faces, covered = augment_faces(*args)
        return 0.9 * faces, covered

    monkeypatch.setattr("training.views.augment_faces", darker)
    jax.clear_caches()
    with pytest.raises(FervidError, match="the augmentation of the training has changed"):
        training_rows(data, SMOKE, stored)
    with pytest.raises(FervidError, match="the augmentation of the training has changed"):
        quietly(images_of(data), NO_FACES, [net(1)], 2, tmp_path)


def test_a_training_from_answers_resumes_exactly(tmp_path: Path) -> None:
    data, faces = toy_fer(), toy_fer(20, seed=3).images
    stored = quietly(images_of(data), faces, [net(1)], 2, tmp_path / "answers")
    recipe = dataclasses.replace(SMOKE, epochs=3, mixup=0.2, balance=0.5)
    check_resume(partial(train, answers=stored), data, recipe, tmp_path)
    with pytest.raises(FervidError, match="contains a run with answers"):
        train(data, recipe, tmp_path / "whole")


def test_a_student_follows_the_stored_answers_rather_than_wrong_labels(
    learned: Path, tmp_path: Path
) -> None:
    data = toy_fer(256)
    teacher = load_model(learned / "best")
    stored = quietly(images_of(data), NO_FACES, [teacher], 2, tmp_path / "answers")
    wrong = dataclasses.replace(data, labels=data.labels.copy(), votes=data.votes[::-1].copy())
    training = wrong.usage == 0
    wrong.labels[training] = (wrong.labels[training] + 1) % 7
    recipe = dataclasses.replace(LEARN, distill_weight=1.0, mixup=0.2)
    train(wrong, recipe, tmp_path / "run", answers=stored, report=lambda _: None)
    assert max(line["public_fer"] for line in read_log(tmp_path / "run")) > 0.5


def test_faces_without_labels_teach_no_label() -> None:
    data = toy_fer(8)
    rows = TrainingSet.of(data, np.ones(8), toy_fer(8, seed=1).images)
    assert rows.labels[8:].tolist() == [UNLABELLED] * 8
    key = jax.random.key(0)
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(16, 7)), jnp.float32)

    @jax.jit
    def loss(rows: TrainingSet, logits: jax.Array) -> jax.Array:
        return objective(SMOKE, (logits, logits), show(SMOKE, rows, key, key))

    both, own = loss(rows, logits), loss(jax.tree.map(lambda x: x[:8], rows), logits[:8])
    assert float(both) == pytest.approx(float(own) / 2, rel=1e-5)
    grads = jax.grad(partial(loss, rows))(logits)
    np.testing.assert_array_equal(grads[8:], np.zeros((8, 7)))


def test_mixup_blends_stored_answers_like_images() -> None:
    data = toy_fer(8)
    rows = TrainingSet.of(data, np.ones(8), NO_FACES)
    answers = np.log(np.eye(7, dtype=np.float32)[data.labels] * 0.93 + 0.01)
    rows = dataclasses.replace(
        rows,
        keys=view_keys(0, 0, 8),
        answers=np.stack([answers, answers], axis=1).astype(np.float16),
    )
    recipe = dataclasses.replace(SMOKE, mixup=1.0, smoothing=0.0, distill_temperature=1.0)
    shown = jax.jit(partial(show, recipe))(rows, jax.random.key(0), jax.random.key(1))
    assert shown.taught is not None
    np.testing.assert_allclose(shown.taught[0], 0.01 + 0.93 * shown.labels, atol=2e-3)
    assert 0.01 < float(shown.labels.max(axis=1).min()) < 0.999


def test_faces_are_framed_as_fervid_frames_them_and_held_out_ones_left_out(tmp_path: Path) -> None:
    picture = toy_picture(True)
    (face,) = cut_faces(picture)
    eyes = [face[15:20, column - 2 : column + 3].mean() for column in (15, 33)]
    assert max(eyes) < 60 < 150 < face[17, 22:27].mean()  # dark eyes in a bright face
    assert len(cut_faces(dataclasses.replace(picture, boxes=picture.boxes * 0.5))) == 0
    kept = [toy_picture(True, 1), toy_picture(False, 2), toy_picture(True, 3)]
    held_out = toy_picture(True, 4, source="classrooms")
    path = write_parquet([*kept, held_out], tmp_path / "faces.parquet")
    assert unlabelled_faces([path]).shape == (2, 48, 48)
    assert unlabelled_faces([]).shape == (0, 48, 48)


def test_the_command_stores_and_the_training_command_learns(tmp_path: Path) -> None:
    data = toy_fer()
    csv = write_csv(data, tmp_path / "fer2013.csv")
    faces = write_parquet([toy_picture(True, seed) for seed in range(3)], tmp_path / "f.parquet")
    args = [str(csv), "--teacher", "expression", "--views", "1", "--faces", str(faces)]
    done = CliRunner().invoke(main, [*args, "--out", str(tmp_path / "answers")])
    assert done.exit_code == 0, done.output
    assert "1 views of 48 images and 3 other faces" in done.output
    from training.train import main as train_main

    args = [str(csv), "--preset", "smoke", "--set", "epochs=1", "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(train_main, [*args, "--answers", str(tmp_path / "answers")])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(train_main, [*args, "--answers", str(tmp_path)])
    assert done.exit_code == 1
    assert "contains no answers" in done.output


def test_onednn_gives_the_teachers_answers(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="oneDNN comes with PyTorch")
    images = images_of(toy_fer(40))
    residual = dataclasses.replace(SMOKE.net, block="residual", fold=1, stem=4, squeeze_excite=True)
    model = ExpressionNet(residual, rngs=nnx.Rngs(7))
    model.eval()
    teachers = [net(1), (model, {"sha256": "7"})]
    slow = quietly(images, NO_FACES, teachers, 1, tmp_path / "a").view(0)
    fast = quietly(images, NO_FACES, teachers, 1, tmp_path / "b", onednn=True).view(0)
    np.testing.assert_allclose(np.exp(fast.astype(float)), np.exp(slow.astype(float)), atol=0.02)
    assert np.abs(fast - slow).max() > 0


_ON_DEVICES = """
import sys, jax
from pathlib import Path
jax.config.update("jax_num_cpu_devices", 4)
from tests.training.test_teach import NO_FACES, images_of, net, quietly
from tests.helpers.toy_data import toy_fer
quietly(images_of(toy_fer(40)), NO_FACES, [net(1)], 1, Path(sys.argv[1]))
print(jax.device_count())
"""


def test_four_devices_store_what_one_stores(tmp_path: Path) -> None:
    one = quietly(images_of(toy_fer(40)), NO_FACES, [net(1)], 1, tmp_path / "one").view(0)
    done = subprocess.run(
        [sys.executable, "-c", _ON_DEVICES, str(tmp_path / "four")],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "NPROC": "16"},
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.split() == ["4"], done.stderr
    four = StoredAnswers.open(tmp_path / "four").view(0)
    np.testing.assert_allclose(four.astype(float), one.astype(float), atol=2e-3)
