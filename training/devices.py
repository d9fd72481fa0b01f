"""Devices for training: a one-axis mesh, and the cores of a CPU as devices."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from fervid.errors import FervidError
from fervid.video.decoding_plan import usable_cores

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
    """Make each core a CPU device, because XLA runs a convolution on one core."""
    count = devices or max(k for k in range(1, usable_cores() + 1) if batch % k == 0)
    # Devices wait for each other in threads of XLA's pool; with one per core, all may wait.
    os.environ.setdefault("NPROC", str(4 * count))
    with suppress(
        RuntimeError
    ):  # JAX has already started, as in a notebook, so its devices cannot change
        jax.config.update("jax_num_cpu_devices", count)
        # Overlapping steps would also wait for each other's threads.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
