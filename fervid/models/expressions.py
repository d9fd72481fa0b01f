"""Classifying face crops by an `ExpressionNet`, as a function that can be traced and cached."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference, in_chunks
from fervid.models.program import Function, Leaves

_VIEWS_AT_A_TIME = 12
"""Faces and mirror images per chunk on CPUs: few enough that little padding is computed."""

Mix = Callable[[jax.Array, jax.Array], jax.Array]
"""Turns both expression heads' (N, 7) logits into probabilities."""


def views(faces: jax.Array, *, mirrored: bool) -> jax.Array:
    """What the network sees of (N, 48, 48) faces: these and, if `mirrored`, their mirror images."""
    return jnp.concatenate([faces, faces[:, :, ::-1]]) if mirrored else faces


def mean_over_views(probs: jax.Array, count: int) -> jax.Array:
    """(N, ...) mean probabilities of `count` faces, from those of their `views`."""
    return probs.reshape(-1, count, *probs.shape[1:]).mean(axis=0)


def expressions(
    network: ExpressionNet, mix: Mix, *, mirrored: bool, on_cpu: bool
) -> tuple[Function, Leaves]:
    """A function that classifies a batch of crops, and its weights.

    Args:
        network: the network, in evaluation mode.
        mix: turns both expression heads' (N, 7) logits into probabilities.
        mirrored: whether an answer is the mean over the crop and its mirror image.
        on_cpu: whether the function is for CPUs.

    Returns:
        The function, which takes weights, (N, 48, 48) uint8 crops and the number of valid crops,
        and returns (N, 7) float32 probabilities, and (N,) float32 probabilities that a face is
        covered, which are 0 if the network has no head for that; and the weights.
    """
    graph, state = nnx.split(for_inference(network, on_cpu=on_cpu))
    weights, structure = jax.tree.flatten(state)
    stages = len(network.stages)

    def classify(leaves: Leaves, images: jax.Array, count: jax.Array) -> tuple[jax.Array, ...]:
        model = nnx.merge(graph, jax.tree.unflatten(structure, leaves))

        def answer(faces: jax.Array) -> tuple[jax.Array, jax.Array]:
            seen = views(faces, mirrored=mirrored)
            features = model.features(seen, stages)
            probs, unreadable = mix(*model.answers(features, stages)), model.unreadable(features)
            covered = jnp.zeros(len(seen)) if unreadable is None else jax.nn.sigmoid(unreadable)
            return mean_over_views(probs, len(faces)), mean_over_views(covered, len(faces))

        size = _VIEWS_AT_A_TIME // 2 if mirrored else _VIEWS_AT_A_TIME
        return in_chunks(answer, images, size, count=count[0], on_cpu=on_cpu)

    return classify, weights
