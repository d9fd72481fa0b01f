"""Augmented views that can be made again: seed, number of the view and row determine a view."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fervid.records import FACE_SIZE
from training.augment import augment_faces
from training.looks import Looks


def view_keys(seed: int, view: int, rows: int) -> jax.Array:
    """(rows,) random keys of one view of every training image.

    They do not depend on batches, their order, or devices.
    """
    key = jax.random.fold_in(jax.random.key(seed), view)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(rows, dtype=jnp.uint32))


def replay(
    keys: jax.Array, images: jax.Array, looks: Looks | None = None
) -> tuple[jax.Array, jax.Array]:
    """Augment each image with its own key.

    Args:
        keys: (N,) keys from `view_keys`.
        images: (N, 48, 48) uint8.
        looks: see `augment_faces`.

    Returns:
        What `augment_faces` returns.
    """

    def one(key: jax.Array, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        face, covered = augment_faces(key, image[None], looks)
        return face[0], covered[0]

    shown: tuple[jax.Array, jax.Array] = jax.vmap(one)(keys, images)
    return shown


def sample_of_views(looks: Looks) -> tuple[float, ...]:
    """Mean luma of 16 views of a fixed picture; it changes if the augmentation's code changes."""
    slope = np.linspace(0, 255, FACE_SIZE, dtype=np.float32)
    picture = np.sqrt(np.outer(slope, slope)).astype(np.uint8)
    faces, _ = jax.jit(replay, static_argnums=2)(
        view_keys(0, 0, 16), jnp.tile(picture, (16, 1, 1)), looks
    )
    means: list[float] = np.asarray(faces, np.float64).mean(axis=(1, 2)).round(1).tolist()
    return tuple(means)
