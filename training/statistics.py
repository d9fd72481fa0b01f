"""Statistics of batch normalisation that belong to the weights which are evaluated."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.store import set_evaluation

_BATCH, _BATCHES = 256, 16


def recompute_statistics(model: nnx.Module, images: NDArray[np.uint8]) -> None:
    """Give a model the statistics that it has on plain images, and put it into evaluation mode.

    Those that training has kept are of the weights before averaging, and of augmented images
    ("precise" batch normalisation, Wu & Johnson 2021).

    Args:
        model: changed in place.
        images: (N, 48, 48) uint8 of the training set; up to 4,096 are used, evenly spread.
    """
    set_evaluation(model)
    batch = min(_BATCH, len(images))
    batches = min(_BATCHES, len(images) // batch)
    rows = np.linspace(0, len(images), batch * batches, endpoint=False).astype(int)
    # Neighbouring rows into different batches: image folders are sorted by class.
    parts = images[rows].reshape(batch, batches, *images.shape[1:]).swapaxes(0, 1)
    probe = nnx.clone(model)
    probe.set_attributes(momentum=0.0, use_running_average=False, raise_if_not_found=False)
    graph, state = nnx.split(probe)
    nnx.update(model, _mean_statistics(graph, state, parts))


@partial(jax.jit, static_argnums=0)
def _mean_statistics(graph: Any, state: Any, parts: jax.Array) -> Any:
    """Means over (batches, batch, 48, 48) of the statistics of each batch."""

    def of_batch(images: jax.Array) -> Any:
        model = nnx.merge(graph, state, copy=True)
        model(images)
        return nnx.state(model, nnx.BatchStat)

    return jax.tree.map(lambda values: values.mean(axis=0), jax.lax.map(of_batch, parts))
