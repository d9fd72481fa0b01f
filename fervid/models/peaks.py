"""From the maps of a `FaceNet` to faces: local maxima and non-maximum suppression, inside jit."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from fervid.models.face_net import STRIDES, FaceMaps, FaceNet, place_points

MAX_FACES = 128
"""Most faces reported per frame."""

_CANDIDATES = (128, 64, 32)
"""Most local maxima considered per level; coarser levels, for larger faces, have fewer."""

_OVERLAP = 0.4
_SAME = 0.6
_INSIDE = 0.8


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Candidates:
    """K candidate faces in each of N frames, or in a single frame without the first axis.

    Attributes:
        scores: (N, K) float32 from 0 to 1; 0 means no face.
        boxes: (N, K, 4) float32, corners x0, y0, x1, y1 in pixels.
        points: (N, K, 3, 2) float32, x and y of right eye, left eye and mouth in pixels.
    """

    scores: jax.Array
    boxes: jax.Array
    points: jax.Array


def find_faces(model: FaceNet, frames: jax.Array, scale: jax.Array, shift: jax.Array) -> Candidates:
    """Find the faces in (N, H, W) luma, at most 128 per frame.

    Args:
        model: the detector's network.
        frames: luma whose sides are multiples of 64.
        scale, shift: () float32; the score is sigmoid(`scale` * logit + `shift`).
    """
    levels = [
        find_peaks(model, maps, level, scale, shift) for level, maps in enumerate(model(frames))
    ]
    together = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *levels)
    faces: Candidates = jax.vmap(suppress)(together)
    return faces


def find_peaks(
    model: FaceNet, maps: FaceMaps, level: int, scale: jax.Array, shift: jax.Array
) -> Candidates:
    """The strongest local maxima of a level's centre map, by falling score.

    Args:
        model: the detector's network.
        maps: maps of the level.
        level: index into `STRIDES`.
        scale, shift: see `find_faces`.
    """
    count, height, width = maps.centers.shape
    top = lax.reduce_window(maps.centers, -jnp.inf, lax.max, (1, 3, 3), (1, 1, 1), "SAME")
    prob = jax.nn.sigmoid(scale * maps.centers + shift)
    scores, cells = lax.top_k(
        jnp.where(maps.centers >= top, prob, 0.0).reshape(count, -1),
        min(_CANDIDATES[level], height * width),
    )
    boxes = jnp.take_along_axis(maps.boxes.reshape(count, -1, 4), cells[..., None], axis=1)
    rows, columns = cells // width, cells % width
    # Points are computed only at these cells; everywhere, they would cost a tenth of the network.
    around = jnp.pad(maps.features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = around[
        jnp.arange(count)[:, None, None, None],
        rows[..., None, None] + jnp.arange(3)[:, None],
        columns[..., None, None] + jnp.arange(3),
    ]
    offsets = model.offsets(patches.reshape(-1, *patches.shape[2:]), level)[:, 1, 1]
    centers = (jnp.stack([columns, rows], axis=-1) + 0.5) * STRIDES[level]
    points = place_points(offsets.reshape(*cells.shape, *offsets.shape[1:]), centers, boxes)
    return Candidates(scores, boxes, points)


def suppress(faces: Candidates) -> Candidates:
    """Greedy non-maximum suppression in one frame, by falling score; at most 128 faces remain.

    A box gets score 0 if its overlap with a stronger kept box is more than 0.4 (intersection over
    union), or if more than 0.8 of its area is inside that box, as with a mouth inside a large face.

    A kept box stands for the weaker ones that it overlaps by more than 0.6: it becomes the mean of
    their boxes and points, weighted by squared scores (box voting, Gidaris & Komodakis 2015).

    Args:
        faces: candidates of one frame.
    """
    order = jnp.argsort(-faces.scores)
    boxes, scores, points = faces.boxes[order], faces.scores[order], faces.points[order]
    overlap, inside = pairwise_overlap(boxes, boxes)
    later = jnp.arange(len(scores))
    goes = (overlap > _OVERLAP) | (inside > _INSIDE)

    def visit(row: jax.Array, kept: jax.Array) -> jax.Array:
        return kept & ~(kept[row] & goes[row] & (later > row))

    kept = lax.fori_loop(0, len(scores), visit, scores > 0)
    best, rows = lax.top_k(jnp.where(kept, scores, 0.0), min(MAX_FACES, len(scores)))
    same = (overlap[rows] > _SAME) & (later > rows[:, None]) | (later == rows[:, None])
    votes = jnp.where(same, jnp.square(scores), 0.0)
    share = votes / jnp.maximum(votes.sum(axis=1, keepdims=True), 1e-12)
    return Candidates(best, share @ boxes, jnp.einsum("ij,jkl->ikl", share, points))


def pairwise_overlap(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Intersections of (N, 4) and (M, 4) corner boxes, divided by their union and by b's area.

    Both are (N, M) float32.
    """
    low = jnp.maximum(a[:, None, :2], b[None, :, :2])
    high = jnp.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = jnp.maximum(high - low, 0).prod(-1)
    area_a = (a[:, 2:] - a[:, :2]).prod(-1)
    area_b = (b[:, 2:] - b[:, :2]).prod(-1)
    union = area_a[:, None] + area_b[None] - shared
    return shared / jnp.maximum(union, 1e-6), shared / jnp.maximum(area_b[None], 1e-6)
