"""The engine: both networks, and the analyses that use them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import FACE_SIZE, Detections, Expressions, FaceCrops, FrameBatch
from fervid.settings import Settings

# Imported inside functions: OpenCV, pandas and JAX take two seconds to load, during which the input
# is already being opened.
if TYPE_CHECKING:
    from fervid.detection.detector import Detector
    from fervid.detection.search import SparseSearch
    from fervid.engine.analysis import Analysis
    from fervid.engine.baseline import Baseline
    from fervid.engine.online import OnlineRows
    from fervid.expressions.classifier import ExpressionClassifier

_FRAMES_A_CALL, _FACES_A_FRAME = 8, 6

LocatedFaces = tuple[FrameBatch, Detections, tuple[int, int]]
"""T frames, the faces in them, and width and height of the displayed frame in pixels."""


@dataclass(frozen=True)
class FaceReadings:
    """Readings of N faces, in the order in which they were given.

    Attributes:
        crops: (N, 48, 48) luma, as the classifier sees the faces.
        expressions: the expressions.
        frontality: (N,) float32, see `fervid.detection.framing.frontality`.
        sharpness: (N,) float32, see `fervid.tracking.appearance.sharpness`.
    """

    crops: FaceCrops
    expressions: Expressions
    frontality: NDArray[np.float32]
    sharpness: NDArray[np.float32]


class Engine:
    """Detector and classifier, loaded and compiled when first needed.

    One engine serves any number of recordings, streams and photos.

    Raises:
        ModelError: a chosen model cannot be used; raised when it is first needed.
        SetupError: the shipped weights or the chosen device are missing; raised when first needed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def devices(self) -> list[Any]:
        """The chosen devices; raises SetupError if there is none."""
        from fervid.models.program import find_devices

        return find_devices(self.settings.device)

    @property
    def batch_size(self) -> int:
        """Number of frames searched in one call."""
        return self.settings.batch_size or _FRAMES_A_CALL

    @cached_property
    def detector(self) -> Detector:
        """The chosen face detector; raises ModelError if it cannot be used."""
        from fervid.detection.detector import load_detector

        choice = self.settings
        return load_detector(
            choice.detector,
            start_score=choice.min_score,
            batch_size=self.batch_size,
            devices=self.devices,
        )

    @cached_property
    def classifier(self) -> ExpressionClassifier:
        """The chosen expression classifier; raises ModelError if it cannot be used."""
        from fervid.expressions.classifier import ExpressionClassifier

        choice = self.settings
        return ExpressionClassifier(
            choice.weights,
            choice.labels,
            batch_size=_FACES_A_FRAME * self.batch_size,
            devices=self.devices,
        )

    @cached_property
    def baseline(self) -> Baseline | None:
        """People at rest in the baseline file of the settings; None if there is no such file.

        Raises:
            MediaError: the file cannot be read, or shows no face.
        """
        file = self.settings.baseline
        if not isinstance(file, str):
            return None
        from fervid.engine.baseline import learn_baseline

        return learn_baseline(Path(file), self)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The model cards of detector and classifier."""
        return [self.detector.card, self.classifier.card]

    def detect(self, batch: FrameBatch, displayed: tuple[int, int], shrunk: float) -> Detections:
        """Find the faces in some frames, without those shorter than `min_face`.

        Args:
            batch: T frames at the working size.
            displayed: width and height in pixels of the displayed frame.
            shrunk: height of the batch's frames divided by that of the displayed frame.
        """
        found = self.detector.detect(batch, displayed)
        return found[found.xywh[:, 3] * shrunk >= self.settings.min_face]

    def search(
        self,
        displayed: tuple[int, int],
        shrunk: float,
        every: int = 1,
        longest_gap_s: float = math.inf,
    ) -> SparseSearch:
        """A new search for faces in frames of one size.

        Args:
            displayed, shrunk: as for `detect`.
            every, longest_gap_s: see `fervid.detection.search.SparseSearch`.
        """
        from fervid.detection.search import SparseSearch

        def detect(batch: FrameBatch) -> Detections:
            return self.detect(batch, displayed, shrunk)

        return SparseSearch(detect, displayed, every, longest_gap_s)

    def read(self, *located: LocatedFaces) -> list[FaceReadings]:
        """Classify faces: one reading for each argument, all classified together.

        The reading of a face does not depend on other faces.
        """
        from fervid.detection.crops import crop
        from fervid.detection.framing import frontality
        from fervid.tracking.appearance import sharpness

        crops = [crop(*some) for some in located]
        together = self.classify(np.concatenate([some.images for some in crops]))
        edges = pairwise([0, *np.cumsum([len(some) for some in crops]).tolist()])
        return [
            FaceReadings(
                cut, together[slice(*edge)], frontality(faces.points), sharpness(cut.images)
            )
            for (_, faces, _), cut, edge in zip(located, crops, edges, strict=True)
        ]

    def classify(self, crops: NDArray[np.uint8]) -> Expressions:
        """The expressions of (N, 48, 48) uint8 luma of framed faces."""
        return self.classifier.classify(FaceCrops(crops, np.arange(len(crops), dtype=np.int32)))

    def analysis(
        self,
        search: SparseSearch,
        displayed: tuple[int, int],
        shrunk: float,
        baseline: Baseline | None = None,
    ) -> Analysis:
        """Start the analysis of one recording or stream; see `Analysis`."""
        from fervid.engine.analysis import Analysis

        return Analysis(self, search, displayed, shrunk, baseline)

    def online(self, displayed: tuple[int, int], shrunk: float) -> OnlineRows:
        """Start the live analysis of a stream; see `OnlineRows`."""
        from fervid.engine.online import OnlineRows

        return OnlineRows(self, displayed, shrunk)

    def warm_up(self, shape: tuple[int, int], displayed: tuple[int, int]) -> None:
        """Compile everything for frames of one size; takes seconds.

        Args:
            shape: (H, W) of the searched frames.
            displayed: width and height in pixels of the displayed frame.
        """
        from concurrent.futures import ThreadPoolExecutor

        from fervid.tracking.frame_faces import Changes

        with ThreadPoolExecutor(1) as aside:
            dark_face = np.zeros((1, FACE_SIZE, FACE_SIZE), np.uint8)
            classifying = aside.submit(lambda: self.classify(dark_face))
            self.detector.prepare(shape)
            dark = FrameBatch(np.zeros((1, *shape), np.uint8), np.zeros(1, np.int64), np.zeros(1))
            self.detector.detect(dark, displayed)
            Changes().of(dark)
            classifying.result()
