"""Expressions of face crops by an `ExpressionNet`, as a function that can be traced and kept."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.expression_net import ExpressionNet
from fervid.models.inference import for_inference, in_chunks
from fervid.models.program import Function, Leaves

FACES_AT_A_TIME = 6
"""On CPUs; with their mirror images they are a dozen, and few are computed in vain."""


def expressions(
    network: ExpressionNet, mix: Callable[[jax.Array, jax.Array], jax.Array], *, on_cpu: bool
) -> tuple[Function, Leaves]:
    """The classification of a batch of crops, and the weights it takes.

    Args:
        network: in evaluation mode.
        mix: from both heads' logits, (N, 7), to probabilities.
        on_cpu: whether it is for CPUs.

    Returns:
        A function from weights, (N, 48, 48) uint8 crops and how many of them count, to the mean
        probabilities of each crop and its mirror image, (N, 7) float32; and the weights.
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
