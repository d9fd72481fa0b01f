"""The training on miniature data: it learns, resumes exactly, and shards without change."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from fervid.errors import FervidError
from fervid.expressions.classifier import ExpressionClassifier, load_model
from fervid.models.expression_net import ExpressionNetConfig
from fervid.records import FaceCrops
from tests.helpers.toy_data import check_resume, read_log, toy_fer, write_csv
from tests.training.conftest import LEARN
from training.export import main as export_main
from training.losses import divergence, softened, supervised
from training.presets import PRESETS, Recipe
from training.rows import row_weights
from training.settings import with_settings
from training.train import main as train_main
from training.train import train

pytestmark = pytest.mark.slow

SMOKE = dataclasses.replace(PRESETS["smoke"](), net=ExpressionNetConfig(((8,), (16,))))


def silent(_: str) -> None:
    pass


def test_it_learns_what_is_easy(learned: Path) -> None:
    log = read_log(learned)
    assert len(log) == LEARN.epochs
    assert log[-1]["loss"] < log[0]["loss"]
    assert max(line["public_fer"] for line in log) > 0.5


def test_the_best_epoch_is_the_one_that_is_kept(learned: Path) -> None:
    best = max(line["public_fer"] for line in read_log(learned))
    card = json.loads((learned / "best.json").read_text())
    assert card["public_test"]["fer_accuracy"]["percent"] == pytest.approx(100 * best, abs=0.01)


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, epochs=3, schedule="plateau", mixup=0.2, balance=0.5)
    check_resume(train, toy_fer(), recipe, tmp_path)


def test_a_run_goes_on_only_with_its_own_recipe(tmp_path: Path) -> None:
    train(toy_fer(), dataclasses.replace(SMOKE, epochs=1), tmp_path, report=silent)
    with pytest.raises(FervidError, match=r"rate 0\.08, not 0\.5"):
        train(toy_fer(), dataclasses.replace(SMOKE, epochs=1, rate=0.5), tmp_path, report=silent)


def test_a_run_can_be_made_longer_or_shorter(tmp_path: Path) -> None:
    train(toy_fer(), dataclasses.replace(SMOKE, epochs=2), tmp_path, report=silent)
    begun = read_log(tmp_path)
    train(toy_fer(), dataclasses.replace(SMOKE, epochs=3), tmp_path, report=silent)
    assert read_log(tmp_path)[:2] == begun
    assert len(read_log(tmp_path)) == 3
    assert json.loads((tmp_path / "recipe.json").read_text())["epochs"] == 3


def test_a_run_from_before_a_setting_goes_on_with_its_default(tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, epochs=1)
    train(toy_fer(), recipe, tmp_path, report=silent)
    path = tmp_path / "recipe.json"
    kept = json.loads(path.read_text())
    del kept["answers"], kept["patience"], kept["net"]["squeeze_excite"]
    path.write_text(json.dumps(kept))
    train(toy_fer(), recipe, tmp_path, report=silent)
    with pytest.raises(FervidError, match="with patience 0, not 3"):
        train(toy_fer(), dataclasses.replace(recipe, patience=3), tmp_path, report=silent)


def test_a_run_goes_on_only_with_its_own_teachers(learned: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, epochs=1)
    train(toy_fer(), recipe, tmp_path, report=silent)
    with pytest.raises(FervidError, match="contains a run with teachers"):
        train(toy_fer(), recipe, tmp_path, teachers=[load_model(learned / "best")], report=silent)


def test_it_starts_from_a_model_and_stops_when_nothing_gets_better(
    learned: Path, tmp_path: Path
) -> None:
    start = load_model(learned / "best")
    recipe = dataclasses.replace(LEARN, epochs=6, rate=1e-12, ema=0.0, patience=2, decay=0.0)
    train(toy_fer(), recipe, tmp_path, start=start, report=silent)
    scores = [line["public_fer"] for line in read_log(tmp_path)]
    assert scores[0] > 0.5
    assert 3 <= len(scores) < 6
    assert max(scores[-2:]) <= max(scores[:-2])
    other = dataclasses.replace(recipe, net=ExpressionNetConfig(((8,), (8,))))
    with pytest.raises(FervidError, match="of the same shape, or from one with"):
        train(toy_fer(), other, tmp_path / "other", start=start, report=silent)


RESIDUAL = ExpressionNetConfig(((8,), (16,)), block="residual", fold=1, stem=4, squeeze_excite=True)
OPTIONS: dict[str, dict[str, Any]] = {
    "adamw, weighted": {"optimizer": "adamw", "rate": 2e-3, "balance": 1.0},
    "bfloat16, sampled": {"precision": "bfloat16", "balance": 1.0, "balance_by": "sampling"},
    "residual": {"net": RESIDUAL},
}


@pytest.mark.parametrize("options", OPTIONS)
def test_the_loss_falls_with_each_option(options: str, tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, epochs=4, **OPTIONS[options])
    train(toy_fer(128), recipe, tmp_path, report=silent)
    losses = [line["loss"] for line in read_log(tmp_path)]
    assert losses[-1] < losses[0]


def test_a_student_follows_its_teacher_rather_than_wrong_labels(
    learned: Path, tmp_path: Path
) -> None:
    data = toy_fer(256)
    wrong = dataclasses.replace(data, labels=data.labels.copy(), votes=data.votes[::-1].copy())
    training = wrong.usage == 0
    wrong.labels[training] = (wrong.labels[training] + 1) % 7
    recipe = dataclasses.replace(LEARN, distill_weight=1.0)
    train(wrong, recipe, tmp_path, teachers=[load_model(learned / "best")], report=silent)
    assert max(line["public_fer"] for line in read_log(tmp_path)) > 0.5


def test_a_student_learns_from_faces_without_labels(learned: Path, tmp_path: Path) -> None:
    teachers = [load_model(learned / "best")]
    few, faces = toy_fer(32), toy_fer(512).split("Training").images
    recipe = dataclasses.replace(LEARN, distill_weight=1.0)
    train(few, recipe, tmp_path, teachers=teachers, faces=faces, report=silent)
    assert max(line["public_fer"] for line in read_log(tmp_path)) > 0.5
    with pytest.raises(FervidError, match="contains a run with faces"):
        train(few, recipe, tmp_path, teachers=teachers, faces=faces[1:], report=silent)
    with pytest.raises(FervidError, match="faces without labels need --teacher"):
        train(few, recipe, tmp_path / "alone", faces=faces, report=silent)


def test_teachers_by_onednn_teach_the_same(learned: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="oneDNN comes with PyTorch")
    recipe = dataclasses.replace(SMOKE, epochs=1, distill_weight=1.0, mixup=1.0)
    losses = []
    for onednn in (False, True):
        run, teachers = tmp_path / str(onednn), [load_model(learned / "best")]
        train(toy_fer(64), recipe, run, teachers=teachers, onednn=onednn, report=silent)
        losses.append(read_log(run)[0]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_distillation_is_zero_for_an_equal_student_only() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        (jnp.asarray(rng.normal(size=(5, 7))), jnp.asarray(rng.normal(size=(5, 7))))
        for _ in range(2)
    )
    assert float(divergence(a, softened([a], 2.0), 2.0, 0.5)) == pytest.approx(0, abs=1e-6)
    assert float(divergence(a, softened([b], 2.0), 2.0, 0.5)) > 0.01


def test_rows_without_votes_teach_the_labels_only() -> None:
    logits = (jnp.zeros((2, 7)), jnp.ones((2, 7)) * jnp.arange(7.0))
    labels, ones = jnp.eye(7)[:2], jnp.ones(2)
    loss = supervised(logits, labels, jnp.zeros((2, 7)), ones, 0.5)
    assert float(loss) == pytest.approx(np.log(7))


def test_row_weights_make_classes_count_alike() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2], np.int32)
    full = row_weights(labels, 1.0)
    assert full.mean() == pytest.approx(1)
    assert [full[labels == k].sum() for k in range(3)] == pytest.approx([10 / 3] * 3)
    assert row_weights(labels, 0.0).tolist() == [1.0] * 10


_SHARDED = """
import dataclasses, sys, jax, numpy as np
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
from flax import nnx
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from tests.helpers.toy_data import toy_fer
from training import step as t
from training.rows import TrainingSet
from training.convolution import speed_up_gradients
from training.presets import PRESETS
from training.devices import data_mesh, replicate, shard_batch
from training.state import create, split_model
tiny = ExpressionNetConfig(((8,), (16,)))
recipe, data = dataclasses.replace(PRESETS["smoke"](), net=tiny), toy_fer()
def net(seed):
    return ExpressionNet(recipe.net, rngs=nnx.Rngs(seed))
student, mesh = net(0), data_mesh()
speed_up_gradients(student, mesh)
graph, params, stats, rest = split_model(student)
teacher = net(1)
teacher.eval()
teacher_graph, teacher_state = nnx.split(teacher)
optimizer = t.make_optimizer(recipe, 10)
state = replicate(mesh, create(params, stats, optimizer))
rows = TrainingSet(data.images, data.labels, data.vote_shares(), np.ones(96, np.float32))
rows, teacher_state = replicate(mesh, (rows, teacher_state))
step = t.make_step(graph, rest, optimizer, recipe, [teacher_graph])
losses = []
for number in range(3):
    batch = shard_batch(mesh, np.arange(16, dtype=np.int32) + 16 * number)
    state, metrics = step(state, rows, batch, [teacher_state], jax.random.key(0))
    losses.append(float(metrics[0]))
print(jax.device_count(), *losses)
"""


def test_four_devices_give_the_losses_of_one() -> None:
    root = Path(__file__).parents[2]
    results = []
    for count in (1, 4):
        done = subprocess.run(
            [sys.executable, "-c", _SHARDED, str(count)],
            capture_output=True,
            text=True,
            env=os.environ | {"JAX_PLATFORMS": "cpu", "NPROC": "16"},
            cwd=root,
        )
        assert done.returncode == 0, done.stderr
        devices, *losses = done.stdout.split()
        assert int(devices) == count
        results.append([float(loss) for loss in losses])
    assert len(set(results[0])) == 3
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_devices_share_a_batch_evenly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNEVEN, str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
    )
    assert "3 devices cannot share batches of 8 evenly; try --set batch=9" in done.stdout
    assert not any(tmp_path.iterdir())


_UNEVEN = """
import sys, jax
from pathlib import Path
jax.config.update("jax_num_cpu_devices", 3)
from fervid.errors import FervidError
from tests.helpers.toy_data import toy_fer
from training.presets import smoke
from training.train import train
try:
    train(toy_fer(), smoke(), Path(sys.argv[1]))
except FervidError as error:
    print(error)
"""


def test_nan_is_fatal_and_says_so(tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMOKE, rate=1e30)
    with pytest.raises(FervidError, match="lower the rate"):
        train(toy_fer(), recipe, tmp_path, report=silent)


def test_settings_change_a_preset() -> None:
    recipe = with_settings(SMOKE, ["mixup=0.2", "epochs=7", "schedule=plateau"])
    assert recipe == dataclasses.replace(SMOKE, mixup=0.2, epochs=7, schedule="plateau")
    for wrong in ("nonsense=1", "epochs=many", "schedule=triangle", "net=1"):
        with pytest.raises(FervidError, match=wrong.split("=")[0]):
            with_settings(SMOKE, [wrong])


def test_presets_are_recipes_with_a_word_on_their_result() -> None:
    for make in PRESETS.values():
        assert isinstance(make(), Recipe)
        assert make.__doc__


def test_the_commands_train_and_export_a_model_that_classifies(tmp_path: Path) -> None:
    csv = write_csv(toy_fer(), tmp_path / "fer2013.csv")
    run, out = tmp_path / "run", tmp_path / "models"
    args = [str(csv), "--preset", "smoke", "--set", "epochs=1", "--run", str(run)]
    trained = CliRunner().invoke(train_main, args)
    assert trained.exit_code == 0, trained.output
    done = CliRunner().invoke(
        export_main,
        [str(run / "best"), str(csv), "--name", "mine", "--out", str(out), "--one-pass"],
    )
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.output)) == {"PublicTest"}
    classifier = ExpressionClassifier(out / "mine")
    assert classifier.card["calibration"]["mirrored"] is False
    images = toy_fer(3).images
    rows = np.arange(3, dtype=np.int32)
    probs = classifier.classify(FaceCrops(images, rows))
    assert probs.probs.shape == (3, 7)
    np.testing.assert_allclose(probs.probs.sum(axis=1), 1, atol=1e-5)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(train_main, [str(tmp_path / "none.csv")])
    assert done.exit_code == 1
    assert done.output.startswith("Error: no such file")
    assert "Traceback" not in done.output
