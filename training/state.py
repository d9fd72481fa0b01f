"""Train state of both networks: split model, optimiser, averaged weights; saved with Orbax."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

Tree = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything a training step reads and returns; a pytree that is donated to the next step.

    Attributes:
        step: () int32, number of updates done.
        params: trained parameters.
        stats: running statistics of batch normalisation.
        ema: exponential moving average of `params`.
        opt_state: Optax state.
    """

    step: jax.Array
    params: Tree
    stats: Tree
    ema: Tree
    opt_state: Tree


def split_model(model: nnx.Module) -> tuple[Any, Tree, Tree, Tree]:
    """Graph definition, parameters, batch statistics and the rest (keys of dropout)."""
    graph, params, *others = nnx.split(model, nnx.Param, nnx.BatchStat, ...)
    stats, rest = others
    return graph, params, stats, rest


def create(params: Tree, stats: Tree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    ema = jax.tree.map(jnp.copy, params)
    return TrainState(jnp.zeros((), jnp.int32), params, stats, ema, optimizer.init(params))


def update(
    state: TrainState,
    grads: Tree,
    stats: Tree,
    optimizer: optax.GradientTransformation,
    decay: float,
) -> TrainState:
    """One optimiser step; the average warms up so that early weights are forgotten."""
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    warm = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    ema = jax.tree.map(lambda old, new: warm * old + (1.0 - warm) * new, state.ema, params)
    return TrainState(state.step + 1, params, stats, ema, opt_state)


def data_mesh() -> Mesh:
    """A one-axis mesh, named "data", over every visible device."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def shard_batch(mesh: Mesh, batch: Tree) -> Tree:
    """Put a batch of host arrays on the mesh, split along the first axis."""
    return jax.device_put(batch, NamedSharding(mesh, PartitionSpec("data")))


def replicate(mesh: Mesh, tree: Tree) -> Tree:
    """Put a tree on every device of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def no_decay_mask(params: Tree) -> Tree:
    """True for kernels; biases and the scales of normalisation are not decayed."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


class Checkpoints:
    """Last training states of a run on disk; saving never leaves a half-written one."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(folder.resolve(), options=options)

    def save(self, state: TrainState) -> None:
        """Write the state under its step number."""
        self._manager.save(int(state.step), args=ocp.args.StandardSave(_to_pure(state)))

    def restore(self, like: TrainState) -> TrainState | None:
        """The newest state on disk, or None; `like` gives structure, shapes and shardings."""
        step = self._manager.latest_step()
        if step is None:
            return None
        pure = _to_pure(like)
        restored = self._manager.restore(step, args=ocp.args.StandardRestore(pure))
        state: TrainState = jax.tree.unflatten(jax.tree.structure(like), jax.tree.leaves(restored))
        return state


def _to_pure(state: TrainState) -> dict[str, Any]:
    """The state's leaves by number: independent of the classes that hold them."""
    return {f"{i:04d}": leaf for i, leaf in enumerate(jax.tree.leaves(state))}


def epoch_order(seed: int, epoch: int, n: int, batch: int) -> np.ndarray:
    """(n // batch, batch) int64 row numbers in an order that depends on seed and epoch only."""
    order = np.random.default_rng([seed, epoch]).permutation(n)
    return order[: n // batch * batch].reshape(-1, batch)
