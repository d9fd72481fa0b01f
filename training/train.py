"""Train the expression classifier on FER-2013 and FER+.

    python -m training.train fer2013.csv --votes fer2013new.csv --preset cpu --run runs/c

An interrupted run continues from its newest checkpoint when the same command is given again.

Preset `cpu`, measured on one core of an AVX2 server beside other work: 50 epochs in 100 minutes,
PublicTest 65.8% (66.4% with mirroring), FER+ majority 83.9% (84.7%).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet
from fervid.records import EXPRESSIONS
from training import fer2013
from training.augment import augment_faces, mixup
from training.evaluate import predict_logits
from training.presets import PRESETS, Recipe
from training.release import save_candidate
from training.state import (
    Checkpoints,
    TrainState,
    Tree,
    create,
    data_mesh,
    epoch_order,
    no_decay_mask,
    replicate,
    shard_batch,
    split_model,
    update,
)


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> optax.GradientTransformation:
    """SGD-Nesterov with clipping, weight decay on kernels, warm-up and cosine."""
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=recipe.rate / 20,
        peak_value=recipe.rate,
        warmup_steps=int(recipe.warmup_epochs * steps_per_epoch),
        decay_steps=recipe.epochs * steps_per_epoch,
    )
    return optax.chain(
        optax.clip_by_global_norm(5.0),
        optax.add_decayed_weights(recipe.decay, mask=no_decay_mask),
        optax.sgd(schedule, momentum=0.9, nesterov=True),
    )


def make_step(graph: Any, rest: Tree, optimizer: Any, recipe: Recipe) -> Any:
    """The jitted training step: (state, batch, key) -> (state, loss)."""

    def loss_of(params: Tree, stats: Tree, batch: dict[str, jax.Array], key: jax.Array) -> Any:
        augment_key, mixup_key, dropout_key = jax.random.split(key, 3)
        model = nnx.merge(graph, params, stats, rest, copy=True)
        model.train()
        images = augment_faces(augment_key, batch["images"])
        hard_target = optax.smooth_labels(
            jax.nn.one_hot(batch["labels"], len(EXPRESSIONS)), recipe.smoothing
        )
        targets = [hard_target, batch["votes"]]
        if recipe.mixup:
            images, targets = mixup(mixup_key, images, targets, recipe.mixup)
        fer, ferplus = model(images, rngs=nnx.Rngs(dropout=dropout_key))
        hard = optax.softmax_cross_entropy(fer, targets[0]).mean()
        soft = optax.softmax_cross_entropy(ferplus, targets[1]).mean()
        return hard + recipe.votes_weight * soft, nnx.state(model, nnx.BatchStat)

    def step(
        state: TrainState, batch: dict[str, jax.Array], key: jax.Array
    ) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(key, state.step)
        grad = jax.value_and_grad(loss_of, has_aux=True)
        (loss, stats), grads = grad(state.params, state.stats, batch, key)
        return update(state, grads, stats, optimizer, recipe.ema), loss

    return jax.jit(step, donate_argnums=0)


def train(data: fer2013.Fer2013, recipe: Recipe, folder: Path, report: Any = click.echo) -> Path:
    """Run or continue a training; the newest averaged weights are `folder`/candidate.npz.

    Raises:
        FervidError: the loss became NaN.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train_set, public = fer2013.without_leaks(data), data.split("PublicTest")
    shares = train_set.vote_shares()
    steps = len(train_set) // recipe.batch
    model = ExpressionNet(recipe.net, rngs=nnx.Rngs(recipe.seed))
    graph, params, stats, rest = split_model(model)
    optimizer = make_optimizer(recipe, steps)
    mesh = data_mesh()
    state = replicate(mesh, create(params, stats, optimizer))
    checkpoints = Checkpoints(folder / "checkpoints")
    state = checkpoints.restore(state) or state
    step = make_step(graph, rest, optimizer, recipe)
    key = jax.random.key(recipe.seed)
    candidate = folder / "candidate.npz"
    for epoch in range(int(state.step) // steps, recipe.epochs):
        began, losses = time.perf_counter(), []
        for rows in epoch_order(recipe.seed, epoch, len(train_set), recipe.batch):
            batch = {
                "images": train_set.images[rows],
                "labels": train_set.labels[rows],
                "votes": shares[rows],
            }
            state, loss = step(state, shard_batch(mesh, batch), key)
            losses.append(loss)
        mean_loss = float(jnp.stack(losses).mean())
        if not np.isfinite(mean_loss):
            raise FervidError(f"the loss became {mean_loss} in epoch {epoch}; lower the rate")
        checkpoints.save(state)
        model = nnx.merge(graph, state.ema, state.stats, rest, copy=True)
        save_candidate(candidate, model)
        line = {"epoch": epoch + 1, "loss": mean_loss, **_scores(model, public)}
        line["seconds"] = time.perf_counter() - began
        report(json.dumps({name: round(value, 4) for name, value in line.items()}))
    return candidate


def _scores(model: ExpressionNet, public: fer2013.Fer2013) -> dict[str, float]:
    logits = predict_logits(model, public.images)
    majority = public.ferplus_majority()
    counted = majority >= 0
    return {
        "public_fer": float((logits.fer[0].argmax(1) == public.labels).mean()),
        "public_ferplus": float((logits.ferplus[0].argmax(1) == majority)[counted].mean()),
    }


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--votes", type=click.Path(path_type=Path), help="FER+'s fer2013new.csv.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="cpu", show_default=True)
@click.option("--run", "folder", type=click.Path(path_type=Path), default=Path("runs/classifier"))
def main(data: Path, votes: Path | None, preset: str, folder: Path) -> None:
    """Read the data, train, say where the weights are."""
    try:
        candidate = train(fer2013.load(data, votes), PRESETS[preset], folder)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"averaged weights: {candidate}")


if __name__ == "__main__":
    main()
