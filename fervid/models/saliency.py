"""What an `ExpressionNet` reacts to in a face, as a function that can be traced and cached.

There are two independent methods: HiResCAM (Draelos & Carin 2020), a Grad-CAM (Selvaraju et al.
2017) in which gradients weight each cell of a feature map separately, and occlusion (Zeiler &
Fergus 2014), which hides one patch after another. Both explain the logarithm of the reported
probability: of both heads, calibrated and mixed, and averaged over the face and its mirror image
where the model is used like that.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.models.expression_net import ExpressionNet
from fervid.models.expressions import Mix, mean_over_views, views
from fervid.models.inference import for_inference, in_chunks
from fervid.models.program import Function, Leaves
from fervid.settings.choices import EXPRESSIONS
from fervid.settings.sizes import FACE_SIZE

PATCH, STRIDE = 12, 4
"""Side of the hidden squares and distance between them, in pixels of a crop."""

LEAST_CELLS = 12
"""Fewest cells per side of the explained feature map. Chosen on 1,000 training images of FER-2013:
hiding the top fifth of the map lowers the probability by 0.37 with the map of 12 x 12 cells, by
0.33 with 6 x 6, and by 0.18 with the last one, 3 x 3, where HiResCAM equals Grad-CAM. A random
region costs 0.13, the middle of the picture 0.26, and Grad-CAM at best 0.28. LayerCAM (Jiang et al.
2021) costs 0.39, but hardly changes (rank correlation 0.7) when the heads' weights are shuffled, so
it shows the face rather than the answer."""

_LEAST_PROBABILITY = 1e-12
_IMAGES_AT_A_TIME = 6


def explained_stage(network: ExpressionNet) -> int:
    """Number of stages up to the explained feature map, the last one that is fine enough."""
    side, count = FACE_SIZE // network.fold, 1
    while count < len(network.stages) and side // 2 >= LEAST_CELLS:
        side, count = side // 2, count + 1
    return count


def patches() -> NDArray[np.bool_]:
    """(P, 48), which pixels of a row each of the P hidden stretches covers."""
    first = np.arange(0, FACE_SIZE - PATCH + 1, STRIDE)[:, None]
    pixel = np.arange(FACE_SIZE)
    return np.asarray((pixel >= first) & (pixel < first + PATCH))


def hires_cam(
    network: ExpressionNet, mix: Mix, faces: jax.Array, *, mirrored: bool = True
) -> tuple[jax.Array, jax.Array]:
    """The reported probabilities, and maps of what raises each of them.

    Args:
        network: the network, in evaluation mode.
        mix: turns both heads' (N, 7) logits into probabilities.
        faces: (N, 48, 48) luma.
        mirrored: whether an answer is the mean over the face and its mirror image.

    Returns:
        (N, 7) and (N, 7, h, w) float32: for each cell, the sum over channels of activation times
        gradient, over the face and, if `mirrored`, its mirror image (flipped back). Negative values
        lower the probability.
    """
    stages, count = explained_stage(network), len(faces)
    features = network.features(views(faces, mirrored=mirrored), stages)

    def log_probs(features: jax.Array) -> jax.Array:
        probs = mean_over_views(mix(*network.answers(features, stages)), count)
        return jnp.log(jnp.maximum(probs, _LEAST_PROBABILITY))

    logs, vjp = jax.vjp(log_probs, features)

    def of_class(one_hot: jax.Array) -> jax.Array:
        (gradient,) = vjp(jnp.broadcast_to(one_hot, logs.shape))
        cells: jax.Array = (gradient * features).sum(axis=-1)
        return cells[:count] + cells[count:, :, ::-1] if mirrored else cells

    maps = jax.vmap(of_class, out_axes=1)(jnp.eye(len(EXPRESSIONS), dtype=logs.dtype))
    return jnp.exp(logs), maps


def occlusion(
    probabilities: Callable[[jax.Array], jax.Array], faces: jax.Array, *, on_cpu: bool
) -> jax.Array:
    """The fall of the logarithm of each probability when a patch is hidden.

    Args:
        probabilities: takes (N, 48, 48) luma and returns the reported (N, 7) probabilities.
        faces: (N, 48, 48) luma.
        on_cpu: whether the function is for CPUs.

    Returns:
        (N, 7, P, P) float32, with P patches down and across; hidden patches have the face's mean.
    """
    rows = patches()
    hidden = jnp.asarray(rows[:, None, :, None] & rows[None, :, None, :])
    luma = faces.astype(jnp.float32)
    mean = luma.mean(axis=(1, 2))[:, None, None, None, None]
    covered = jnp.where(hidden, mean, luma[:, None, None])
    images = jnp.concatenate([covered.reshape(-1, *faces.shape[1:]), luma])
    images = jnp.pad(images, ((0, -len(images) % _IMAGES_AT_A_TIME), (0, 0), (0, 0)))
    probs = in_chunks(probabilities, images, _IMAGES_AT_A_TIME, on_cpu=on_cpu)
    logs = jnp.log(jnp.maximum(probs, _LEAST_PROBABILITY))
    patched = len(faces) * len(rows) ** 2
    whole = logs[patched : patched + len(faces), None, None]
    drops = whole - logs[:patched].reshape(len(faces), len(rows), len(rows), -1)
    return jnp.moveaxis(drops, -1, 1)


def saliency(
    network: ExpressionNet, mix: Mix, *, mirrored: bool, on_cpu: bool
) -> tuple[Function, Leaves]:
    """A function that explains a batch of crops, and its weights.

    Args:
        network: the network, in evaluation mode.
        mix: turns both heads' (N, 7) logits into probabilities.
        mirrored: whether an answer is the mean over the crop and its mirror image.
        on_cpu: whether the function is for CPUs.

    Returns:
        The function, which takes weights, (N, 48, 48) uint8 crops and the number of valid crops,
        and returns what `hires_cam` and `occlusion` return; and the weights.
    """
    graph, state = nnx.split(for_inference(network, on_cpu=on_cpu))
    weights, structure = jax.tree.flatten(state)

    def explain(leaves: Leaves, images: jax.Array, count: jax.Array) -> tuple[jax.Array, ...]:
        model = nnx.merge(graph, jax.tree.unflatten(structure, leaves))

        def probabilities(faces: jax.Array) -> jax.Array:
            return mean_over_views(mix(*model(views(faces, mirrored=mirrored))), len(faces))

        def each(faces: jax.Array) -> tuple[jax.Array, ...]:
            hiding = occlusion(probabilities, faces, on_cpu=on_cpu)
            return (*hires_cam(model, mix, faces, mirrored=mirrored), hiding)

        return in_chunks(each, images, 1, count=count[0], on_cpu=on_cpu)

    return explain, weights
