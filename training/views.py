"""Augmented views that can be shown again: a seed, a view's number and a row give back the view."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from training.augment import augment_faces
from training.looks import Looks


def view_keys(seed: int, view: int, rows: int) -> jax.Array:
    """(rows,) random keys of one view of every training image.

    They depend on nothing else: neither on batches and their order nor on devices.
    """
    key = jax.random.fold_in(jax.random.key(seed), view)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(rows, dtype=jnp.uint32))


def replay(
    keys: jax.Array, images: jax.Array, looks: Looks | None = None
) -> tuple[jax.Array, jax.Array]:
    """Each image as its own key shows it.

    Args:
        keys: (N,) of `view_keys`.
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
