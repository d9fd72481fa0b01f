"""Train the expression classifier on FER-2013 and FER+.

    python -m training.train fer2013.csv --votes fer2013new.csv --preset cpu --run runs/cpu

The same command runs on a CPU, a GPU or a TPU and uses every device it sees. An interrupted run
continues from its last checkpoint when the command is given again. RUN/best.npz and RUN/best.json
are the model of the best epoch, ready for `fervid analyze --weights RUN/best`.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

from fervid.classifier import load_model
from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet
from fervid.records import EXPRESSIONS
from training import fer2013
from training.atomic import whole_file
from training.augment import augment_faces, mixup
from training.convolution import speed_up_gradients
from training.evaluate import accuracy, fit_calibration, predict_logits
from training.losses import Logits, distillation, supervised
from training.presets import PRESETS, Recipe
from training.release import write_model
from training.run import Line, Run
from training.state import (
    TrainState,
    Tree,
    averaged_model,
    create,
    data_mesh,
    epoch_order,
    no_decay_mask,
    replicate,
    shard_batch,
    split_model,
    update,
)

Teachers = list[tuple[Any, Tree]]
"""Graph definition and state of each teacher, in evaluation mode."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingSet:
    """The training rows as the step reads them, on every device; N rows.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) int32.
        votes: (N, 7) float32 shares of FER+ votes, 0 where there are none.
        weights: (N,) float32 weight of each row's label, 1 on average.
    """

    images: jax.Array | NDArray[np.uint8]
    labels: jax.Array | NDArray[np.int32]
    votes: jax.Array | NDArray[np.float32]
    weights: jax.Array | NDArray[np.float32]


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
    graph: Any, rest: Tree, optimizer: Any, recipe: Recipe, teacher_graphs: Sequence[Any] = ()
) -> Any:
    """The jitted training step: (state, data, rows, teachers, key) -> (state, losses).

    `rows` are (batch,) int32 rows of the `TrainingSet`, split over the mesh; `teachers` are the
    states that belong to `teacher_graphs`; the state is donated. Everything random follows from the
    key and the state's step number.
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
        logits: Logits = model(images, rngs=nnx.Rngs(dropout=dropout_key))
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
        return loss, (nnx.state(model, nnx.BatchStat), right)

    def step(
        state: TrainState, data: TrainingSet, rows: jax.Array, teachers: list[Tree], key: jax.Array
    ) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(key, state.step)
        batch = jax.tree.map(lambda column: column[rows], data)
        grad = jax.value_and_grad(loss_of, has_aux=True)
        (loss, (stats, right)), grads = grad(state.params, state.stats, batch, teachers, key)
        return update(state, grads, stats, optimizer, recipe.ema, loss), jnp.stack([loss, right])

    return jax.jit(step, donate_argnums=0)


def load_teachers(models: Sequence[str | Path]) -> Teachers:
    """Models by name or path, as teachers.

    Raises:
        FervidError: there is no such model, or it is damaged.
    """
    return [nnx.split(load_model(name)[0]) for name in models]


def train(
    data: fer2013.Fer2013,
    recipe: Recipe,
    folder: Path,
    *,
    teachers: Teachers | None = None,
    command: str = "training.train.train",
    report: Callable[[str], Any] = click.echo,
) -> Path:
    """Run or continue a training.

    Args:
        data: all splits; training images that are also in a test split are left out, PublicTest
            chooses the best epoch, PrivateTest is not looked at.
        recipe: what to do.
        folder: of the run; a run that is there is continued, with the same recipe.
        teachers: models to distil from, see `load_teachers`.
        command: how the training was started, for the model card.
        report: gets a line of JSON for each epoch.

    Returns:
        The stem of the best epoch's model: `folder`/best, with .npz and .json.

    Raises:
        FervidError: the loss became NaN, or the data are too few for one batch.
    """
    train_set, public = fer2013.without_leaks(data), data.split("PublicTest")
    steps = len(train_set) // recipe.batch
    if not steps or not len(public):
        raise FervidError(
            f"{len(train_set)} training and {len(public)} PublicTest images are too few for "
            f"batches of {recipe.batch}"
        )
    _same_recipe(folder, recipe)
    dtype = jnp.bfloat16 if recipe.precision == "bfloat16" else None
    model = ExpressionNet(recipe.net, dtype=dtype, rngs=nnx.Rngs(recipe.seed))
    mesh = data_mesh()
    if jax.default_backend() == "cpu":
        speed_up_gradients(model, mesh)
    graph, params, stats, rest = split_model(model)
    optimizer = make_optimizer(recipe, steps)
    run = Run(folder, report)
    state = run.restore_last(replicate(mesh, create(params, stats, optimizer)))
    graphs, teacher_states = zip(*teachers, strict=True) if teachers else ((), ())
    step = make_step(graph, rest, optimizer, recipe, graphs)
    weights = row_weights(train_set.labels, recipe.balance)
    sampling = recipe.balance > 0 and recipe.balance_by == "sampling"
    on_device, taught = replicate(
        mesh,
        (
            TrainingSet(
                train_set.images,
                train_set.labels,
                train_set.vote_shares(),
                np.ones(len(train_set), np.float32) if sampling else weights.astype(np.float32),
            ),
            list(teacher_states),
        ),
    )
    key = jax.random.key(recipe.seed)
    while len(run.log) < recipe.epochs and not _out_of_patience(run.log, recipe.patience):
        epoch, began = len(run.log), time.perf_counter()
        drawn = weights / weights.sum() if sampling else None
        metrics = []
        for rows in epoch_order(recipe.seed, epoch, len(train_set), recipe.batch, drawn):
            state, metric = step(state, on_device, shard_batch(mesh, rows), taught, key)
            metrics.append(metric)
        loss, right = np.asarray(jnp.stack(metrics).mean(axis=0), np.float64)
        if not np.isfinite(loss):
            raise FervidError(f"the loss became {loss} in epoch {epoch + 1}; lower the rate")
        model = averaged_model(graph, state, rest)
        line = {"epoch": epoch + 1, "loss": float(loss), "train_fer": float(right)}
        line = _rounded(line | _scores(model, public))
        if all(line["public_fer"] >= past["public_fer"] for past in run.log):
            _write_best(folder / "best", model, public, recipe, command)
        line |= _rounded({"seconds": time.perf_counter() - began})
        run.save(state, line, line["public_fer"])
    return folder / "best"


def _out_of_patience(log: list[Line], patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing better than the epochs before them."""
    scores = [line["public_fer"] for line in log]
    return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])


def _rounded(line: Line) -> Line:
    return {name: round(value, 4) for name, value in line.items()}


def _scores(model: ExpressionNet, public: fer2013.Fer2013) -> Line:
    """Accuracies of one forward pass of both heads on PublicTest; of FER+ where there are votes."""
    logits = predict_logits(model, public.images)
    scores = {"public_fer": float((logits.fer[0].argmax(1) == public.labels).mean())}
    majority = public.ferplus_majority()
    if (majority >= 0).any():
        hits = logits.ferplus[0].argmax(1) == majority
        scores["public_ferplus"] = float(hits[majority >= 0].mean())
    return scores


def _write_best(
    stem: Path, model: ExpressionNet, public: fer2013.Fer2013, recipe: Recipe, command: str
) -> None:
    """A model that `fervid analyze --weights` can use, calibrated on PublicTest."""
    logits = predict_logits(model, public.images)
    card = {
        "version": "unreleased",
        "task": "seven expressions of a 48x48 luma face; FER-2013 and FER+ heads on one trunk",
        "config": asdict(recipe.net),
        "calibration": asdict(fit_calibration(logits, public)),
        "public_test": {"fer_accuracy": accuracy(logits.fer[0].argmax(1) == public.labels)},
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "net"},
        "command": command,
    }
    write_model(stem, model, card)


def _same_recipe(folder: Path, recipe: Recipe) -> None:
    """Remember the recipe of a run; a run goes on only with the one it began with."""
    path = folder / "recipe.json"
    mine = json.loads(json.dumps(asdict(recipe)))
    if not path.exists():
        with whole_file(path) as file:
            file.write(json.dumps(mine, indent=2).encode())
        return
    theirs = json.loads(path.read_text("utf-8"))
    for name, value in mine.items():
        if theirs.get(name) != value:
            raise FervidError(
                f"{folder} holds a run with {name} {theirs.get(name)}, not {value}; "
                "give another --run folder"
            )


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with some fields replaced, each written NAME=VALUE.

    Raises:
        FervidError: no such field, or a value of another type.
    """
    for setting in settings:
        name, _, text = setting.partition("=")
        known = {k: v for k, v in vars(recipe).items() if k != "net"}
        if name not in known:
            raise FervidError(f"no setting {name}; there are {', '.join(known)}")
        choices = get_args(get_type_hints(Recipe)[name])
        try:
            value = type(known[name])(text)
        except ValueError:
            value = None
        if value is None or (choices and value not in choices):
            raise FervidError(f"{text!r} is no value of {name} (now {known[name]})")
        recipe = replace(recipe, **{name: value})
    return recipe


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--votes", type=click.Path(path_type=Path), help="FER+'s fer2013new.csv.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="cpu", show_default=True)
@click.option("--run", "folder", type=click.Path(path_type=Path), default=Path("runs/classifier"))
@click.option("--teacher", "teachers", multiple=True, help="Distil from this model; repeatable.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change the preset.")
@click.option("--cpu-devices", type=click.IntRange(min=1), help="Default: one a core, if no GPU.")
def main(
    data: Path,
    votes: Path | None,
    preset: str,
    folder: Path,
    teachers: tuple[str, ...],
    settings: tuple[str, ...],
    cpu_devices: int | None,
) -> None:
    """Read the data, train, say where the model is."""
    try:
        recipe = with_settings(PRESETS[preset](), settings)
        _split_cpu(cpu_devices, recipe.batch)
        everything = fer2013.load(data, votes)
        command = shlex.join(["python", "-m", "training.train", *sys.argv[1:]])
        best = train(everything, recipe, folder, teachers=load_teachers(teachers), command=command)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"best epoch: {best}.npz, {best}.json")


def _split_cpu(devices: int | None, batch: int) -> None:
    """One CPU device a core, since XLA runs a convolution on one core; the batch must divide."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = devices or max(k for k in range(1, (cores or 1) + 1) if batch % k == 0)
    # Devices wait for each other inside threads of XLA's pool: with one a core they may all wait.
    os.environ.setdefault("NPROC", str(4 * count))
    with suppress(RuntimeError):  # JAX has started, as in a notebook: its devices stay
        jax.config.update("jax_num_cpu_devices", count)
        # Steps that run into each other would wait for one another's threads, too.
        jax.config.update("jax_cpu_enable_async_dispatch", False)


if __name__ == "__main__":
    main()
