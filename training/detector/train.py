r"""Train the face detector on pictures with face boxes.

    python -m training.detector.train faces-*.parquet WIDER/ \
        --preset cpu --run runs/detector

The data are Parquet files and folders of WIDER FACE. The same command runs on a CPU, a GPU or a TPU
and uses every device it sees. An interrupted run continues from its newest checkpoint when the
command is given again. RUN/candidate.npz and RUN/candidate.json are the newest averaged weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

from fervid.detection.detector import FaceDetector
from fervid.errors import FervidError
from fervid.models.face_net import (
    N_POINTS,
    STRIDES,
    FaceNet,
    FaceNetConfig,
    cell_centers,
    decode,
    fold,
    place_points,
)
from fervid.records import PAD_MULTIPLE
from training.command_line import (
    cpu_devices_option,
    help_of,
    onednn_option,
    pictures_argument,
    preset_option,
    run_option,
    settings_option,
)
from training.convolution import speed_up_gradients
from training.detector.compose import batches
from training.detector.losses import losses, make_targets
from training.detector.pictures import Picture, load, training_part
from training.detector.presets import PRESETS, Recipe
from training.devices import check_batch, data_mesh, replicate, shard_batch, split_cpu
from training.onednn import Forward, onednn_forward
from training.release import write_model
from training.run import Run, rounded, same_run
from training.settings import with_settings
from training.state import (
    TrainState,
    Tree,
    averaged_model,
    create,
    no_decay_mask,
    split_model,
    update,
)
from training.statistics import recompute_statistics

_BATCHES_FOR_STATISTICS = 16


def make_step(forward: Forward, optimizer: Any, recipe: Recipe) -> Any:
    """The jitted training step: (state, batch) -> (state, losses).

    Args:
        forward: computes `FaceNet.outputs` in training mode, and the new statistics.
        optimizer: updates the parameters.
        recipe: weights of the losses.
    """

    def loss_of(params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> Any:
        outputs, stats = forward(params, stats, fold(batch["images"]))
        sums, counts = jnp.zeros(3), jnp.zeros(3)
        for level, (out, offsets) in enumerate(outputs):
            centers, boxes = decode(out, STRIDES[level])
            cells = out.shape[1]
            offsets = offsets.reshape(*offsets.shape[:3], N_POINTS, 2)
            points = place_points(offsets, cell_centers(cells, cells, STRIDES[level]), boxes)
            targets = make_targets(batch["boxes"], batch["points"], batch["kind"], cells, level)
            level_sums, level_counts = losses(centers, boxes, points, targets)
            sums, counts = sums + level_sums, counts + level_counts
        parts = sums / jnp.maximum(counts, 1.0)
        weights = jnp.array([1.0, recipe.box_weight, recipe.point_weight])
        return (weights * parts).sum(), (stats, parts)

    def step(state: TrainState, batch: dict[str, jax.Array]) -> Any:
        grad = jax.grad(loss_of, has_aux=True)
        grads, (stats, parts) = grad(state.params, state.stats, batch)
        return update(state, grads, stats, optimizer, recipe.ema), parts

    return jax.jit(step, donate_argnums=0)


def flax_forward(graph: Any, rest: Tree) -> Forward:
    """`FaceNet.outputs` in training mode as XLA computes it."""

    def forward(params: Tree, stats: Tree, images: jax.Array) -> tuple[Tree, Tree]:
        model = nnx.merge(graph, params, stats, rest, copy=True)
        return model.outputs(images), nnx.state(model, nnx.BatchStat)

    return forward


def make_optimizer(recipe: Recipe) -> optax.GradientTransformation:
    """AdamW with clipping: warm-up, a constant rate, and a linear fall to 0 at the end."""
    schedule = optax.join_schedules(
        [
            optax.linear_schedule(0.0, recipe.rate, recipe.warmup_steps),
            optax.constant_schedule(recipe.rate),
            optax.linear_schedule(recipe.rate, 0.0, max(recipe.cooldown_steps, 1)),
        ],
        [recipe.warmup_steps, recipe.steps - recipe.cooldown_steps],
    )
    return optax.chain(
        optax.clip_by_global_norm(10.0),
        optax.adamw(schedule, weight_decay=recipe.decay, mask=no_decay_mask),
    )


def train(
    pictures: list[Picture],
    recipe: Recipe,
    folder: Path,
    report: Callable[[str], Any] = click.echo,
    *,
    start: FaceDetector | None = None,
    onednn: bool = False,
) -> Path:
    """Run or continue a training; the newest averaged weights are in `folder`/candidate.

    Args:
        pictures: pictures for training, without held-out ones.
        recipe: settings of the training.
        folder: folder of the run. An existing run is continued if it began with the same recipe and
            start.
        report: called with a line of JSON for each checkpoint.
        start: detector whose weights the run starts from, instead of random ones.
        onednn: whether oneDNN computes the layers instead of XLA.

    Raises:
        FervidError: there are no pictures, the crops' size does not suit the network, the loss
            became NaN, the devices cannot share a batch evenly, the start has another shape, the
            folder contains another run, or oneDNN is not installed.
    """
    if not pictures:
        raise FervidError("no picture to train on: all of them are of held-out collections")
    if recipe.size % PAD_MULTIPLE:
        raise FervidError(f"the size {recipe.size} is not a multiple of {PAD_MULTIPLE}")
    mesh = data_mesh()
    check_batch(recipe.batch, mesh)
    model = FaceNet(recipe.net, rngs=nnx.Rngs(recipe.seed))
    if start:
        if FaceNetConfig.of_card(start.card) != recipe.net:
            raise FervidError("a network can start only from one of the same shape")
        nnx.update(model, jax.tree.map(jnp.copy, nnx.state(start.network)))
    model.set_attributes(deterministic=False, use_running_average=False, raise_if_not_found=False)
    if jax.default_backend() == "cpu" and not onednn:
        speed_up_gradients(model, mesh)
    graph, params, stats, rest = split_model(model)
    forward = onednn_forward(model, FaceNet.outputs, mesh) if onednn else flax_forward(graph, rest)
    optimizer = make_optimizer(recipe)
    began_as = asdict(recipe) | {"start": start.card["sha256"] if start else None}
    same_run(folder, dict(json.loads(json.dumps(began_as))))
    run = Run(folder, report)
    state = run.restore_last(replicate(mesh, create(params, stats, optimizer)))
    step = make_step(forward, optimizer, recipe)
    plain = _plain_crops(pictures, recipe)
    candidate = folder / "candidate"
    done, began = [], time.perf_counter()
    for number, batch in _feed(pictures, recipe, int(state.step)):
        state, parts = step(state, shard_batch(mesh, batch))
        done.append(parts)
        if number % recipe.save_every and number != recipe.steps:
            continue
        center, box, points = np.asarray(jnp.stack(done).mean(axis=0), np.float64)
        if not np.isfinite(center + box + points):
            raise FervidError(f"the loss became NaN before step {number}; lower the rate")
        averaged = averaged_model(graph, state, rest)
        recompute_statistics(averaged, plain, _everything)
        write_model(candidate, averaged, {"config": asdict(recipe.net), "min_score": 0.5})
        line = {"step": number, "center": center, "box": box, "points": points}
        run.save(state, rounded(line | {"seconds": time.perf_counter() - began}), score=number)
        done, began = [], time.perf_counter()
    return candidate


def _everything(model: FaceNet, images: jax.Array) -> jax.Array:
    """Call every layer of the network."""
    return model.outputs(fold(images))[0][0]


def _plain_crops(pictures: list[Picture], recipe: Recipe) -> NDArray[np.uint8]:
    """(16, batch, size, size) crops from a separate stream."""
    seed = recipe.seed + 1
    stream = batches(pictures, batch=recipe.batch, size=recipe.size, seed=seed, first_step=0)
    return np.stack([batch["images"] for batch in islice(stream, _BATCHES_FOR_STATISTICS)])


def _feed(
    pictures: list[Picture], recipe: Recipe, done: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbered batches from `done` + 1; the next batch is made while one is used."""
    source = batches(
        pictures, batch=recipe.batch, size=recipe.size, seed=recipe.seed, first_step=done
    )
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, source)
        for number in range(done + 1, recipe.steps + 1):
            batch = coming.result()
            coming = maker.submit(next, source)
            yield number, batch


@click.command(help=help_of(__doc__))
@pictures_argument
@preset_option(PRESETS)
@run_option("runs/detector")
@click.option("--start", help="Start from this detector's weights: a second stage.")
@settings_option
@onednn_option
@cpu_devices_option
def main(
    data: tuple[Path, ...],
    preset: str,
    folder: Path,
    start: str | None,
    settings: tuple[str, ...],
    onednn: bool,
    cpu_devices: int | None,
) -> None:
    """Read the pictures, train, and print where the weights are."""
    try:
        recipe = with_settings(PRESETS[preset](), settings)
        split_cpu(cpu_devices, recipe.batch)
        first = FaceDetector(start) if start else None
        candidate = train(training_part(load(data)), recipe, folder, start=first, onednn=onednn)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"averaged weights: {candidate}.npz, {candidate}.json")


if __name__ == "__main__":
    main()
