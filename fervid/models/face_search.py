"""Faces of whole frames by a `FaceNet`, at two sizes, as a function that can be traced and kept."""

from __future__ import annotations

from functools import reduce

import jax
import jax.numpy as jnp
from flax import nnx

from fervid.models.face_net import FaceNet
from fervid.models.inference import LEAST_FOR_WINOGRAD, for_inference, in_chunks
from fervid.models.peaks import find_peaks, merge
from fervid.models.program import Function, Leaves
from fervid.settings.sizes import PAD_MULTIPLE

SHRINK = 3
"""Frames are searched at their own size and this many times smaller, for faces close by."""

_FRAMES_AT_A_TIME = 1
_NEVER = 1 << 30


def face_search(
    network: FaceNet, scale: float, shift: float, *, on_cpu: bool
) -> tuple[Function, Leaves]:
    """The search of a batch of frames, and the weights it takes.

    Args:
        network: in evaluation mode.
        scale, shift: the score is the sigmoid of `scale` times the logit plus `shift`.
        on_cpu: whether it is for CPUs.

    Returns:
        A function from weights, (N, H, W) uint8 frames with sides that are multiples of
        `PAD_MULTIPLE`, and how many of them count, to scores (N, K) float32, 0 for no face, boxes
        (N, K, 4) float32 corners in pixels and points (N, K, 3, 2) float32; and the weights.
    """
    # The small view takes a ninth of the time: the direct form compiles four times as fast.
    forms = (LEAST_FOR_WINOGRAD, _NEVER)
    split = [
        nnx.split(for_inference(network, winograd_from=least, on_cpu=on_cpu)) for least in forms
    ]
    graphs = [graph for graph, _ in split]
    weights, structure = jax.tree.flatten([state for _, state in split])
    fit = jnp.float32(scale), jnp.float32(shift)

    def search(
        leaves: Leaves, images: jax.Array, count: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        states = jax.tree.unflatten(structure, leaves)
        full, small = (nnx.merge(graph, s) for graph, s in zip(graphs, states, strict=True))

        def both_views(frames: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            found = merge(
                find_peaks(full, frames.astype(jnp.float32), 1, *fit),
                find_peaks(small, _shrink(frames), SHRINK, *fit),
            )
            return found.scores, found.boxes, found.points

        return in_chunks(both_views, images, _FRAMES_AT_A_TIME, count=count[0], on_cpu=on_cpu)

    return search, weights


def _shrink(frames: jax.Array) -> jax.Array:
    """(N, H, W) uint8 -> float32 means of 3x3 pixels, padded to what the network takes.

    By slices: a mean over axes of three takes six times as long on CPUs.
    """
    whole = _pad_sides(frames.astype(jnp.float32), SHRINK)
    rows = reduce(jnp.add, [whole[:, first::SHRINK] for first in range(SHRINK)])
    cells = reduce(jnp.add, [rows[:, :, first::SHRINK] for first in range(SHRINK)])
    return _pad_sides(cells / SHRINK**2, PAD_MULTIPLE)


def _pad_sides(frames: jax.Array, multiple: int) -> jax.Array:
    """(N, H, W) with sides brought up to multiples of a number by repeating the last pixels."""
    below, right = (-side % multiple for side in frames.shape[1:])
    return jnp.pad(frames, ((0, 0), (0, below), (0, right)), mode="edge")
