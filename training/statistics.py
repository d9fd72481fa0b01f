"""Recomputes the statistics of batch normalisation for the weights that are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.store import set_evaluation

_BATCH, _BATCHES = 256, 16


def spread(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Up to 16 batches of 256 from (N, H, W) images, evenly spread: (batches, batch, H, W)."""
    batch = min(_BATCH, len(images))
    batches = min(_BATCHES, len(images) // batch)
    rows = np.linspace(0, len(images), batch * batches, endpoint=False).astype(int)
    # Neighbouring rows go into different batches, because image folders are sorted by class.
    parts = images[rows].reshape(batch, batches, *images.shape[1:]).swapaxes(0, 1)
    return np.asarray(parts, np.uint8)


def _call(model: Any, images: jax.Array) -> Any:
    return model(images)


def recompute_statistics(
    model: nnx.Module,
    batches: NDArray[np.uint8],
    forward: Callable[[Any, jax.Array], Any] = _call,
) -> None:
    """Recompute a model's statistics on plain images, and put it into evaluation mode.

    The statistics from training belong to the weights before averaging and to augmented images
    ("precise" batch normalisation, Wu & Johnson 2021).

    Args:
        model: the model, which is changed in place.
        batches: (batches, batch, H, W) images of the training set.
        forward: calls every layer of the model with (batch, H, W) images.
    """
    set_evaluation(model)
    probe = nnx.clone(model)
    probe.set_attributes(momentum=0.0, use_running_average=False, raise_if_not_found=False)
    graph, state = nnx.split(probe)
    nnx.update(model, _mean_statistics(graph, forward, state, batches))


@partial(jax.jit, static_argnums=(0, 1))
def _mean_statistics(graph: Any, forward: Any, state: Any, parts: jax.Array) -> Any:
    """Means over (batches, batch, H, W) of the statistics of each batch."""

    def of_batch(images: jax.Array) -> Any:
        model = nnx.merge(graph, state, copy=True)
        forward(model, images)
        return nnx.state(model, nnx.BatchStat)

    return jax.tree.map(lambda values: values.mean(axis=0), jax.lax.map(of_batch, parts))
