"""A training run on disk: Orbax checkpoints, the best and the last, each with the log up to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from training.atomic import whole_file
from training.state import TrainState

Line = dict[str, float]
LOG_NAME = "log.jsonl"


class Run:
    """Saves and restores a run; what is on disk is always whole.

    Attributes:
        log: one line for each save so far; a resumed run goes on with the lines up to its state.
    """

    def __init__(self, folder: Path, report: Callable[[str], Any]) -> None:
        """Open or start the run in a folder; `report` gets each line of the log as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log: list[Line] = []
        self._report = report
        options = ocp.CheckpointManagerOptions(
            preservation_policy=AnyPreservationPolicy(
                [LatestN(1), BestN(get_metric_fn=lambda metrics: metrics["score"], n=1)]
            ),
            best_fn=lambda metrics: metrics["score"],
            enable_async_checkpointing=False,
        )
        self._manager = ocp.CheckpointManager((folder / "checkpoints").resolve(), options=options)

    def save(self, state: TrainState, line: Line, score: float) -> None:
        """Write a checkpoint and the log; the checkpoint of the highest score is kept, too."""
        self.log.append(line)
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(_leaves(state)), log=ocp.args.JsonSave({"lines": self.log})
        )
        self._manager.save(int(state.step), args=args, metrics={"score": score})
        text = "".join(json.dumps(entry) + "\n" for entry in self.log)
        with whole_file(self.folder / LOG_NAME) as file:
            file.write(text.encode())
        self._report(json.dumps(line))

    def restore_last(self, like: TrainState) -> TrainState:
        """The newest state on disk, or `like`, which gives structure, shapes and shardings."""
        step = self._manager.latest_step()
        return like if step is None else self._restore(step, like)

    def restore_best(self, like: TrainState) -> TrainState:
        """The state of the highest score on disk, or `like`."""
        step = self._manager.best_step()
        return like if step is None else self._restore(step, like)

    def _restore(self, step: int, like: TrainState) -> TrainState:
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore(_leaves(like)), log=ocp.args.JsonRestore()
        )
        restored = self._manager.restore(step, args=args)
        self.log = list(restored.log["lines"])
        state: TrainState = jax.tree.unflatten(
            jax.tree.structure(like), jax.tree.leaves(restored.state)
        )
        return state


def _leaves(state: TrainState) -> dict[str, Any]:
    """The state's leaves by number: independent of the classes that hold them."""
    return {f"{i:04d}": leaf for i, leaf in enumerate(jax.tree.leaves(state))}
