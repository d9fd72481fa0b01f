r"""Train the expression classifier on FER-2013 and FER+.

    python -m training.train fer2013.csv --votes fer2013new.csv \
        --preset cpu --run runs/cpu

The same command runs on a CPU, a GPU or a TPU and uses every device it sees. An interrupted run
continues from its last checkpoint when the command is given again. RUN/best.npz and RUN/best.json
are the model of the best epoch, ready for `fervid analyze --weights RUN/best`.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference
from training import fer2013
from training.answers import NO_FACES, StoredAnswers
from training.beginning import LoadedModel, before, beginning, copy_weights
from training.command_line import (
    PATH,
    cpu_devices_option,
    faces_option,
    fer2013_argument,
    help_of,
    onednn_option,
    preset_option,
    run_option,
    settings_option,
    votes_option,
)
from training.convolution import speed_up_gradients
from training.covered import covered_scores
from training.devices import check_batch, data_mesh, replicate, shard_batch, split_cpu
from training.evaluate import Logits, accuracy, fit_calibration, macro_recall, predict_logits
from training.onednn import onednn_forward
from training.onednn_inference import onednn_answers
from training.presets import PRESETS, Recipe
from training.release import write_model
from training.rows import training_rows
from training.run import Line, Run, rounded, same_run
from training.settings import with_settings
from training.state import (
    averaged_model,
    create,
    epoch_order,
    split_model,
)
from training.statistics import recompute_statistics, spread
from training.step import make_optimizer, make_step
from training.unlabelled import unlabelled_faces


def train(
    data: fer2013.Fer2013,
    recipe: Recipe,
    folder: Path,
    *,
    teachers: Sequence[LoadedModel] = (),
    answers: StoredAnswers | None = None,
    start: LoadedModel | None = None,
    faces: NDArray[np.uint8] = NO_FACES,
    command: str = "training.train.train",
    report: Callable[[str], Any] = click.echo,
    onednn: bool = False,
) -> Path:
    """Run or continue a training.

    Args:
        data: all splits. Training images that are also in a test split are left out; PublicTest
            chooses the best epoch; PrivateTest is not used.
        recipe: settings of the training.
        folder: folder of the run. An existing run is continued if it began with the same recipe,
            teachers, answers and start. Only the number of epochs may change; the rate then follows
            the new length.
        teachers: models to distil from, asked in every step.
        answers: stored answers of teachers, to distil from instead; their faces without labels
            join the data.
        start: model whose weights the run starts from, instead of random ones; of a wider network,
            the most important channels are used.
        faces: (M, 48, 48) uint8 without labels, which join the data; they need `teachers`.
        command: how the training was started, for the model card.
        report: called with a line of JSON for each epoch.
        onednn: whether oneDNN computes the layers instead of XLA.

    Returns:
        The stem of the best epoch's model: `folder`/best, with .npz and .json.

    Raises:
        FervidError: the loss became NaN, there is too little data for one batch, the devices cannot
            share a batch evenly, the start is neither of the recipe's shape nor wider, the answers
            belong to other images, or the folder contains another run.
    """
    if teachers and answers:
        raise FervidError("give teachers or their stored answers, not both")
    if len(faces) and not teachers:
        raise FervidError("faces without labels need --teacher; stored answers have their own")
    mesh = data_mesh()
    check_batch(recipe.batch, mesh)
    train_set, public = fer2013.without_leaks(data), data.split("PublicTest")
    if len(train_set) < recipe.batch or not len(public):
        raise FervidError(
            f"{len(train_set)} training and {len(public)} PublicTest images are too few for "
            f"batches of {recipe.batch}"
        )
    rows, drawn = training_rows(train_set, recipe, answers, faces)
    steps = len(rows.images) // recipe.batch
    dtype = jnp.bfloat16 if recipe.precision == "bfloat16" else None
    model = ExpressionNet(recipe.shape, dtype=dtype, rngs=nnx.Rngs(recipe.seed))
    if start:
        copy_weights(start, model, recipe.shape)
    trunk, onednn_teachers = None, []
    if onednn:
        whole = partial(ExpressionNet.trunk, stages=len(recipe.net.stages))
        trunk = onednn_forward(model, whole, mesh)
        onednn_teachers = [onednn_answers(teacher, mesh) for teacher, _ in teachers]
    elif jax.default_backend() == "cpu":
        speed_up_gradients(model, mesh)
    graph, params, stats, rest = split_model(model)
    optimizer = make_optimizer(recipe, steps)
    same_run(folder, beginning(recipe, teachers, answers, start, faces), before(), free=("epochs",))
    run = Run(folder, report)
    state = run.restore_last(replicate(mesh, create(params, stats, optimizer)))
    by_xla = [] if onednn else teachers
    split = [nnx.split(for_inference(teacher)) for teacher, _ in by_xla]
    graphs = [graph for graph, _ in split]
    step = make_step(graph, rest, optimizer, recipe, graphs, trunk, onednn_teachers)
    on_device, taught = replicate(mesh, (rows, [state for _, state in split]))
    key = jax.random.key(recipe.seed)
    while len(run.log) < recipe.epochs and not _out_of_patience(run.log, recipe.patience):
        epoch, began = len(run.log), time.perf_counter()
        metrics = []
        if answers:
            on_device = replicate(mesh, on_device.seen_by_teachers(answers, epoch))
        for batch in epoch_order(recipe.seed, epoch, len(rows.images), recipe.batch, drawn):
            state, metric = step(state, on_device, shard_batch(mesh, batch), taught, key)
            metrics.append(metric)
        loss, right = np.asarray(jnp.stack(metrics).mean(axis=0), np.float64)
        if not np.isfinite(loss):
            raise FervidError(f"the loss became {loss} in epoch {epoch + 1}; lower the rate")
        model = averaged_model(graph, state, rest)
        recompute_statistics(model, spread(train_set.images))
        logits = predict_logits(model, public.images)
        line = {"epoch": epoch + 1, "loss": float(loss), "train_fer": float(right)}
        line |= _scores(logits, public)
        line = rounded(line | (covered_scores(model, public.images) if model.covered else {}))
        if all(line["public_fer"] >= past["public_fer"] for past in run.log):
            write_model(folder / "best", model, _card(logits, public, recipe, command))
        line |= rounded({"seconds": time.perf_counter() - began})
        run.save(state, line, line["public_fer"])
    return folder / "best"


def _out_of_patience(log: list[Line], patience: int) -> bool:
    """Whether the last `patience` epochs were not better than the epochs before them."""
    scores = [line["public_fer"] for line in log]
    return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])


def _scores(logits: Logits, public: fer2013.Fer2013) -> Line:
    """Accuracy and macro recall of both heads on PublicTest in one forward pass.

    The FER+ head is compared with the majority and needs votes.
    """
    majority = public.ferplus_majority()
    heads = {"public_fer": (logits.fer[0], public.labels.astype(np.int64))}
    if (majority >= 0).any():
        heads["public_ferplus"] = (logits.ferplus[0], majority)
    line: Line = {}
    for name, (outputs, target) in heads.items():
        outputs, target = outputs[target >= 0], target[target >= 0]
        line[name] = float((outputs.argmax(1) == target).mean())
        line[f"{name}_recall"] = macro_recall(outputs, target)
    return line


def _card(logits: Logits, public: fer2013.Fer2013, recipe: Recipe, command: str) -> dict[str, Any]:
    """The card with which `fervid analyze --weights` can use a model, calibrated on PublicTest."""
    return {
        "version": "unreleased",
        "task": "seven expressions of a 48x48 luma face; FER-2013 and FER+ heads on one trunk",
        "config": asdict(recipe.shape),
        "calibration": asdict(fit_calibration(logits, public)),
        "public_test": {
            "fer_accuracy": accuracy(logits.fer[0].argmax(1) == public.labels),
            "fer_macro_recall": macro_recall(logits.fer[0], public.labels),
        },
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "net"},
        "command": command,
    }


@click.command(help=help_of(__doc__))
@fer2013_argument
@votes_option
@preset_option(PRESETS)
@run_option("runs/classifier")
@click.option("--teacher", "teachers", multiple=True, help="Distil from this model; repeatable.")
@click.option(
    "--answers",
    type=PATH,
    help="Distil from the answers that training.teach has stored, without running teachers.",
)
@click.option(
    "--start",
    help="Start from this model's weights; of a wider one, use the most important channels.",
)
@faces_option
@settings_option
@onednn_option
@cpu_devices_option
def main(
    data: Path,
    votes: Path | None,
    preset: str,
    folder: Path,
    teachers: tuple[str, ...],
    answers: Path | None,
    start: str | None,
    faces: tuple[Path, ...],
    settings: tuple[str, ...],
    onednn: bool,
    cpu_devices: int | None,
) -> None:
    """Read the data, train, and print where the model is."""
    try:
        recipe = with_settings(PRESETS[preset](), settings)
        split_cpu(cpu_devices, recipe.batch)
        everything = fer2013.load(data, votes)
        command = shlex.join(["python", "-m", "training.train", *sys.argv[1:]])
        best = train(
            everything,
            recipe,
            folder,
            teachers=[load_model(name) for name in teachers],
            answers=StoredAnswers.open(answers) if answers else None,
            start=load_model(start) if start else None,
            faces=unlabelled_faces(faces),
            command=command,
            onednn=onednn,
        )
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"best epoch: {best}.npz, {best}.json")


if __name__ == "__main__":
    main()
