"""The training step of the expression classifier, and its data on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

from fervid.models.blocks import fold_luma
from fervid.records import EXPRESSIONS
from training import fer2013
from training.augment import augment_faces, mixup
from training.losses import Logits, distillation, supervised
from training.onednn import Forward
from training.presets import Recipe
from training.state import TrainState, Tree, no_decay_mask, update


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingSet:
    """The N training rows, on every device.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) int32.
        votes: (N, 7) float32 shares of FER+ votes; 0 if there are none.
        weights: (N,) float32 weight of each row's label, 1 on average.
    """

    images: jax.Array | NDArray[np.uint8]
    labels: jax.Array | NDArray[np.int32]
    votes: jax.Array | NDArray[np.float32]
    weights: jax.Array | NDArray[np.float32]

    @classmethod
    def of(cls, rows: fer2013.Fer2013, weights: NDArray[np.float64]) -> TrainingSet:
        """Put rows and their weights on the devices."""
        return cls(rows.images, rows.labels, rows.vote_shares(), weights.astype(np.float32))


def row_weights(labels: NDArray[np.int32], power: float) -> NDArray[np.float64]:
    """(N,) float64, class frequency to the power of `-power`, 1 on average."""
    frequency = np.bincount(labels, minlength=len(EXPRESSIONS)) / len(labels)
    weights = np.maximum(frequency, 1e-9)[labels] ** -power
    return np.asarray(weights / weights.mean(), np.float64)


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> optax.GradientTransformation:
    """The recipe's optimiser with clipping, weight decay on kernels, warm-up and schedule."""
    warmup = int(recipe.warmup_epochs * steps_per_epoch)
    rate: Any
    if recipe.schedule == "cosine":
        total = recipe.epochs * steps_per_epoch
        rate = optax.warmup_cosine_decay_schedule(recipe.rate / 20, recipe.rate, warmup, total)
    else:
        rate = optax.linear_schedule(recipe.rate / 20, recipe.rate, warmup)
    if recipe.optimizer == "adamw":
        descent = [optax.adamw(rate, weight_decay=recipe.decay, mask=no_decay_mask)]
    else:
        descent = [
            optax.add_decayed_weights(recipe.decay, mask=no_decay_mask),
            optax.sgd(rate, momentum=0.9, nesterov=True),
        ]
    if recipe.schedule == "plateau":
        descent.append(
            optax.contrib.reduce_on_plateau(
                factor=0.75, patience=5, accumulation_size=steps_per_epoch
            )
        )
    return optax.chain(optax.clip_by_global_norm(recipe.clip), *descent)


def make_step(
    graph: Any,
    rest: Tree,
    optimizer: Any,
    recipe: Recipe,
    teacher_graphs: Sequence[Any] = (),
    trunk: Forward | None = None,
) -> Any:
    """The jitted training step: (state, data, rows, teachers, key) -> (state, losses).

    `rows` are (batch,) int32 rows of the `TrainingSet`, split over the mesh; `teachers` are the
    states that belong to `teacher_graphs`; the state is donated. Everything random follows from the
    key and the state's step number. With `trunk`, that computes `ExpressionNet.trunk`, all stages.
    """

    def loss_of(
        params: Tree, stats: Tree, batch: TrainingSet, teachers: list[Tree], key: jax.Array
    ) -> Any:
        augment_key, mixup_key, dropout_key = jax.random.split(key, 3)
        images = augment_faces(augment_key, jnp.asarray(batch.images))
        labels = jax.nn.one_hot(batch.labels, len(EXPRESSIONS))
        targets = [optax.smooth_labels(labels, recipe.smoothing), jnp.asarray(batch.votes)]
        if recipe.mixup:
            images, targets = mixup(mixup_key, images, targets, recipe.mixup)
        model = nnx.merge(graph, params, stats, rest, copy=True)
        model.train()
        rngs, stages = nnx.Rngs(dropout=dropout_key), len(model.stages)
        if trunk is None:
            logits: Logits = model(images, rngs=rngs)
            after = nnx.state(model, nnx.BatchStat)
        else:
            features, after = trunk(params, stats, fold_luma(images, model.fold))
            logits = model.answers(features, stages, rngs=rngs)
        weights = jnp.asarray(batch.weights)
        loss = supervised(logits, targets[0], targets[1], weights, recipe.votes_weight)
        if teachers:
            taught = [
                nnx.merge(teacher_graph, teacher)(images)
                for teacher_graph, teacher in zip(teacher_graphs, teachers, strict=True)
            ]
            divergence = distillation(
                logits, taught, recipe.distill_temperature, recipe.votes_weight
            )
            loss = (1 - recipe.distill_weight) * loss + recipe.distill_weight * divergence
        right = (logits[0].argmax(axis=1) == batch.labels).mean()
        return loss, (after, right)

    def step(
        state: TrainState, data: TrainingSet, rows: jax.Array, teachers: list[Tree], key: jax.Array
    ) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(key, state.step)
        batch = jax.tree.map(lambda column: column[rows], data)
        grad = jax.value_and_grad(loss_of, has_aux=True)
        (loss, (stats, right)), grads = grad(state.params, state.stats, batch, teachers, key)
        return update(state, grads, stats, optimizer, recipe.ema, loss), jnp.stack([loss, right])

    return jax.jit(step, donate_argnums=0)
