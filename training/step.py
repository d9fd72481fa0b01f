"""The training step of the expression classifier, and its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from fervid.models.blocks import fold_luma
from training.losses import Logits
from training.objective import objective, share_right, show
from training.onednn import Forward
from training.presets import Recipe
from training.rows import TrainingSet
from training.state import TrainState, Tree, no_decay_mask, update


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
        methods = {
            "sgd": partial(optax.sgd, momentum=0.9, nesterov=True),
            "adam": optax.adam,
            "rmsprop": partial(optax.rmsprop, decay=0.9),
        }
        descent = [
            optax.add_decayed_weights(recipe.decay, mask=no_decay_mask),
            methods[recipe.optimizer](rate),
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
    onednn_teachers: Sequence[Callable[[jax.Array], Logits]] = (),
) -> Any:
    """The jitted training step: (state, data, rows, teachers, key) -> (state, losses).

    `rows` are (batch,) int32 rows of the `TrainingSet`, split over the mesh; `teachers` are the
    states that belong to `teacher_graphs`, who are asked in every step; the state is donated.
    Everything random follows from the key and the state's step number, views that teachers saw from
    the rows' own keys. With `trunk`, that computes `ExpressionNet.trunk`, all stages.
    `onednn_teachers` are further teachers, which need no states.
    """

    def loss_of(
        params: Tree, stats: Tree, batch: TrainingSet, teachers: list[Tree], key: jax.Array
    ) -> Any:
        augment_key, mixup_key, dropout_key = jax.random.split(key, 3)
        shown = show(recipe, batch, augment_key, mixup_key)
        model = nnx.merge(graph, params, stats, rest, copy=True)
        model.train()
        rngs, stages = nnx.Rngs(dropout=dropout_key), len(model.stages)
        if trunk is None:
            features = model.features(shown.images, stages)
            after = nnx.state(model, nnx.BatchStat)
        else:
            features, after = trunk(params, stats, fold_luma(shown.images, model.fold))
        logits: Logits = model.answers(features, stages, rngs=rngs)
        unreadable = model.unreadable(features)
        asked = [nnx.merge(*teacher) for teacher in zip(teacher_graphs, teachers, strict=True)]
        loss = objective(recipe, logits, shown, [*asked, *onednn_teachers], unreadable)
        right = share_right(logits, jnp.asarray(batch.labels))
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
