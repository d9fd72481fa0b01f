"""YuNet (Wu et al. 2023), run by OpenCV as a `Detector`, for users who have its ONNX file."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.errors import ModelError
from fervid.records import KEPT_SHARE, Detections, FrameBatch

_START_SCORE = 0.8
_OVERLAP = 0.3
_MOST = 5000
_RIGHT_EYE, _LEFT_EYE, _MOUTH_CORNERS = slice(4, 6), slice(6, 8), slice(10, 14)
_SCORE = 14


class YunetDetector:
    """`cv2.FaceDetectorYN` with a file from OpenCV's model zoo, one frame at a time, on the CPU.

    Attributes:
        card: the file's name and sha256, for `meta.json`.
        start_score, min_score: see `fervid.detection.detector.Detector`.
    """

    def __init__(
        self, path: Path, *, start_score: float | None = None, min_score: float | None = None
    ) -> None:
        """Read the model.

        Raises:
            ModelError: the file is missing or not a YuNet model.
        """
        self.start_score = _START_SCORE if start_score is None else start_score
        self.photo_score = self.start_score
        self.min_score = KEPT_SHARE * self.start_score if min_score is None else min_score
        self._one_at_a_time = threading.Lock()  # OpenCV's object keeps buffers between calls
        try:
            blob = path.read_bytes()
        except OSError as error:
            raise ModelError(f"detector {path}: {error.strerror or error}") from error
        try:
            self._net = cv2.FaceDetectorYN.create(
                str(path), "", (32, 32), self.min_score, _OVERLAP, _MOST
            )
            self._net.detect(np.zeros((32, 32, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"detector {path}: is not a YuNet file that OpenCV can read"
            ) from error
        self.card: dict[str, Any] = {
            "name": "yunet",
            "task": "face boxes and points by OpenCV's FaceDetectorYN",
            "file": path.name,
            "sha256": hashlib.sha256(blob).hexdigest(),
            "min_score": self.start_score,
        }

    def prepare(self, shape: tuple[int, int]) -> None:
        """YuNet needs no preparation."""

    def detect(self, batch: FrameBatch, displayed: tuple[int, int]) -> Detections:
        """Find the faces in a batch; see `fervid.detection.detector.FaceDetector.detect`."""
        _, height, width = batch.images.shape
        with self._one_at_a_time:
            self._net.setInputSize((width, height))
            rows = [self._faces(image) for image in batch.images]
        frame = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row) for row in rows])
        values = np.concatenate([*rows, np.zeros((0, _SCORE + 1), np.float32)])
        mouth = values[:, _MOUTH_CORNERS].reshape(-1, 2, 2).mean(axis=1)
        return Detections.displayed(
            frame,
            np.concatenate([values[:, :2], values[:, :2] + values[:, 2:4]], axis=1),
            values[:, _SCORE],
            np.stack([values[:, _RIGHT_EYE], values[:, _LEFT_EYE], mouth], axis=1),
            (width, height),
            displayed,
        )

    def _faces(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """OpenCV's (N, 15) float32, by falling score."""
        found: Any = self._net.detect(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))[1]
        if found is None:  # OpenCV's way of saying that there is no face
            return np.zeros((0, _SCORE + 1), np.float32)
        return np.asarray(found[np.argsort(-found[:, _SCORE], kind="stable")], np.float32)
