"""Simulates faces in recordings: hidden parts, uneven light and infrared light.

Pure functions, to be called inside jit. Objects in front of a face are painted at the places of
eyes and mouth in FER-2013, before the picture is rotated and moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from fervid.records import FACE_SIZE

_EYES, _EYES_ROW = (14.5, 32.5), 17.0
_MOUTH = (slice(33, 43), slice(15, 33))
_MOST_HIDDEN = 0.6
_EDGE = 4.0


@dataclass(frozen=True)
class Looks:
    """How often faces are altered, as shares of all faces, 0 to 1.

    Attributes:
        hidden: a surgical mask, a hand, a microphone or dark glasses in front of the face.
        uneven: light from one side, or the edge of a shadow across the face.
        infrared: the face as a camera with an infrared lamp sees it in the dark.
    """

    hidden: float = 0.0
    uneven: float = 0.0
    infrared: float = 0.0


def alter(key: jax.Array, images: jax.Array, looks: Looks) -> tuple[jax.Array, jax.Array]:
    """Alter some of (N, 48, 48) float32 faces, 0 to 255.

    Returns:
        The faces, and (N,) float32: 1 if so much of the mouth is hidden that the expression cannot
        be read, else 0.
    """
    hide, light, lamp = jax.random.split(key, 3)
    covered = jnp.zeros(len(images))
    if looks.hidden:
        images, covered = random_cover(hide, images, chance=looks.hidden)
    if looks.uneven:
        images = random_light(light, images, chance=looks.uneven)
    if looks.infrared:
        images = random_infrared(lamp, images, chance=looks.infrared)
    return images, covered


def random_cover(
    key: jax.Array, images: jax.Array, *, chance: float
) -> tuple[jax.Array, jax.Array]:
    """Put an object in front of some faces; also return whether it covers (N,) mouths, 0 or 1."""
    pick, kind, *keys = jax.random.split(key, 6)
    n = len(images)
    skin = images[:, 20:32, 12:36].mean(axis=(1, 2))
    things = [
        _mask(keys[0], n),
        _hand(keys[1], skin),
        _microphone(keys[2], n),
        _glasses(keys[3], n),
    ]
    cover, level = (jnp.stack(part) for part in zip(*things, strict=True))
    chosen = jax.random.randint(kind, (n,), 0, len(things))
    rows = jnp.arange(n)
    before = jax.random.bernoulli(pick, chance, (n, 1, 1))
    cover, level = cover[chosen, rows] * before, level[chosen, rows]
    hidden = cover[:, *_MOUTH].mean(axis=(1, 2))
    painted = images * (1 - cover) + jnp.clip(level, 0.0, 255.0) * cover
    return painted, (hidden >= _MOST_HIDDEN).astype(jnp.float32)


def random_light(key: jax.Array, images: jax.Array, *, chance: float) -> jax.Array:
    """Light some (N, S, S) faces from one side, half of them with the edge of a shadow."""
    pick, way, fall, half, soft, deep, place = jax.random.split(key, 7)
    n = len(images)
    angle = _uniform(way, n, 0, 2 * jnp.pi)
    x, y = _grid()
    along = ((x - 23.5) * jnp.cos(angle) + (y - 23.5) * jnp.sin(angle)) / 23.5
    gradient = jnp.exp(_uniform(fall, n, 0.2, 0.9) * along)
    edge = jax.nn.sigmoid((along - _uniform(place, n, -0.4, 0.4)) * _uniform(soft, n, 3, 20))
    shadow = 1 - _uniform(deep, n, 0.3, 0.75) * edge
    shadowed = jax.random.bernoulli(half, 0.5, (n, 1, 1))
    lit = jnp.clip(images * jnp.where(shadowed, shadow, gradient), 0.0, 255.0)
    return jnp.where(jax.random.bernoulli(pick, chance, (n, 1, 1)), lit, images)


def random_infrared(key: jax.Array, images: jax.Array, *, chance: float) -> jax.Array:
    """Show some (N, S, S) faces in infrared light: pale, smooth skin and dark surroundings."""
    pick, wide, pale, where = jax.random.split(key, 4)
    n = len(images)
    x, y = _grid()
    middle = jax.random.uniform(where, (n, 2, 1, 1), minval=17.0, maxval=31.0)
    apart = jnp.square(x - middle[:, 0]) + jnp.square(y - middle[:, 1])
    lamp = 0.25 + 0.75 * jnp.exp(-apart / (2 * jnp.square(_uniform(wide, n, 16, 34))))
    skin = 255.0 * jnp.power(jnp.clip(images, 0.0, 255.0) / 255.0, _uniform(pale, n, 0.45, 0.8))
    wider = jnp.pad(skin, ((0, 0), (1, 0), (1, 0)), mode="edge")
    beside = (wider[:, 1:] + wider[:, :-1]) / 2
    smooth = (beside[:, :, 1:] + beside[:, :, :-1]) / 2
    lit = jnp.clip(smooth * lamp, 0.0, 255.0)
    return jnp.where(jax.random.bernoulli(pick, chance, (n, 1, 1)), lit, images)


def _grid() -> tuple[jax.Array, jax.Array]:
    """x and y of every pixel, (1, 48, 48) each."""
    y, x = jnp.mgrid[:FACE_SIZE, :FACE_SIZE].astype(jnp.float32)
    return x[None], y[None]


def _uniform(key: jax.Array, n: int, low: float, high: float) -> jax.Array:
    """(n, 1, 1) draws."""
    return jax.random.uniform(key, (n, 1, 1), minval=low, maxval=high)


def _inside(distance: jax.Array) -> jax.Array:
    """From 0 outside a shape to 1 inside, with a soft edge where the distance is 1."""
    return jax.nn.sigmoid((1 - distance) * 3 * _EDGE)


def _ellipse(x: jax.Array, y: jax.Array, rx: jax.Array | float, ry: jax.Array | float) -> jax.Array:
    return _inside(jnp.sqrt(jnp.square(x / rx) + jnp.square(y / ry)))


def _bar(x: jax.Array, y: jax.Array, length: float, radius: jax.Array | float) -> jax.Array:
    """A bar with round ends from the origin along y."""
    return _inside(jnp.hypot(x, y - jnp.clip(y, 0.0, length)) / radius)


def _mask(key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """A surgical mask over nose, mouth and chin: how much it covers, and its luma."""
    across, upper, tone = jax.random.split(key, 3)
    x, y = _grid()
    side = x - _uniform(across, n, 22.0, 26.0)
    top = _uniform(upper, n, 25.0, 30.0) - 4 * jnp.exp(-jnp.square(side / 6))
    face = _ellipse(side, y - 24.0, 20.0, 25.0)
    pleats = 10 * jnp.sin(y * 2 * jnp.pi / 6) - 35 * jnp.square(side / 20)
    return face * jax.nn.sigmoid(_EDGE * (y - top)), _uniform(tone, n, 25.0, 245.0) + pleats


def _hand(key: jax.Array, skin: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A palm with four fingers near the mouth or a cheek, with the luma of the skin."""
    across, down, way, tone = jax.random.split(key, 4)
    n = len(skin)
    x, y = _grid()
    side, below = x - _uniform(across, n, 14.0, 34.0), y - _uniform(down, n, 32.0, 42.0)
    angle = _uniform(way, n, 0, 2 * jnp.pi)
    u = side * jnp.cos(angle) + below * jnp.sin(angle)
    v = below * jnp.cos(angle) - side * jnp.sin(angle)
    fingers = [_bar(u - 4.2 * (k - 1.5), v - 5.0, 12.0, 2.3) for k in range(4)]
    cover = jnp.maximum(_ellipse(u, v, 9.5, 8.5), jnp.max(jnp.stack(fingers), axis=0))
    gaps = 12 * jnp.cos(u * 2 * jnp.pi / 4.2) * (v > 5)
    return cover, skin[:, None, None] * _uniform(tone, n, 0.75, 1.2) + gaps


def _microphone(key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """A dark microphone held up to the mouth from below."""
    across, down, size, tone = jax.random.split(key, 4)
    x, y = _grid()
    side, below = x - _uniform(across, n, 16.0, 32.0), y - _uniform(down, n, 36.0, 45.0)
    radius = _uniform(size, n, 4.0, 8.5)
    cover = jnp.maximum(_ellipse(side, below, radius, radius), _bar(side, below, 40.0, radius / 2))
    return cover, _uniform(tone, n, 5.0, 80.0) + 12 * jnp.cos(2.0 * (x + y))


def _glasses(key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """Dark glasses."""
    down, size, tone = jax.random.split(key, 3)
    x, y = _grid()
    below = y - _uniform(down, n, _EYES_ROW - 1.5, _EYES_ROW + 2.5)
    width = _uniform(size, n, 6.0, 8.5)
    lenses = [_ellipse(x - eye, below, width, 0.75 * width) for eye in _EYES]
    bridge = _inside(jnp.maximum(jnp.abs(x - 23.5) / 20.0, jnp.abs(below + 2.0) / 1.2))
    cover = jnp.maximum(jnp.maximum(lenses[0], lenses[1]), bridge)
    return cover, jnp.broadcast_to(_uniform(tone, n, 3.0, 60.0), cover.shape)
