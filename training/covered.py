"""How well the third head tells faces that cannot be read from free ones.

The answer is meant to join the weight of a row: probability 1 that a face is covered, weight 0.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.expression_net import ExpressionNet
from fervid.models.store import set_evaluation
from training.looks import random_cover

MOST = 512
"""Images that are looked at, evenly spread."""


def told_apart(model: ExpressionNet, images: NDArray[np.uint8]) -> dict[str, float]:
    """Shares of covered faces and of free ones that are told as such; always the same copies.

    Args:
        model: with the head; put into evaluation mode.
        images: (N, 48, 48) uint8 of PublicTest.

    Returns:
        public_covered and public_free, 0 to 1; NaN where nothing was covered.
    """
    set_evaluation(model)
    chosen = images[np.linspace(0, len(images) - 1, min(MOST, len(images))).astype(int)]
    faces = jnp.asarray(chosen, jnp.float32)
    cover = jax.jit(random_cover, static_argnames="chance")
    spoilt, covered = cover(jax.random.key(0), faces, chance=1.0)
    graph, state = nnx.split(model)
    told = [np.asarray(_logits(graph, state, shown)) > 0 for shown in (spoilt, faces)]
    known = np.asarray(covered) > 0
    found = float(told[0][known].mean()) if known.any() else float("nan")
    return {"public_covered": found, "public_free": float((~told[1]).mean())}


@partial(jax.jit, static_argnums=0)
def _logits(graph: Any, state: Any, images: jax.Array) -> jax.Array:
    model = nnx.merge(graph, state)
    logits: jax.Array = model.unreadable(model.features(images, len(model.stages)))
    return logits
