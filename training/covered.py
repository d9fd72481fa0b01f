"""Measures how well the third head recognises faces whose mouth is covered.

The head is meant to lower the weight of a row: to 0 if a face is certainly covered.
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
    answers = [np.asarray(_logits(graph, state, shown)) > 0 for shown in (altered, faces)]
    known = np.asarray(covered) > 0
    found = float(answers[0][known].mean()) if known.any() else float("nan")
    return {"public_covered": found, "public_free": float((~answers[1]).mean())}


@partial(jax.jit, static_argnums=0)
def _logits(graph: Any, state: Any, images: jax.Array) -> jax.Array:
    model = nnx.merge(graph, state)
    logits: jax.Array = model.unreadable(model.features(images, len(model.stages)))
    return logits
