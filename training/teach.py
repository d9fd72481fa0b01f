r"""Store teachers' answers to many views of every training image, for students to learn from.

    python -m training.teach fer2013.csv --teacher A --teacher B \
        --views 60 --out runs/answers
    python -m training.train fer2013.csv --votes fer2013new.csv \
        --answers runs/answers

The student sees exactly the views that its teachers saw, and the training does not have to run the
teachers ("patient and consistent" distillation, Beyer et al. 2022). An interrupted command
continues when it is given again; with more --views, it adds to those stored. A view takes 28 bytes
per image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference
from training import fer2013
from training.answers import Header, StoredAnswers, digest
from training.command_line import (
    cpu_devices_option,
    faces_option,
    fer2013_argument,
    help_of,
    onednn_option,
    out_option,
    teachers_option,
)
from training.devices import check_batch, data_mesh, replicate, shard_batch, split_cpu
from training.looks import Looks
from training.losses import Logits
from training.onednn_inference import onednn_answers
from training.unlabelled import unlabelled_faces
from training.views import replay, sample_of_views, view_keys

BATCH = 256
SHARE = click.FloatRange(0, 1)


def teach(
    images: NDArray[np.uint8],
    faces: NDArray[np.uint8],
    teachers: Sequence[tuple[ExpressionNet, dict[str, Any]]],
    views: int,
    folder: Path,
    *,
    seed: int = 0,
    looks: Looks | None = None,
    onednn: bool = False,
    batch: int = BATCH,
    report: Callable[[str], Any] = click.echo,
) -> StoredAnswers:
    """Store the answers to all views that are not stored yet.

    Args:
        images: (N, 48, 48) uint8 of the training set, as `fer2013.without_leaks` returns them.
        faces: (M, 48, 48) uint8 without labels.
        teachers: models and their cards.
        views: number of views of every image.
        folder: folder of the answers, which is created or continued.
        seed: seed of the views.
        looks: how often faces are hidden or badly lit in the views; None: never.
        onednn: whether oneDNN computes the answers instead of XLA.
        batch: images per step, over all devices.
        report: called with a line for each view.

    Raises:
        FervidError: there is no teacher, the folder contains other answers, the augmentation has
            changed since they were stored, or the devices cannot share a batch evenly.
    """
    if not teachers:
        raise FervidError("there is no teacher; give --teacher")
    mesh, rows = data_mesh(), np.concatenate([images, faces])
    check_batch(batch, mesh)
    shas = tuple(card["sha256"] for _, card in teachers)
    looks = looks or Looks()
    header = Header(
        *(views, seed, len(images), len(faces), digest(rows), shas),
        **vars(looks),
        sample=sample_of_views(looks),
    )
    stored = StoredAnswers.begin(folder, header, faces)
    answer = _answering([model for model, _ in teachers], mesh, looks, onednn)
    for view in stored.missing():
        keys = view_keys(seed, view, len(rows))
        parts = [
            np.asarray(answer(*shard_batch(mesh, (keys[part], rows[part]))))
            for part in _batches(len(rows), batch)
        ]
        stored.add(view, np.concatenate(parts)[: len(rows)])
        report(f"view {view + 1} of {stored.header.views}")
    return stored


def _batches(count: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Batches of row numbers, all of one size; the last batch repeats the last row."""
    for start in range(0, count, size):
        yield np.minimum(np.arange(start, start + size), count - 1)


def _answering(teachers: Sequence[ExpressionNet], mesh: Mesh, looks: Looks, onednn: bool) -> Any:
    """The jitted (keys, images) -> (N, 2, 7) float16 log of the teachers' mean distribution."""
    if onednn:
        calls: list[Callable[[jax.Array], Logits]] = [onednn_answers(t, mesh) for t in teachers]
        return jax.jit(lambda keys, images: _mean(_asked(calls, replay(keys, images, looks)[0])))
    split = [nnx.split(for_inference(teacher)) for teacher in teachers]
    states = replicate(mesh, [state for _, state in split])

    @jax.jit
    def answer(states: Any, keys: jax.Array, images: jax.Array) -> jax.Array:
        models = [nnx.merge(graph, s) for (graph, _), s in zip(split, states, strict=True)]
        return _mean(_asked(models, replay(keys, images, looks)[0]))

    return lambda keys, images: answer(states, keys, images)


def _asked(teachers: Sequence[Callable[[jax.Array], Logits]], images: jax.Array) -> jax.Array:
    """(teachers, N, 2, 7) logits."""
    return jnp.stack([jnp.stack(teacher(images), axis=1) for teacher in teachers])


def _mean(logits: jax.Array) -> jax.Array:
    """(N, 2, 7) float16 log of the mean of (teachers, N, 2, 7) distributions."""
    together = jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=0) - jnp.log(len(logits))
    return together.astype(jnp.float16)


@click.command(help=help_of(__doc__))
@fer2013_argument
@teachers_option
@click.option("--views", type=click.IntRange(min=1), default=60, show_default=True)
@faces_option
@out_option("runs/answers", "Folder of the answers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the views.")
@click.option("--hidden", type=SHARE, default=0.0, help="Share of faces with parts hidden.")
@click.option("--uneven", type=SHARE, default=0.0, help="Share of faces in uneven light.")
@click.option("--infrared", type=SHARE, default=0.0, help="Share of faces as in infrared light.")
@onednn_option
@cpu_devices_option
def main(
    data: Path,
    teachers: tuple[str, ...],
    views: int,
    faces: tuple[Path, ...],
    out: Path,
    seed: int,
    hidden: float,
    uneven: float,
    infrared: float,
    onednn: bool,
    cpu_devices: int | None,
) -> None:
    """Read data and teachers, store the answers, and print where they are."""
    try:
        split_cpu(cpu_devices, BATCH)
        images = fer2013.without_leaks(fer2013.load(data)).images
        extra = unlabelled_faces(faces)
        models = [load_model(name) for name in teachers]
        looks = Looks(hidden, uneven, infrared)
        stored = teach(images, extra, models, views, out, seed=seed, looks=looks, onednn=onednn)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    head = stored.header
    click.echo(
        f"{out}: {head.views} views of {head.labelled} images and {head.unlabelled} other faces"
    )


if __name__ == "__main__":
    main()
