"""Classifying face crops by an `ExpressionNet`, as a function that can be traced and cached."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference, in_chunks
from fervid.models.program import Function, Leaves

FACES_AT_A_TIME = 6
"""Faces per chunk on CPUs; with mirror images they are a dozen, and little padding is computed."""


def expressions(
    network: ExpressionNet, mix: Callable[[jax.Array, jax.Array], jax.Array], *, on_cpu: bool
) -> tuple[Function, Leaves]:
    """A function that classifies a batch of crops, and its weights.

    Args:
        network: the network, in evaluation mode.
        mix: turns both heads' (N, 7) logits into probabilities.
        on_cpu: whether the function is for CPUs.

    Returns:
        The function, which takes weights, (N, 48, 48) uint8 crops and the number of valid crops,
        and returns (N, 7) float32 probabilities, each the mean over the crop and its mirror image;
        and the weights.
    """
    graph, state = nnx.split(for_inference(network, on_cpu=on_cpu))
    weights, structure = jax.tree.flatten(state)

    def classify(leaves: Leaves, images: jax.Array, count: jax.Array) -> tuple[jax.Array, ...]:
        model = nnx.merge(graph, jax.tree.unflatten(structure, leaves))

        def both_ways(faces: jax.Array) -> jax.Array:
            fer, ferplus = model(jnp.concatenate([faces, faces[:, :, ::-1]]))
            return mix(fer, ferplus).reshape(2, len(faces), -1).mean(axis=0)

        found = in_chunks(both_ways, images, FACES_AT_A_TIME, count=count[0], on_cpu=on_cpu)
        return (found,)

    return classify, weights
