"""The training on miniature data: it learns, resumes exactly, and shards without change."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fervid.errors import FervidError
from tests.toy_data import SMOKE, check_resume, toy_fer
from training import train


def test_a_resumed_classifier_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    check_resume(train.train, toy_fer(), SMOKE, tmp_path)


def test_the_classifier_learns_what_is_easy(tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    recipe = dataclasses.replace(SMOKE, epochs=15, ema=0.9)
    train.train(toy_fer(256), recipe, tmp_path, report=lambda line: lines.append(json.loads(line)))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["public_fer"] > 0.5


_SHARDED = """
import sys, jax, numpy as np, dataclasses
from flax import nnx
from training import train as t
from training.train import ExpressionNet
from training.state import create, data_mesh, replicate, shard_batch, split_model
from tests.toy_data import SMOKE, toy_fer
data = toy_fer()
graph, params, stats, rest = split_model(ExpressionNet(SMOKE.net, rngs=nnx.Rngs(0)))
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
        train.train(toy_fer(), recipe, tmp_path, report=lambda _: None)
