r"""Compare networks and recipes on equal small budgets.

    python -m training.compare fer2013.csv --votes fer2013new.csv \
        --epochs 20 --out runs/compare

Each variant makes one change to a small network or its recipe, and is trained for the same number
of epochs on the same images. The variants change depth, width, kernel size, dropout, batch
normalisation, optimiser, class weights and architecture (VGG, ResNet), and, with --start, the
initial weights. An interrupted command continues when it is given again. Writes comparison.csv,
comparison.md and comparison.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

import fervid
from fervid.errors import FervidError
from fervid.expressions.classifier import load_model
from fervid.models.expression_net import ExpressionNetConfig
from training import fer2013
from training.atomic import whole_file
from training.beginning import LoadedModel
from training.command_line import (
    cpu_devices_option,
    fer2013_argument,
    help_of,
    onednn_option,
    out_option,
    votes_option,
)
from training.comparison.page import render
from training.comparison.results import Result, as_csv, as_markdown
from training.comparison.variants import BASE, STARTED, Variant, started, variants
from training.devices import split_cpu
from training.release import today
from training.run import LOG_NAME
from training.train import train

NAMES = ("comparison.csv", "comparison.md", "comparison.html")
BATCH = 128


def compare(
    data: fer2013.Fer2013,
    chosen: Sequence[Variant],
    folder: Path,
    *,
    start: LoadedModel | None = None,
    onednn: bool = False,
    report: Callable[[str], Any] = click.echo,
) -> list[Result]:
    """Train each variant, or continue its training, in a folder of its own.

    Args:
        data: all splits.
        chosen: variants; the one named `STARTED` begins with the weights of `start`.
        folder: folder for the runs.
        start: a model of the same shape or a wider one.
        onednn: as in `training.train`.
        report: called with a line for each variant.

    Raises:
        FervidError: as in `training.train.train`.
    """
    results = []
    for variant in chosen:
        run = folder / variant.name
        train(
            data,
            variant.recipe,
            run,
            start=start if variant.name == STARTED else None,
            command="training.compare",
            report=lambda _: None,
            onednn=onednn,
        )
        lines = (run / LOG_NAME).read_text("utf-8").splitlines()
        results.append(Result(variant, [json.loads(line) for line in lines]))
        share = results[-1].log[-1]["public_fer"]
        report(f"{variant.group}, {variant.title}: {100 * share:.1f}% on PublicTest")
    return results


def smaller(data: fer2013.Fer2013, images: int) -> fer2013.Fer2013:
    """The data with this many training images, evenly spread, and all of PublicTest."""
    training = np.flatnonzero(data.usage == fer2013.USAGES.index("Training"))
    public = np.flatnonzero(data.usage == fer2013.USAGES.index("PublicTest"))
    places = np.linspace(0, len(training) - 1, min(images, len(training))).astype(int)
    return data[np.sort(np.concatenate([training[places], public]))]


def _chosen(every: list[Variant], only: Sequence[str]) -> list[Variant]:
    known = [variant.name for variant in every]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise FervidError(f"there is no variant {unknown[0]}; variants are {', '.join(known)}")
    kept = {BASE, STARTED, *only} if only else set(known)
    return [variant for variant in every if variant.name in kept]


@click.command(help=help_of(__doc__))
@fer2013_argument
@votes_option
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--images", type=click.IntRange(min=1), help="Number of training images.  [default: all]"
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=BATCH, show_default=True, help="Images per step."
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Train this variant and the base; repeatable."
)
@click.option("--start", help="Also train a variant that starts from this model's weights.")
@click.option("--seed", type=int, default=0, show_default=True)
@out_option("runs/compare", "Folder of the runs and tables.")
@onednn_option
@cpu_devices_option
def main(
    data: Path,
    votes: Path | None,
    epochs: int,
    images: int | None,
    batch: int,
    only: tuple[str, ...],
    start: str | None,
    seed: int,
    out: Path,
    onednn: bool,
    cpu_devices: int | None,
) -> None:
    """Read the data, train all variants, and write tables and page."""
    try:
        split_cpu(cpu_devices, batch)
        every, model = variants(epochs, batch, seed), None
        if start:
            model = load_model(start)
            shape = ExpressionNetConfig.of_card(model[1])
            every.append(started(every, shape, Path(start).name))
        chosen = _chosen(every, only)
        whole = fer2013.load(data, votes)
        part = smaller(whole, images) if images else whole
        results = compare(part, chosen, out, start=model, onednn=onednn)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    kept = len(fer2013.without_leaks(part))
    made = {
        "data": f"{data.name}, {kept:,} training images",
        "budget": f"{epochs} epochs, {batch} images per step",
        "made": f"{today()} with fervid {fervid.__version__}",
    }
    texts = (as_csv(results), as_markdown(results), render(results, made))
    for name, text in zip(NAMES, texts, strict=True):
        with whole_file(out / name) as file:
            file.write(text.encode())
    click.echo(as_markdown(results))
    click.echo(f"wrote {', '.join(str(out / name) for name in NAMES)}")


if __name__ == "__main__":
    main()
