"""What the detector minimises: centres (focal), boxes (IoU) and points."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from fervid.models.face_net import STRIDE, FaceMaps, cell_centers

_POINT_UNIT = 0.03
"""Errors of points below this share of the face's height count quadratically, larger ones less."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Targets:
    """What the maps of N crops should show; h = w = an eighth of the crop's side.

    Attributes:
        heat: (N, h, w) float32, an elliptical Gaussian a face, 1 at the cell of its centre.
        weight: (N, h, w) float32, 0 in regions to ignore.
        box: (N, h, w, 4) float32 corners of the face that each cell belongs to.
        points: (N, h, w, 3, 2) float32 points of that face, NaN where unknown.
        share: (N, h, w) float32, how much the cell's box and points count.
    """

    heat: jax.Array
    weight: jax.Array
    box: jax.Array
    points: jax.Array
    share: jax.Array


def make_targets(boxes: jax.Array, points: jax.Array, kind: jax.Array, cells: int) -> Targets:
    """Targets of square crops.

    Args:
        boxes: (N, B, 4) float32 corners in pixels.
        points: (N, B, 3, 2) float32 in pixels, NaN where unknown.
        kind: (N, B) int32: 1 a face, -1 ignore, 0 padding.
        cells: rows and columns of the maps.
    """
    grid = cell_centers(cells, cells)
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    extent = boxes[..., 2:] - boxes[..., :2]
    own_cell = (jnp.floor(center / STRIDE) + 0.5) * STRIDE
    sigma = jnp.maximum(0.13 * extent, 0.55 * STRIDE)
    offset = (grid[None, None] - own_cell[:, :, None, None]) / sigma[:, :, None, None]
    bump = jnp.exp(-0.5 * jnp.square(offset).sum(-1)) * (kind == 1)[:, :, None, None]
    heat, owner = bump.max(axis=1), bump.argmax(axis=1)
    rows = jnp.arange(len(boxes))[:, None, None]
    # Also the cell of the centre: a small box may hold no cell's centre.
    inside = (
        (grid[None, None] > boxes[:, :, None, None, :2])
        & (grid[None, None] < boxes[:, :, None, None, 2:])
        | (grid[None, None] == own_cell[:, :, None, None])
    ).all(-1) & (kind == -1)[:, :, None, None]
    weight = jnp.where(inside.any(axis=1) & (heat < 0.5), 0.0, 1.0)
    share = jnp.where(heat >= 0.4, heat, 0.0)
    return Targets(heat, weight, boxes[rows, owner], points[rows, owner], share)


def focal_loss(logits: jax.Array, heat: jax.Array, weight: jax.Array) -> jax.Array:
    """CenterNet's penalty-reduced focal loss (Zhou et al. 2019, eq. 1), a scalar per face."""
    prob = jnp.clip(jax.nn.sigmoid(logits), 1e-5, 1 - 1e-5)
    peak = heat > 0.999
    hit = jnp.square(1 - prob) * jnp.log(prob)
    miss = (1 - heat) ** 4 * jnp.square(prob) * jnp.log(1 - prob)
    return -(jnp.where(peak, hit, miss) * weight).sum() / jnp.maximum(peak.sum(), 1.0)


def giou(a: jax.Array, b: jax.Array) -> jax.Array:
    """Generalised IoU (Rezatofighi et al. 2019) of (..., 4) corner boxes."""
    overlap = jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2])
    inner = jnp.maximum(overlap, 0)
    hull = jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])
    shared = inner.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    whole = hull.prod(-1)
    return shared / jnp.maximum(union, 1e-6) - (whole - union) / jnp.maximum(whole, 1e-6)


def losses(maps: FaceMaps, points: jax.Array, targets: Targets) -> jax.Array:
    """(3,) float32: focal loss of the centres, GIoU loss of the boxes, Huber loss of the points.

    Args:
        maps: of N crops.
        points: (N, h, w, 3, 2) float32, each cell's points in pixels.
        targets: what maps and points should show.
    """
    share = targets.share
    fit = ((1 - giou(maps.boxes, targets.box)) * share).sum() / jnp.maximum(share.sum(), 1.0)
    height = jnp.maximum(targets.box[..., 3] - targets.box[..., 1], 1.0)[..., None, None]
    known = jnp.isfinite(targets.points)
    aim = jnp.where(known, targets.points, points)
    error = optax.huber_loss(points / height, aim / height, delta=_POINT_UNIT) / _POINT_UNIT
    counted = share[..., None, None] * known
    loss = (error * counted).sum() / jnp.maximum(counted.sum(), 1.0)
    return jnp.stack([focal_loss(maps.centers, targets.heat, targets.weight), fit, loss])
