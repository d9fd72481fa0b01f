"""Face detection: one compiled call per batch, including non-maximum suppression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fervid.detection.yunet import YunetDetector
from fervid.errors import ModelError
from fervid.models.cards import read_card, read_weights, unusable
from fervid.models.program import Function, Leaves, Program
from fervid.records import KEPT_SHARE, PAD_MULTIPLE, Detections, FrameBatch

if TYPE_CHECKING:
    from fervid.models.face_net import FaceNet


class Detector(Protocol):
    """The interface of a face detector.

    Attributes:
        card: the model card, for `meta.json`.
        start_score: score at which a face begins to be followed.
        photo_score: score of a face in a photo, higher because no later frame confirms it.
        min_score: lowest score of the boxes that are reported.
    """

    card: dict[str, Any]
    start_score: float
    photo_score: float
    min_score: float

    def prepare(self, shape: tuple[int, int]) -> None:
        """Prepare for frames of (H, W), so that the first call is as fast as the others."""
        ...

    def detect(self, batch: FrameBatch, displayed: tuple[int, int]) -> Detections:
        """Find the faces in a batch; see `FaceDetector.detect`."""
        ...


class FaceDetector:
    """fervid's own face detector, compiled once for each frame size.

    One pass finds faces from about 14 pixels to the height of the frame, at most `MAX_FACES` per
    frame.

    Args:
        model: name of a shipped model, or path of one on disk.
        start_score, min_score: see `Detector`; None: the model card's score, and a fixed share of
            it.
        batch_size: frames per call; larger batches take several calls.
        devices: see `fervid.models.program.Program`.

    Attributes:
        card: the model card.
        start_score, photo_score, min_score: see `Detector`.

    Raises:
        ModelError: the model is missing or cannot be used.
        SetupError: the shipped weights are missing or altered, or there is no device.
    """

    def __init__(
        self,
        model: str | Path = "face_detector",
        *,
        start_score: float | None = None,
        min_score: float | None = None,
        batch_size: int = 16,
        devices: Sequence[Any] | None = None,
    ) -> None:
        self._model = model
        self._arrays = read_weights(model)
        self.card = read_card(model)
        try:
            fit = self.card.get("calibration", {"scale": 1.0, "shift": 0.0})
            self._fit = (float(fit["scale"]), float(fit["shift"]))
            self.start_score = self.card["min_score"] if start_score is None else start_score
            stricter = self.card.get("min_score_photos", self.start_score)
            self.photo_score = stricter if start_score is None else start_score
            key = {name: self.card[name] for name in ("config", "sha256")}
        except (ValueError, KeyError, TypeError) as error:
            raise unusable(model, f"is not a face detector ({error})") from error
        self.min_score = KEPT_SHARE * self.start_score if min_score is None else min_score
        self._program = Program(
            {"task": "face search", "fit": self._fit, **key},
            self._make,
            batch_size=batch_size,
            devices=devices,
        )

    @cached_property
    def network(self) -> FaceNet:
        """The network with its weights, in evaluation mode.

        Raises:
            ModelError, SetupError: the weights do not fit.
        """
        # Loaded here because Flax takes half a second and a cached program does not need it.
        from fervid.models.face_net import FaceNet, FaceNetConfig
        from fervid.models.store import restore

        try:
            config = FaceNetConfig.of_card(self.card)
            return restore(lambda rngs: FaceNet(config, rngs=rngs), self._arrays)
        except (ValueError, KeyError, TypeError, ModelError) as error:
            raise unusable(self._model, f"is not a face detector ({error})") from error

    def _make(self, on_cpu: bool) -> tuple[Function, Leaves]:
        from fervid.models.face_search import face_search

        return face_search(self.network, *self._fit, on_cpu=on_cpu)

    def prepare(self, shape: tuple[int, int]) -> None:
        """Compile for frames of (H, W).

        Raises:
            ModelError, SetupError: the weights do not fit.
        """
        height, width = (-(-side // PAD_MULTIPLE) * PAD_MULTIPLE for side in shape)
        self._program.prepare((height, width))

    def detect(self, batch: FrameBatch, displayed: tuple[int, int]) -> Detections:
        """Find the faces in a batch.

        Args:
            batch: T frames of (H, W) at the working size.
            displayed: width and height of the displayed frame in pixels; boxes are in these.

        Returns:
            Faces by frame, then by falling score; at most `MAX_FACES` per frame.
        """
        count, height, width = batch.images.shape
        if not count:
            return Detections.empty()
        scores, boxes, points = self._program(_pad(batch.images))
        rows, slots = np.nonzero((scores > 0) & (scores >= self.min_score))
        return Detections.displayed(
            rows,
            boxes[rows, slots],
            scores[rows, slots],
            points[rows, slots],
            (width, height),
            displayed,
        )


def load_detector(
    choice: str,
    *,
    start_score: float | None = None,
    batch_size: int = 16,
    devices: Sequence[Any] | None = None,
) -> Detector:
    """Load the chosen detector: "fervid" or "yunet:FILE".

    Raises:
        ModelError: the file is missing or not a YuNet model.
        SetupError: the shipped weights are missing or altered, or there is no device.
    """
    kind, _, file = choice.partition(":")
    if kind == "yunet":
        return YunetDetector(Path(file), start_score=start_score)
    return FaceDetector(start_score=start_score, batch_size=batch_size, devices=devices)


def _pad(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(T, H, W) padded to multiples of the network's deepest stride."""
    below, right = (-side % PAD_MULTIPLE for side in images.shape[1:])
    if not below and not right:
        return images
    return np.pad(images, ((0, 0), (0, below), (0, right)), mode="edge")
