"""Faces a second of an expression model: the net alone, one forward pass, batches of 64.

    python benchmarks/classifier.py --model expression --threads 2

Each thread calls the same compiled function on batches of its own, as XLA runs a convolution on
one core. The median of the rounds is printed, with the slowest and the fastest.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import click
import jax
import numpy as np
from flax import nnx

from fervid.classifier import load_model
from fervid.errors import FervidError
from fervid.models.inference import for_inference, in_chunks
from fervid.records import FACE_SIZE


@click.command(help=__doc__)
@click.option("--model", default="expression", show_default=True, help="Shipped name, or path.")
@click.option("--batch", default=64, show_default=True)
@click.option("--threads", default=os.cpu_count() or 1, show_default="one a core")
@click.option("--rounds", default=9, show_default=True)
@click.option("--seconds", default=1.0, show_default=True, help="Length of a round.")
def main(model: str, batch: int, threads: int, rounds: int, seconds: float) -> None:
    """Measure and print one line."""
    try:
        net, card = load_model(model)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    graph, state = nnx.split(for_inference(net))
    forward = jax.jit(lambda state, images: in_chunks(nnx.merge(graph, state), images))
    faces = np.random.default_rng(0).integers(0, 256, (batch, FACE_SIZE, FACE_SIZE), np.uint8)
    jax.block_until_ready(forward(state, faces))

    def work(deadline: float) -> int:
        done = 0
        while time.perf_counter() < deadline:
            jax.block_until_ready(forward(state, faces))
            done += batch
        return done

    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            began = time.perf_counter()
            done = sum(pool.map(work, [began + seconds] * threads))
            rates.append(done / (time.perf_counter() - began))
    size = sum(leaf.size for leaf in jax.tree.leaves(state))
    speed = f"{np.median(rates):,.0f} faces/s ({min(rates):,.0f} to {max(rates):,.0f})"
    click.echo(
        f"{card['name']}: {speed}, {size:,} values, batch {batch}, {threads} threads, "
        f"{jax.devices()[0].device_kind}"
    )


if __name__ == "__main__":
    main()
