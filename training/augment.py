"""Augmentation of face images and detector crops as pure functions, to be called inside jit."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def warp_affine(images: jax.Array, matrix: jax.Array) -> jax.Array:
    """Sample each image through its own affine map, bilinearly, with replicated edges.

    Args:
        images: (N, H, W) float32.
        matrix: (N, 2, 3) float32 that maps output (x, y, 1) to input (x, y), in pixels from the
            image centre.

    Returns:
        (N, H, W) float32.
    """
    n, h, w = images.shape
    ys, xs = jnp.meshgrid(
        jnp.arange(h, dtype=jnp.float32) - (h - 1) / 2,
        jnp.arange(w, dtype=jnp.float32) - (w - 1) / 2,
        indexing="ij",
    )
    grid = jnp.stack([xs.ravel(), ys.ravel(), jnp.ones(h * w, jnp.float32)])
    source = jnp.einsum("nij,jk->nik", matrix, grid)
    x = jnp.clip(source[:, 0] + (w - 1) / 2, 0.0, w - 1.0)
    y = jnp.clip(source[:, 1] + (h - 1) / 2, 0.0, h - 1.0)
    x0 = jnp.minimum(jnp.floor(x), w - 2.0)
    y0 = jnp.minimum(jnp.floor(y), h - 2.0)
    fx, fy = x - x0, y - y0
    corner = (y0 * w + x0).astype(jnp.int32)
    flat = images.reshape(n, h * w)

    def at(offset: int) -> jax.Array:
        return jnp.take_along_axis(flat, corner + offset, axis=1)

    top = at(0) * (1 - fx) + at(1) * fx
    bottom = at(w) * (1 - fx) + at(w + 1) * fx
    return (top * (1 - fy) + bottom * fy).reshape(n, h, w)


def random_affine(
    key: jax.Array, n: int, *, degrees: float, zoom: float, shift: float
) -> jax.Array:
    """(n, 2, 3) float32 maps: rotation, log-uniform zoom, shift in px, flip of every second one."""
    turn, size, move, flip = jax.random.split(key, 4)
    angle = jnp.deg2rad(jax.random.uniform(turn, (n,), minval=-degrees, maxval=degrees))
    scale = jnp.exp(jax.random.uniform(size, (n,), minval=-zoom, maxval=zoom))
    sign = jnp.where(jax.random.bernoulli(flip, 0.5, (n,)), -1.0, 1.0)
    cos, sin = jnp.cos(angle) * scale, jnp.sin(angle) * scale
    linear = jnp.stack([cos * sign, -sin, sin * sign, cos], axis=-1).reshape(n, 2, 2)
    offset = jax.random.uniform(move, (n, 2, 1), minval=-shift, maxval=shift)
    return jnp.concatenate([linear, offset], axis=-1)


def random_tone(
    key: jax.Array, images: jax.Array, *, contrast: float, brightness: float, gamma: float
) -> jax.Array:
    """Gamma, contrast (both log-uniform) and brightness of (N, H, W) float32 luma in 0 to 255."""
    power, gain, lift = jax.random.split(key, 3)
    shape = (len(images), 1, 1)
    g = jnp.exp(jax.random.uniform(power, shape, minval=-gamma, maxval=gamma))
    c = jnp.exp(jax.random.uniform(gain, shape, minval=-contrast, maxval=contrast))
    b = jax.random.uniform(lift, shape, minval=-brightness, maxval=brightness)
    toned = 255.0 * jnp.power(jnp.clip(images, 0.0, 255.0) / 255.0, g)
    return jnp.clip((toned - 127.5) * c + 127.5 + b, 0.0, 255.0)


def random_blur(
    key: jax.Array, images: jax.Array, *, chance: float, sigma: tuple[float, float]
) -> jax.Array:
    """Gaussian blur of some (N, H, W) float32 images, as faces far from the camera look."""
    pick, width = jax.random.split(key)
    n, h, w = images.shape
    spread = jnp.exp(
        jax.random.uniform(width, (n, 1, 1), minval=jnp.log(sigma[0]), maxval=jnp.log(sigma[1]))
    )
    spread = jnp.where(jax.random.bernoulli(pick, chance, (n, 1, 1)), spread, 0.05)

    def kernel(size: int) -> jax.Array:
        distance = jnp.arange(size)[:, None] - jnp.arange(size)[None, :]
        weight = jnp.exp(-0.5 * jnp.square(distance[None].astype(jnp.float32) / spread))
        return weight / weight.sum(axis=-1, keepdims=True)

    return jnp.einsum("nij,njk,nlk->nil", kernel(h), images, kernel(w))


def random_noise(key: jax.Array, images: jax.Array, *, chance: float, sigma: float) -> jax.Array:
    """Gaussian sensor noise of up to `sigma` levels on some (N, H, W) float32 images."""
    pick, level, grain = jax.random.split(key, 3)
    shape = (len(images), 1, 1)
    scale = sigma * jax.random.uniform(level, shape) * jax.random.bernoulli(pick, chance, shape)
    return jnp.clip(images + scale * jax.random.normal(grain, images.shape), 0.0, 255.0)


def random_erase(
    key: jax.Array, images: jax.Array, *, chance: float, side: tuple[float, float]
) -> jax.Array:
    """Replace a random rectangle of some (N, H, W) float32 images by one level each.

    `side`: least and greatest length of the rectangle's sides, as shares of the image's.
    """
    pick, place, size, level = jax.random.split(key, 4)
    n, h, w = images.shape
    extent = jax.random.uniform(size, (n, 2), minval=side[0], maxval=side[1])
    corner = jax.random.uniform(place, (n, 2)) * (1 - extent)
    rows = (jnp.arange(h) + 0.5)[None, :] / h
    cols = (jnp.arange(w) + 0.5)[None, :] / w
    in_rows = (rows >= corner[:, :1]) & (rows < (corner + extent)[:, :1])
    in_cols = (cols >= corner[:, 1:]) & (cols < (corner + extent)[:, 1:])
    chosen = jax.random.bernoulli(pick, chance, (n, 1, 1))
    hole = in_rows[:, :, None] & in_cols[:, None, :] & chosen
    return jnp.where(hole, jax.random.uniform(level, (n, 1, 1), maxval=255.0), images)


def augment_faces(key: jax.Array, images: jax.Array) -> jax.Array:
    """Faces as a recording may show them: (N, 48, 48) uint8 -> (N, 48, 48) float32, 0 to 255."""
    affine, tone, blur, noise, erase = jax.random.split(key, 5)
    x = images.astype(jnp.float32)
    x = warp_affine(x, random_affine(affine, len(x), degrees=12.0, zoom=0.15, shift=4.0))
    x = random_blur(blur, x, chance=0.25, sigma=(0.4, 1.6))
    x = random_tone(tone, x, contrast=0.4, brightness=30.0, gamma=0.4)
    x = random_noise(noise, x, chance=0.25, sigma=10.0)
    return random_erase(erase, x, chance=0.25, side=(0.15, 0.45))
