"""Faces from frames: one jitted call a batch, with decoding and suppression inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from numpy.typing import NDArray

from fervid.model_cards import read_card, read_weights
from fervid.models.face_net import PAD_MULTIPLE, FaceNet, FaceNetConfig, boxes_from_sides
from fervid.models.store import restore
from fervid.records import Detections, FrameBatch

MAX_FACES = 64
"""Most faces reported a frame."""

_SCALES = 2
_OVERLAP = 0.4
_INSIDE = 0.8


class FaceDetector:
    """The shipped face detector, compiled once for each frame size and batch size.

    Frames are searched at their own size and at half of it, so that one small network finds faces
    from about 12 to 320 pixels high.

    Attributes:
        card: the model card of the weights in use.
        min_score: boxes below this score are not reported.
    """

    def __init__(
        self, model: FaceNet, card: dict[str, Any], *, min_score: float | None = None
    ) -> None:
        self.card = card
        self.min_score = card["min_score"] if min_score is None else min_score
        graph, state = nnx.split(model)
        self._state = state
        self._find: Callable[..., tuple[jax.Array, jax.Array]] = jax.jit(partial(_find, graph))

    @classmethod
    def load(cls, *, min_score: float | None = None) -> FaceDetector:
        """The detector with the weights in the package.

        Raises:
            SetupError: the weights are missing or altered.
        """
        card = read_card("face_detector")
        config = FaceNetConfig(**_tuples(card["config"]))
        model = restore(lambda rngs: FaceNet(config, rngs=rngs), read_weights("face_detector"))
        return cls(model, card, min_score=min_score)

    def detect(
        self, batch: FrameBatch, displayed: tuple[int, int], *, batch_size: int | None = None
    ) -> Detections:
        """Find the faces of a batch.

        Args:
            batch: T frames of (H, W) at the working size.
            displayed: width and height in pixels of the displayed frame, the unit of the boxes.
            batch_size: pad to this many frames, so that a short last batch compiles nothing new.

        Returns:
            Faces in order of frame, then of falling score; at most `MAX_FACES` a frame.
        """
        count, height, width = batch.images.shape
        size = max(batch_size or count, count)
        found = self._find(self._state, _pad(batch.images, size))
        boxes, scores = (np.asarray(part)[:count] for part in found)
        rows, slots = np.nonzero((scores > 0) & (scores >= self.min_score))
        corners = boxes[rows, slots] * np.tile(
            np.array(displayed, np.float32) / np.array([width, height], np.float32), 2
        )
        limit = np.tile(np.array(displayed, np.float32), 2)
        corners = np.clip(corners, 0, limit)
        xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        faces = Detections(rows.astype(np.int32), xywh.astype(np.float32), scores[rows, slots])
        return faces[(xywh[:, 2] >= 1) & (xywh[:, 3] >= 1)]


def _tuples(config: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in config.items()}


def _pad(images: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """(T, H, W) -> (count, H', W'), sides padded to multiples of the deepest stride."""
    multiple = PAD_MULTIPLE * 2 ** (_SCALES - 1)
    frames, height, width = images.shape
    below, right = -height % multiple, -width % multiple
    if frames < count:
        images = np.concatenate([images, np.zeros((count - frames, height, width), np.uint8)])
    return np.pad(images, ((0, 0), (0, below), (0, right)), mode="edge")


def _find(graph: Any, state: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(T, H, W) uint8 -> corners (T, 64, 4) in pixels, scores (T, 64); score 0 means no face."""
    model = nnx.merge(graph, state)
    view = images.astype(jnp.float32)
    boxes, scores = [], []
    for level in range(_SCALES):
        if level:
            n, h, w = view.shape
            view = view.reshape(n, h // 2, 2, w // 2, 2).mean(axis=(2, 4))
        corners, score = _peaks(*model(view))
        boxes.append(corners * 2.0**level)
        scores.append(score)
    return jax.vmap(suppress)(jnp.concatenate(boxes, axis=1), jnp.concatenate(scores, axis=1))


def _peaks(logits: jax.Array, sides: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The strongest local maxima: corners (T, 64, 4) and scores (T, 64)."""
    count = len(logits)
    top = lax.reduce_window(logits, -jnp.inf, lax.max, (1, 3, 3), (1, 1, 1), "SAME")
    heat = jnp.where(logits >= top, jax.nn.sigmoid(logits), 0.0).reshape(count, -1)
    corners = boxes_from_sides(sides).reshape(count, -1, 4)
    scores, cells = lax.top_k(heat, min(MAX_FACES, heat.shape[1]))
    return jnp.take_along_axis(corners, cells[..., None], axis=1), scores


def suppress(boxes: jax.Array, scores: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Greedy non-maximum suppression of (K, 4) corners with (K,) scores, at most 64 kept.

    A box gets score 0 if it overlaps a stronger kept one by more than .4 (intersection over union),
    or lies inside of it with more than .8 of its area, as a mouth within a large face does.
    """
    order = jnp.argsort(-scores)
    boxes, scores = boxes[order], scores[order]
    overlap, inside = pairwise_overlap(boxes, boxes)
    overlaps = (overlap > _OVERLAP) | (inside > _INSIDE)
    later = jnp.arange(len(scores))

    def visit(row: jax.Array, kept: jax.Array) -> jax.Array:
        return kept & ~(kept[row] & overlaps[row] & (later > row))

    kept = lax.fori_loop(0, len(scores), visit, scores > 0)
    best, rows = lax.top_k(jnp.where(kept, scores, 0.0), min(MAX_FACES, len(scores)))
    return boxes[rows], best


def pairwise_overlap(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Intersection of (N, 4) and (M, 4) corner boxes, over their union and over b's own area.

    Both are (N, M) float32.
    """
    low = jnp.maximum(a[:, None, :2], b[None, :, :2])
    high = jnp.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = jnp.maximum(high - low, 0).prod(-1)
    area_a = (a[:, 2:] - a[:, :2]).prod(-1)
    area_b = (b[:, 2:] - b[:, :2]).prod(-1)
    union = area_a[:, None] + area_b[None] - shared
    return shared / jnp.maximum(union, 1e-6), shared / jnp.maximum(area_b[None], 1e-6)
