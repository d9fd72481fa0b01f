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
from flax import nnx

from fervid.classifier import load_model
from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference
from training import fer2013
from training.atomic import whole_file
from training.convolution import speed_up_gradients
from training.evaluate import Logits, accuracy, fit_calibration, predict_logits
from training.presets import PRESETS, Recipe
from training.release import write_model
from training.run import Line, Run, rounded
from training.state import (
    Tree,
    averaged_model,
    create,
    data_mesh,
    epoch_order,
    replicate,
    shard_batch,
    split_model,
)
from training.step import TrainingSet, make_optimizer, make_step, row_weights


@dataclass(frozen=True)
class Teacher:
    """A model to distil from.

    Attributes:
        sha256: of its file, by which a resumed run knows it again.
        graph, state: the network in evaluation mode.
    """

    sha256: str
    graph: Any
    state: Tree

    @classmethod
    def load(cls, name: str | Path) -> Teacher:
        """The model of that name or path.

        Raises:
            FervidError: there is no such model, or it is damaged.
        """
        model, card = load_model(name)
        return cls(card["sha256"], *nnx.split(for_inference(model)))


def train(
    data: fer2013.Fer2013,
    recipe: Recipe,
    folder: Path,
    *,
    teachers: Sequence[Teacher] = (),
    command: str = "training.train.train",
    report: Callable[[str], Any] = click.echo,
) -> Path:
    """Run or continue a training.

    Args:
        data: all splits; training images that are also in a test split are left out, PublicTest
            chooses the best epoch, PrivateTest is not looked at.
        recipe: what to do.
        folder: of the run; a run that is there is continued, with the same recipe and teachers.
        teachers: models to distil from.
        command: how the training was started, for the model card.
        report: gets a line of JSON for each epoch.

    Returns:
        The stem of the best epoch's model: `folder`/best, with .npz and .json.

    Raises:
        FervidError: the loss became NaN, the data are too few for one batch, the devices cannot
            share a batch evenly, or the folder holds another run.
    """
    mesh = data_mesh()
    if recipe.batch % mesh.size:
        raise FervidError(
            f"{mesh.size} devices cannot share batches of {recipe.batch} evenly; "
            f"try --set batch={-(-recipe.batch // mesh.size) * mesh.size}"
        )
    train_set, public = fer2013.without_leaks(data), data.split("PublicTest")
    steps = len(train_set) // recipe.batch
    if not steps or not len(public):
        raise FervidError(
            f"{len(train_set)} training and {len(public)} PublicTest images are too few for "
            f"batches of {recipe.batch}"
        )
    _same_run(folder, recipe, teachers)
    dtype = jnp.bfloat16 if recipe.precision == "bfloat16" else None
    model = ExpressionNet(recipe.net, dtype=dtype, rngs=nnx.Rngs(recipe.seed))
    if jax.default_backend() == "cpu":
        speed_up_gradients(model, mesh)
    graph, params, stats, rest = split_model(model)
    optimizer = make_optimizer(recipe, steps)
    run = Run(folder, report)
    state = run.restore_last(replicate(mesh, create(params, stats, optimizer)))
    step = make_step(graph, rest, optimizer, recipe, [teacher.graph for teacher in teachers])
    weights = row_weights(train_set.labels, recipe.balance)
    drawn = None
    if recipe.balance > 0 and recipe.balance_by == "sampling":
        drawn, weights = weights / weights.sum(), np.ones_like(weights)
    on_device, taught = replicate(
        mesh, (TrainingSet.of(train_set, weights), [teacher.state for teacher in teachers])
    )
    key = jax.random.key(recipe.seed)
    while len(run.log) < recipe.epochs and not _out_of_patience(run.log, recipe.patience):
        epoch, began = len(run.log), time.perf_counter()
        metrics = []
        for rows in epoch_order(recipe.seed, epoch, len(train_set), recipe.batch, drawn):
            state, metric = step(state, on_device, shard_batch(mesh, rows), taught, key)
            metrics.append(metric)
        loss, right = np.asarray(jnp.stack(metrics).mean(axis=0), np.float64)
        if not np.isfinite(loss):
            raise FervidError(f"the loss became {loss} in epoch {epoch + 1}; lower the rate")
        model = averaged_model(graph, state, rest)
        logits = predict_logits(model, public.images)
        line = {"epoch": epoch + 1, "loss": float(loss), "train_fer": float(right)}
        line = rounded(line | _scores(logits, public))
        if all(line["public_fer"] >= past["public_fer"] for past in run.log):
            write_model(folder / "best", model, _card(logits, public, recipe, command))
        line |= rounded({"seconds": time.perf_counter() - began})
        run.save(state, line, line["public_fer"])
    return folder / "best"


def _out_of_patience(log: list[Line], patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing better than the epochs before them."""
    scores = [line["public_fer"] for line in log]
    return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])


def _scores(logits: Logits, public: fer2013.Fer2013) -> Line:
    """Accuracies of one forward pass of both heads on PublicTest; of FER+ where there are votes."""
    scores = {"public_fer": float((logits.fer[0].argmax(1) == public.labels).mean())}
    majority = public.ferplus_majority()
    if (majority >= 0).any():
        hits = logits.ferplus[0].argmax(1) == majority
        scores["public_ferplus"] = float(hits[majority >= 0].mean())
    return scores


def _card(logits: Logits, public: fer2013.Fer2013, recipe: Recipe, command: str) -> dict[str, Any]:
    """What makes a model usable by `fervid analyze --weights`, calibrated on PublicTest."""
    return {
        "version": "unreleased",
        "task": "seven expressions of a 48x48 luma face; FER-2013 and FER+ heads on one trunk",
        "config": asdict(recipe.net),
        "calibration": asdict(fit_calibration(logits, public)),
        "public_test": {"fer_accuracy": accuracy(logits.fer[0].argmax(1) == public.labels)},
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "net"},
        "command": command,
    }


def _same_run(folder: Path, recipe: Recipe, teachers: Sequence[Teacher]) -> None:
    """Remember how a run began; it goes on only with the same recipe and teachers."""
    path = folder / "recipe.json"
    began_with = asdict(recipe) | {"teachers": [teacher.sha256 for teacher in teachers]}
    mine = json.loads(json.dumps(began_with))
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
        taught_by = [Teacher.load(name) for name in teachers]
        best = train(everything, recipe, folder, teachers=taught_by, command=command)
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
