"""A training run on disk: the best and the last Orbax checkpoint, each with its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp

from fervid.errors import FervidError
from training.atomic import whole_file
from training.state import TrainState

Line = dict[str, float]
LOG_NAME = "log.jsonl"


def rounded(line: Line) -> Line:
    """A line with four decimals, enough to distinguish any two counts of a test split."""
    return {name: round(value, 4) for name, value in line.items()}


class Run:
    """Saves and restores a run; files on disk are always complete.

    Attributes:
        log: one line for each save; a resumed run keeps the lines up to its state.
    """

    def __init__(self, folder: Path, report: Callable[[str], Any]) -> None:
        """Open or start the run in a folder; `report` takes each line of the log as JSON."""
        self.folder = folder
        self.log: list[Line] = []
        self._report = report
        keep = ocp.training.preservation_policies
        best = keep.BestN(get_metric_fn=lambda metrics: metrics["score"], n=1)
        self._checkpointer = ocp.training.Checkpointer(
            (folder / "checkpoints").resolve(),
            preservation_policy=keep.AnyPreservationPolicy([keep.LatestN(1), best]),
        )

    def save(self, state: TrainState, line: Line, score: float) -> None:
        """Write a checkpoint and the log; the checkpoint with the highest score is also kept."""
        self.log.append(line)
        self._checkpointer.save(
            int(state.step),
            _leaves(state),
            force=True,
            metrics={"score": score},
            custom_metadata={"log": self.log},
        )
        text = "".join(json.dumps(entry) + "\n" for entry in self.log)
        with whole_file(self.folder / LOG_NAME) as file:
            file.write(text.encode())
        self._report(json.dumps(line))

    def restore_last(self, like: TrainState) -> TrainState:
        """The newest state on disk, or `like`, which defines structure, shapes and shardings."""
        newest = self._checkpointer.latest
        if newest is None:
            return like
        leaves = self._checkpointer.load(newest, _leaves(like))
        self.log = list(self._checkpointer.metadata(newest).custom_metadata["log"])
        state: TrainState = jax.tree.unflatten(jax.tree.structure(like), jax.tree.leaves(leaves))
        return state


def _leaves(state: TrainState) -> dict[str, Any]:
    """The state's leaves by number, independent of classes."""
    return {f"{i:04d}": leaf for i, leaf in enumerate(jax.tree.leaves(state))}


def same_run(
    folder: Path,
    mine: dict[str, Any],
    before: dict[str, Any] | None = None,
    free: Collection[str] = (),
) -> None:
    """Store how a run began, or compare with how an existing one began.

    Args:
        folder: folder of the run.
        mine: how it begins, ready for JSON.
        before: values of fields that runs from before these fields existed do not state.
        free: fields that may change when a run is continued; their new values are stored.

    Raises:
        FervidError: the folder contains a run that began differently.
    """
    path = folder / "recipe.json"
    theirs = mine
    if path.exists():
        theirs = _filled(json.loads(path.read_text("utf-8")), before or {})
    for name, value in mine.items():
        if theirs.get(name) != value and name not in free:
            raise FervidError(
                f"{folder} contains a run with {name} {theirs.get(name)}, not {value}; give "
                "another --run folder"
            )
    if theirs != mine or not path.exists():
        with whole_file(path) as file:
            file.write(json.dumps(mine, indent=2).encode())


def _filled(values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Add the values of `before` that are missing, also in inner objects."""
    inner = {
        name: _filled(value, before[name])
        for name, value in values.items()
        if isinstance(value, dict) and isinstance(before.get(name), dict)
    }
    return before | values | inner
