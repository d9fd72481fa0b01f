"""Checkpoints of a run: the last one is continued, the best one is kept, both with their log."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from training.run import Run
from training.state import TrainState, create

pytestmark = pytest.mark.slow


def state(step: int) -> TrainState:
    made = create({"w": jnp.full(3, float(step))}, {"mean": jnp.zeros(2)}, optax.sgd(0.1, 0.9))
    return TrainState(jnp.asarray(step), made.params, made.stats, made.ema, made.opt_state)


def test_a_run_continues_with_its_last_state_and_log(tmp_path: Path) -> None:
    said: list[str] = []
    run = Run(tmp_path, said.append)
    for step, score in ((1, 0.2), (2, 0.9), (3, 0.5), (4, 0.4)):
        run.save(state(step), {"epoch": step, "score": score}, score)
    again = Run(tmp_path, said.append)
    restored = again.restore_last(state(0))
    assert int(restored.step) == 4
    np.testing.assert_array_equal(restored.params["w"], [4, 4, 4])
    assert again.log == run.log == [json.loads(line) for line in said]
    assert (tmp_path / "log.jsonl").read_text() == "".join(line + "\n" for line in said)
    kept = sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
    assert kept == [2, 4]


def test_a_new_run_starts_with_what_it_is_given(tmp_path: Path) -> None:
    run, begin = Run(tmp_path / "new", print), state(0)
    assert run.restore_last(begin) is begin
    assert run.log == []
