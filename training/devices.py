"""The devices that a training runs on: a one-axis mesh, and a CPU's cores as devices."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from fervid.errors import FervidError
from fervid.video.reader import usable_cores

Tree = Any


def data_mesh() -> Mesh:
    """A one-axis mesh, named "data", over every visible device."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def shard_batch(mesh: Mesh, batch: Tree) -> Tree:
    """Put a batch of host arrays on the mesh, split along the first axis."""
    return jax.device_put(batch, NamedSharding(mesh, PartitionSpec("data")))


def replicate(mesh: Mesh, tree: Tree) -> Tree:
    """Put a tree on every device of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def check_batch(batch: int, mesh: Mesh) -> None:
    """Raise FervidError unless the devices can share a batch evenly."""
    if batch % mesh.size:
        raise FervidError(
            f"{mesh.size} devices cannot share batches of {batch} evenly; "
            f"try --set batch={-(-batch // mesh.size) * mesh.size}"
        )


def split_cpu(devices: int | None, batch: int) -> None:
    """One CPU device a core, since XLA runs a convolution on one core; the batch must divide."""
    count = devices or max(k for k in range(1, usable_cores() + 1) if batch % k == 0)
    # Devices wait for each other inside threads of XLA's pool: with one a core they may all wait.
    os.environ.setdefault("NPROC", str(4 * count))
    with suppress(RuntimeError):  # JAX has started, as in a notebook: its devices stay
        jax.config.update("jax_num_cpu_devices", count)
        # Steps that run into each other would wait for one another's threads, too.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
