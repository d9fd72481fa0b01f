r"""Evaluate an expression classifier; writes evaluation.json, and evaluation.html to read.

    python -m training.evaluate fer2013.csv --votes fer2013new.csv \
        --curves runs/c/log.jsonl

DATA is FER-2013 in any form that `training.fer2013.load` reads. The page works offline and contains
images of the data.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import click
import jax

import fervid
from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration, load_model
from training import fer2013
from training.atomic import whole_file
from training.command_line import (
    PATH,
    fer2013_argument,
    help_of,
    model_option,
    out_option,
    votes_option,
)
from training.evaluate.evaluation import evaluate_in_full
from training.evaluate.groups import read_groups
from training.evaluate.page import render
from training.evaluate.strata import read_strata
from training.release import today

NAMES = ("evaluation.json", "evaluation.html")


@click.command(help=help_of(__doc__))
@fer2013_argument
@votes_option
@model_option("expression")
@click.option(
    "--split",
    type=click.Choice(["PublicTest", "PrivateTest"]),
    default="PublicTest",
    show_default=True,
    help="PrivateTest is scored once for each released model.",
)
@out_option("runs/evaluation", "Folder of the two files.")
@click.option("--curves", type=PATH, help="log.jsonl of the training run.")
@click.option(
    "--strata",
    type=PATH,
    help="CSV with columns row (of DATA), usage, pose30, pose45, occlusion: hard parts of "
    "PrivateTest.",
)
@click.option("--groups", type=PATH, help="CSV with columns image (row of DATA) and group.")
def main(
    data: Path,
    votes: Path | None,
    model: str,
    split: str,
    out: Path,
    curves: Path | None,
    strata: Path | None,
    groups: Path | None,
) -> None:
    """Read everything, evaluate, write both files."""
    if split == "PrivateTest":
        click.echo("PrivateTest is scored once for each released model; do not use it for choices.")
    try:
        document = run(data, votes, model, split, out, curves, groups, strata)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = error.filename or out
        raise click.ClickException(f"{where}: {error.strerror or error}") from error
    for line in headlines(document):
        click.echo(line)
    click.echo(f"wrote {' and '.join(str(out / name) for name in NAMES)}")


def run(
    data: Path,
    votes: Path | None,
    model: str,
    split: str,
    out: Path,
    curves: Path | None = None,
    groups: Path | None = None,
    strata: Path | None = None,
) -> dict[str, Any]:
    """Evaluate, and write both files into `out`, which is created if needed; return the JSON.

    Raises:
        FervidError: an input is missing or malformed.
        OSError: a file cannot be read or written.
    """
    began = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    net, card = load_model(model)
    log = read_curves(curves) if curves else None
    whole = fer2013.load(data, votes)
    members = read_groups(groups, len(whole)) if groups else None
    parts = read_strata(strata, whole) if strata else None
    document = {
        "model": {key: card.get(key) for key in ("name", "version", "sha256")},
        **evaluate_in_full(net, whole, split, Calibration.of_card(card), members, parts),
    }
    if log:
        document["training"] = log
    document["made"] = {
        "data": data.name,
        "date": today(),
        "fervid": fervid.__version__,
        "jax": jax.__version__,
        "seconds": round(time.perf_counter() - began, 1),
    }
    texts = (json.dumps(document, indent=1, allow_nan=False) + "\n", render(document, whole.images))
    for name, text in zip(NAMES, texts, strict=True):
        with whole_file(out / name) as file:
            file.write(text.encode())
    return document


def read_curves(path: Path) -> list[dict[str, Any]]:
    """Read the epochs of a training log, ascending; if an epoch was logged twice, the later line.

    Each line is a JSON object with `epoch` and other numbers. Numbers that are not finite become
    None; other values are left out.

    Raises:
        FervidError: the file is missing or empty, or a line is not such an object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FervidError(f"{path}: cannot be read as a training log ({error})") from error
    epochs = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            epoch = int(entry["epoch"])
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise FervidError(f"{path}: line {number} is not a JSON object with epoch") from error
        numbers = {key: v for key, v in entry.items() if isinstance(v, int | float)}
        epochs[epoch] = {key: v if math.isfinite(v) else None for key, v in numbers.items()}
    if not epochs:
        raise FervidError(f"{path}: the training log has no epoch")
    return [epochs[epoch] for epoch in sorted(epochs)]


def headlines(document: dict[str, Any]) -> list[str]:
    """Lines for the terminal: accuracies, calibration and robustness of one forward pass."""
    scores = document["scores"]["all"]["one_pass"]
    fer, majority = scores["fer"]["labels"], scores["ferplus"]["majority"]
    lines = [f"FER-2013 accuracy: {_words(fer)}"]
    if majority:
        lines.append(f"FER+ majority accuracy: {_words(majority)}")
    for part in document.get("strata", ()):
        heads = part["scores"]["one_pass"]
        lines.append(f"{part['title']}: FER-2013 {_words(heads['fer']['labels'])}")
        if heads["ferplus"]["majority"]:
            lines[-1] += f"; FER+ majority {_words(heads['ferplus']['majority'])}"
    ece = fer["ece_15"]
    lines.append(
        f"ECE-15: {ece['before']:.4f} before, {ece['after']:.4f} after temperature scaling"
    )
    for copy in document["robustness"]:
        loss = copy["scores"]["one_pass"]["fer"]["labels"]["loss"]
        ends = f"{loss['low']:.2f} to {loss['high']:.2f}"
        lines.append(f"{copy['title']}: {loss['points']:.2f} points lost ({ends})")
    return lines


def _words(scores: dict[str, Any]) -> str:
    share, recall = scores["accuracy"], 100 * scores["balanced_accuracy"]
    ends = f"{share['low']:.2f} to {share['high']:.2f}, n = {share['n']}"
    return f"{share['percent']:.2f}% ({ends}), macro recall {recall:.2f}%"


if __name__ == "__main__":
    main()
