"""Augmentation of face images as pure functions for use inside jit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from training.looks import Looks, alter


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
    """(n, 2, 3) float32 maps: rotation, log-uniform zoom, shift in px; half of them also flip."""
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
    """Gaussian blur of some (N, H, W) float32 images, as for faces far from the camera."""
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

    `side`: smallest and largest length of the rectangle's sides, as shares of the image's.
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


def random_resize(
    key: jax.Array, images: jax.Array, *, chance: float, sizes: tuple[int, int]
) -> jax.Array:
    """Shrink some (N, S, S) float32 images to a side in `sizes` by area and enlarge them again.

    This is how the classifier sees faces that are small in their frame.
    """
    pick, size = jax.random.split(key)
    n, side, _ = images.shape
    small = range(sizes[0], sizes[1] + 1)
    table = np.stack([_shrink_and_enlarge(side, k) for k in small] + [np.eye(side)])
    chosen = jax.random.randint(size, (n,), 0, len(small))
    chosen = jnp.where(jax.random.bernoulli(pick, chance, (n,)), chosen, len(small))
    resize = jnp.asarray(table, jnp.float32)[chosen]
    return jnp.einsum("nij,njk,nlk->nil", resize, images, resize)


def _shrink_and_enlarge(side: int, small: int) -> np.ndarray:
    """(side, side) float64: area down-scaling to `small`, then bilinear up-scaling, as one map."""
    edges = np.arange(small + 1) * side / small
    pixels = np.arange(side)
    down = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    down = np.clip(down, 0, None) * small / side
    place = np.clip((pixels + 0.5) * small / side - 0.5, 0, small - 1)[:, None]
    up = np.clip(1 - np.abs(place - np.arange(small)), 0, None)
    return np.asarray(up @ down)


_JPEG_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
"""Quantisation of luma in ITU-T T.81, table K.1."""


def jpeg(images: jax.Array, quality: jax.Array) -> jax.Array:
    """Luma after JPEG compression: 8x8 DCT, quantisation (ITU-T T.81), inverse, rounding.

    Args:
        images: (N, H, W) float32 luma in 0 to 255; H and W multiples of 8.
        quality: (N,) float32, 1 to 100, on the scale of the Independent JPEG Group.

    Returns:
        (N, H, W) float32.
    """
    _, h, w = images.shape
    k = np.arange(8)
    basis = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16) / 2
    basis[0] /= np.sqrt(2)
    rows = jnp.asarray(np.kron(np.eye(h // 8), basis), jnp.float32)
    cols = jnp.asarray(np.kron(np.eye(w // 8), basis), jnp.float32)
    percent = jnp.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    table = jnp.clip(jnp.floor((_JPEG_LUMA * percent + 50) / 100), 1, 255)
    table = jnp.tile(table, (1, h // 8, w // 8))
    spectrum = jnp.einsum("ij,njk,lk->nil", rows, images - 128, cols)
    spectrum = jnp.round(spectrum / table) * table
    return jnp.clip(jnp.round(jnp.einsum("ji,njk,kl->nil", rows, spectrum, cols) + 128), 0, 255)


def random_jpeg(
    key: jax.Array, images: jax.Array, *, chance: float, quality: tuple[float, float]
) -> jax.Array:
    """JPEG artefacts of a random quality on some (N, H, W) float32 images."""
    pick, level = jax.random.split(key)
    shape = (len(images),)
    squeezed = jpeg(images, jax.random.uniform(level, shape, minval=quality[0], maxval=quality[1]))
    return jnp.where(jax.random.bernoulli(pick, chance, shape)[:, None, None], squeezed, images)


def augment_faces(
    key: jax.Array, images: jax.Array, looks: Looks | None = None
) -> tuple[jax.Array, jax.Array]:
    """Augment faces to look as in recordings.

    Args:
        key: random key.
        images: (N, 48, 48) uint8.
        looks: how often faces are hidden or badly lit; None: never.

    Returns:
        (N, 48, 48) float32, 0 to 255; and (N,) float32, 1 if a face cannot be read because its
        mouth is hidden, see `training.looks`.
    """
    affine, size, tone, blur, noise, squeeze, erase = jax.random.split(key, 7)
    x, covered = images.astype(jnp.float32), jnp.zeros(len(images))
    if looks is not None and looks != Looks():
        x, covered = alter(jax.random.fold_in(key, 7), x, looks)
    x = warp_affine(x, random_affine(affine, len(x), degrees=12.0, zoom=0.12, shift=3.0))
    x = random_resize(size, x, chance=0.12, sizes=(16, 40))
    x = random_blur(blur, x, chance=0.12, sigma=(0.4, 1.6))
    x = random_tone(tone, x, contrast=0.3, brightness=20.0, gamma=0.45)
    x = random_noise(noise, x, chance=0.1, sigma=10.0)
    x = random_jpeg(squeeze, x, chance=0.12, quality=(20.0, 70.0))
    return random_erase(erase, x, chance=0.15, side=(0.15, 0.35)), covered


def mixup(
    key: jax.Array, images: jax.Array, targets: list[jax.Array], alpha: float
) -> tuple[jax.Array, list[jax.Array]]:
    """Blend each image and its targets with another of the batch (Zhang et al. 2018).

    Args:
        key: random key.
        images: (N, H, W) float32.
        targets: arrays (N, ...) of target shares, blended alike.
        alpha: parameter of the Beta distribution of the share; one share per batch.
    """
    share = jax.random.beta(key, alpha, alpha)
    share = jnp.maximum(share, 1 - share)

    def blend(x: jax.Array) -> jax.Array:
        return share * x + (1 - share) * jnp.roll(x, 1, axis=0)

    return blend(images), [blend(target) for target in targets]
