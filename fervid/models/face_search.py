"""Finding faces in whole frames by a `FaceNet`, as a function that can be traced and cached."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.face_net import FaceNet
from fervid.models.inference import for_inference, in_chunks
from fervid.models.peaks import find_faces
from fervid.models.program import Function, Leaves

_FRAMES_AT_A_TIME = 1


def face_search(
    network: FaceNet, scale: float, shift: float, *, on_cpu: bool
) -> tuple[Function, Leaves]:
    """A function that searches a batch of frames, and its weights.

    Args:
        network: the network, in evaluation mode.
        scale, shift: the score is the sigmoid of `scale` times the logit plus `shift`.
        on_cpu: whether the function is for CPUs.

    Returns:
        The function, which takes weights, (N, H, W) uint8 frames whose sides are multiples of
        `PAD_MULTIPLE`, and the number of valid frames, and returns scores (N, K) float32 (0: no
        face), boxes (N, K, 4) float32 corners in pixels, and points (N, K, 3, 2) float32; and the
        weights.
    """
    graph, state = nnx.split(for_inference(network, on_cpu=on_cpu))
    weights, structure = jax.tree.flatten(state)
    fit = jnp.float32(scale), jnp.float32(shift)

    def search(
        leaves: Leaves, images: jax.Array, count: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        model = nnx.merge(graph, jax.tree.unflatten(structure, leaves))

        def faces(frames: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            found = find_faces(model, frames.astype(jnp.float32), *fit)
            return found.scores, found.boxes, found.points

        return in_chunks(faces, images, _FRAMES_AT_A_TIME, count=count[0], on_cpu=on_cpu)

    return search, weights
