"""Faces from frames: one jitted call a batch, with decoding and suppression inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import ModelError
from fervid.model_cards import read_card, read_weights, unusable
from fervid.models.face_net import PAD_MULTIPLE, FaceNet, FaceNetConfig
from fervid.models.inference import for_inference, in_chunks
from fervid.models.peaks import Candidates, find_peaks, merge
from fervid.models.store import restore
from fervid.records import KEPT_SHARE, Detections, FrameBatch
from fervid.yunet import YunetDetector

_SHRINK = 3
"""Frames are searched at their own size and this many times smaller, for faces close by."""

_FRAMES_AT_A_TIME = 1
_LEAST_FOR_WINOGRAD = 32


class Detector(Protocol):
    """What the pipeline asks of a face detector.

    Attributes:
        card: what is known about the model, for `meta.json`.
        start_score: score from which a box is a face by itself.
        min_score: boxes below this score are not reported.
    """

    card: dict[str, Any]
    start_score: float
    min_score: float

    def detect(
        self, batch: FrameBatch, displayed: tuple[int, int], *, batch_size: int | None = None
    ) -> Detections:
        """Find the faces of a batch; see `FaceDetector.detect`."""
        ...


class FaceDetector:
    """The shipped face detector, compiled once for each frame size and batch size.

    Frames are searched at their own size and at a third of it, so that one small network finds
    faces from about 16 to 450 pixels high.

    Attributes:
        card: the model card of the weights in use.
        network: with the weights in use.
        start_score, min_score: see `Detector`.
    """

    def __init__(
        self,
        model: FaceNet,
        card: dict[str, Any],
        *,
        start_score: float | None = None,
        min_score: float | None = None,
    ) -> None:
        self.card, self.network = card, model
        self.start_score = card["min_score"] if start_score is None else start_score
        self.min_score = KEPT_SHARE * self.start_score if min_score is None else min_score
        fast = for_inference(model, winograd_from=_LEAST_FOR_WINOGRAD)
        graph, self._state = nnx.split(fast)
        fit = card.get("calibration", {"scale": 1.0, "shift": 0.0})
        self._calibration = (np.float32(fit["scale"]), np.float32(fit["shift"]))
        self._find: Callable[..., Candidates] = jax.jit(partial(_find, graph))

    @classmethod
    def load(
        cls,
        model: str | Path = "face_detector",
        *,
        start_score: float | None = None,
        min_score: float | None = None,
    ) -> FaceDetector:
        """A detector of this kind: the one with the weights in the package, or one on disk.

        Raises:
            ModelError: no such model, or it cannot be used.
            SetupError: the shipped weights are missing or altered.
        """
        card, arrays = read_card(model), read_weights(model)
        try:
            config = FaceNetConfig.of_card(card)
            net = restore(lambda rngs: FaceNet(config, rngs=rngs), arrays)
            return cls(net, card, start_score=start_score, min_score=min_score)
        except (ValueError, KeyError, TypeError, ModelError) as error:
            raise unusable(model, f"no face detector ({error})") from error

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
        found = self._find(self._state, _pad(batch.images, size), *self._calibration)
        scores, boxes, points = (
            np.asarray(part)[:count] for part in (found.scores, found.boxes, found.points)
        )
        rows, slots = np.nonzero((scores > 0) & (scores >= self.min_score))
        return Detections.displayed(
            rows,
            boxes[rows, slots],
            scores[rows, slots],
            points[rows, slots],
            (width, height),
            displayed,
        )


def load_detector(choice: str, *, start_score: float | None = None) -> Detector:
    """The detector that a user chose: "fervid", or "yunet:FILE".

    Raises:
        ModelError: the file is missing or no YuNet.
        SetupError: the shipped weights are missing or altered.
    """
    kind, _, file = choice.partition(":")
    if kind == "yunet":
        return YunetDetector(Path(file), start_score=start_score)
    return FaceDetector.load(start_score=start_score)


def _pad(images: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """(T, H, W) -> (count, H', W'), sides padded to multiples of the deepest stride."""
    frames, height, width = images.shape
    below, right = -height % PAD_MULTIPLE, -width % PAD_MULTIPLE
    if frames < count:
        images = np.concatenate([images, np.zeros((count - frames, height, width), np.uint8)])
    return np.pad(images, ((0, 0), (0, below), (0, right)), mode="edge")


def _find(
    graph: Any, state: Any, images: jax.Array, scale: jax.Array, shift: jax.Array
) -> Candidates:
    """Faces of (T, H, W) uint8 at two sizes."""
    model = nnx.merge(graph, state)

    def search(frames: jax.Array) -> Candidates:
        views = [frames.astype(jnp.float32), _shrink(frames)]
        found = (
            find_peaks(model, view, pixels, scale, shift)
            for view, pixels in zip(views, (1, _SHRINK), strict=True)
        )
        return merge(*found)

    return in_chunks(search, images, _FRAMES_AT_A_TIME)


def _shrink(frames: jax.Array) -> jax.Array:
    """(N, H, W) uint8 -> float32 means of 3x3 pixels, padded to what the network takes.

    By slices: a mean over axes of three takes six times as long on CPUs.
    """
    whole = _pad_sides(frames.astype(jnp.float32), _SHRINK)
    rows = reduce(jnp.add, [whole[:, first::_SHRINK] for first in range(_SHRINK)])
    cells = reduce(jnp.add, [rows[:, :, first::_SHRINK] for first in range(_SHRINK)])
    return _pad_sides(cells / _SHRINK**2, PAD_MULTIPLE)


def _pad_sides(frames: jax.Array, multiple: int) -> jax.Array:
    """(N, H, W) with sides brought up to multiples of a number by repeating the last pixels."""
    below, right = (-side % multiple for side in frames.shape[1:])
    return jnp.pad(frames, ((0, 0), (0, below), (0, right)), mode="edge")
