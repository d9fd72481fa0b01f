"""Losses of the detector: centres (focal), boxes (IoU) and points."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from fervid.models.face_net import STRIDES

SIZES = ((0.0, 44.0), (30.0, 100.0), (70.0, 1e6))
"""Sizes of the faces that each level must find, in pixels: sqrt(width * height).

They overlap, so that every size is well inside some level's range.
"""

_FADE = 1.4
"""Faces outside a level's sizes, but within this factor, may be found there or not."""

_ROWS = 63

_POINT_UNIT = 0.03
"""Errors of points count quadratically up to this share of the face's height, then linearly."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Targets:
    """Targets for a level's maps of N crops; h = w = the crop's side divided by the stride.

    Attributes:
        heat: (N, h, w) float32, 1 in cells around the centre of a face, falling off outside.
        weight: (N, h, w) float32: where heat is 1, one divided by the number of cells that share
            the face's centre; 0 in regions to ignore; 1 elsewhere.
        box: (N, h, w, 4) float32 corners of the face of each cell.
        points: (N, h, w, 3, 2) float32 points of that face; NaN if unknown.
        share: (N, h, w) float32 weight of the cell's box and points.
    """

    heat: jax.Array
    weight: jax.Array
    box: jax.Array
    points: jax.Array
    share: jax.Array


def make_targets(
    boxes: jax.Array, points: jax.Array, kind: jax.Array, cells: int, level: int
) -> Targets:
    """Make the targets of square crops at one level.

    Args:
        boxes: (N, B, 4) float32 corners in pixels.
        points: (N, B, 3, 2) float32 in pixels, NaN where unknown.
        kind: (N, B) int32: 1 a face, -1 ignore, 0 padding.
        cells: number of rows and columns of the maps.
        level: index into `STRIDES` and `SIZES`.
    """
    stride, (least, most) = STRIDES[level], SIZES[level]
    center, extent = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    size = jnp.sqrt(jnp.maximum(extent.prod(-1), 0.0))
    own = (kind == 1) & (size >= least) & (size < most)
    near = (kind == 1) & (size >= least / _FADE) & (size < most * _FADE)
    unsure = (kind == -1) | (near & ~own)

    # Everything below is a product of factors that depend on x and on y, (2, N, B, cells).
    line = (jnp.arange(cells, dtype=jnp.float32) + 0.5) * stride
    center, extent = (jnp.moveaxis(part, -1, 0)[..., None] for part in (center, extent))
    away = jnp.abs(line - center)
    # The centre of the cell that contains a face's centre is within half a stride of it.
    core = jnp.maximum(0.08 * extent, 0.5 * stride)
    spread = jnp.maximum(0.13 * extent, 0.5 * stride)
    bump = jnp.exp(-0.5 * jnp.square(jnp.maximum(away - core, 0.0) / spread))
    bump = bump * own[..., None]
    heat, owner = _strongest(bump[1][..., None] * bump[0][..., None, :])
    cores = (bump >= 1.0).sum(axis=-1).prod(axis=0)

    # The cell of the centre is always included, as a small box may contain no cell's centre.
    inside = (away <= jnp.maximum(extent / 2, 0.5 * stride)) & unsure[..., None]
    covered = jnp.einsum("nbi,nbj->nij", *inside[::-1].astype(jnp.float32)) > 0
    rows = jnp.arange(len(boxes))[:, None, None]
    shared = 1.0 / jnp.maximum(cores[rows, owner], 1)
    weight = jnp.where(heat >= 1.0, shared, jnp.where(covered & (heat < 0.5), 0.0, 1.0))
    share = jnp.where(heat >= 0.5, heat * shared, 0.0)
    return Targets(heat, weight, boxes[rows, owner], points[rows, owner], share)


def _strongest(bumps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Maximum over the second of (N, B, h, w) in 0 to 1, to 17 bits, and its row; B at most 64.

    The row is encoded in the last bits, because an argmax is slow on CPUs.
    """
    bits = jax.lax.bitcast_convert_type(bumps, jnp.int32) & ~_ROWS
    best = (bits | jnp.arange(bumps.shape[1], dtype=jnp.int32)[:, None, None]).max(axis=1)
    return jax.lax.bitcast_convert_type(best & ~_ROWS, jnp.float32), best & _ROWS


def focal_loss(logits: jax.Array, heat: jax.Array, weight: jax.Array) -> jax.Array:
    """CenterNet's penalty-reduced focal loss (Zhou et al. 2019, eq. 1), summed."""
    hit = jnp.square(jax.nn.sigmoid(-logits)) * jax.nn.log_sigmoid(logits)
    miss = (1 - heat) ** 4 * jnp.square(jax.nn.sigmoid(logits)) * jax.nn.log_sigmoid(-logits)
    return -(jnp.where(heat >= 1.0, hit, miss) * weight).sum()


def giou(a: jax.Array, b: jax.Array) -> jax.Array:
    """Generalised IoU (Rezatofighi et al. 2019) of (..., 4) corner boxes."""
    overlap = jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2])
    inner = jnp.maximum(overlap, 0)
    hull = jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])
    shared = inner.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    whole = hull.prod(-1)
    return shared / jnp.maximum(union, 1e-6) - (whole - union) / jnp.maximum(whole, 1e-6)


def losses(
    centers: jax.Array, boxes: jax.Array, points: jax.Array, targets: Targets
) -> tuple[jax.Array, jax.Array]:
    """Sums and counts of a level's focal loss, GIoU loss of boxes and Huber loss of points.

    Args:
        centers: (N, h, w) float32 logits.
        boxes: (N, h, w, 4) float32 corners in pixels.
        points: (N, h, w, 3, 2) float32, each cell's points in pixels.
        targets: the targets.

    Returns:
        (3,) float32 sums, and (3,) float32 divisors.
    """
    share, faces = targets.share, jnp.where(targets.heat >= 1.0, targets.weight, 0.0).sum()
    fit = ((1 - giou(boxes, targets.box)) * share).sum()
    height = jnp.maximum(targets.box[..., 3] - targets.box[..., 1], 1.0)[..., None, None]
    known = jnp.isfinite(targets.points)
    aim = jnp.where(known, targets.points, points)
    error = optax.huber_loss(points / height, aim / height, delta=_POINT_UNIT) / _POINT_UNIT
    counted = share[..., None, None] * known
    sums = jnp.stack(
        [
            focal_loss(centers, targets.heat, targets.weight),
            fit,
            (error * counted).sum(),
        ]
    )
    return sums, jnp.stack([faces, share.sum(), counted.sum()])
