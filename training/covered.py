"""Measures how well the third head recognises faces whose mouth is covered.

In recordings and photos, no expression is named for such faces.
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
from fervid.records import is_covered
from training.looks import random_cover

MOST = 512
"""Most images that are used, evenly spread."""


def covered_scores(model: ExpressionNet, images: NDArray[np.uint8]) -> dict[str, float]:
    """Shares of covered faces and of free faces that are recognised as such.

    The faces are covered in the same way at every call.

    Args:
        model: a model with the third head; put into evaluation mode.
        images: (N, 48, 48) uint8 of PublicTest.

    Returns:
        public_covered and public_free, 0 to 1; public_covered is NaN if no face was covered.
    """
    set_evaluation(model)
    chosen = images[np.linspace(0, len(images) - 1, min(MOST, len(images))).astype(int)]
    faces = jnp.asarray(chosen, jnp.float32)
    cover = jax.jit(random_cover, static_argnames="chance")
    altered, covered = cover(jax.random.key(0), faces, chance=1.0)
    graph, state = nnx.split(model)
    answers = [np.asarray(_probability(graph, state, shown)) for shown in (altered, faces)]
    hidden, free = is_covered(answers[0][np.asarray(covered) > 0]), ~is_covered(answers[1])
    found = float(hidden.mean()) if len(hidden) else float("nan")
    return {"public_covered": found, "public_free": float(free.mean())}


@partial(jax.jit, static_argnums=0)
def _probability(graph: Any, state: Any, images: jax.Array) -> jax.Array:
    model = nnx.merge(graph, state)
    return jax.nn.sigmoid(model.unreadable(model.features(images, len(model.stages))))
