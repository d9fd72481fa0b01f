"""The training state of both networks: parameters, optimiser, averaged weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

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
    """Split a model into graph definition, parameters, batch statistics and the rest (dropout
    keys)."""
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
    loss: jax.Array | None = None,
) -> TrainState:
    """One optimiser step; the average warms up so that early weights are forgotten.

    Args:
        state: the state before; `stats` are the batch statistics after.
        grads: gradients of `state.params`.
        stats: running statistics after the step's forward pass.
        optimizer: the one that `state.opt_state` belongs to.
        decay: decay of the averaged weights; nearer to 1 means a longer memory.
        loss: () float32, for optimisers that follow it (reduction on a plateau).
    """
    extended = optax.with_extra_args_support(optimizer)
    updates, opt_state = extended.update(grads, state.opt_state, state.params, value=loss)
    params = optax.apply_updates(state.params, updates)
    warm = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    ema = jax.tree.map(lambda old, new: warm * old + (1.0 - warm) * new, state.ema, params)
    return TrainState(state.step + 1, params, stats, ema, opt_state)


def averaged_model(graph: Any, state: TrainState, rest: Tree) -> Any:
    """A separate model with the averaged weights, which are evaluated and shipped."""
    return nnx.merge(graph, state.ema, state.stats, rest, copy=True)


def no_decay_mask(params: Tree) -> Tree:
    """True for kernels; biases and the scales of normalisation are not decayed."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def epoch_order(
    seed: int, epoch: int, n: int, batch: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.int32]:
    """(n // batch, batch) int32 row numbers in an order that depends only on seed and epoch.

    Without `weights`, each row occurs at most once. With (n,) weights, which sum to 1, rows are
    drawn with replacement.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(n) if weights is None else rng.choice(n, n, p=weights)
    return order[: n // batch * batch].reshape(-1, batch).astype(np.int32)
