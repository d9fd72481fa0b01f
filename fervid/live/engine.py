"""One frame in, its rows out: search, follow, classify; and all of it once more for the end."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.live.history import History, Session
from fervid.live.present import Present
from fervid.pipeline import Analyzer
from fervid.records import FACE_SIZE, Detections, FaceCrops, FrameBatch
from fervid.results.writer import ResultWriter
from fervid.tracking.cuts import CutFinder


class Engine:
    """Compiled for frames of one size when it is made, which takes seconds.

    Args:
        analyzer: loads the models.
        displayed: width and height in pixels of the stream's frames.
        shape: (H, W) of the frames that are searched.
        writer: what the result goes to, None if there is to be none.

    Raises:
        ModelError, SetupError: see `Analyzer`.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        displayed: tuple[int, int],
        shape: tuple[int, int],
        writer: ResultWriter | None,
    ) -> None:
        with ThreadPoolExecutor(1) as aside:
            classifying = aside.submit(_warm_up_classifier, analyzer)
            analyzer.detector.prepare(shape)
            dark = np.zeros((1, *shape), np.uint8)
            batch = FrameBatch(dark, np.zeros(1, np.int64), np.zeros(1))
            analyzer.detector.detect(batch, displayed)
            list(CutFinder().add(batch, Detections.empty()))
            classifying.result()
        shrunk = shape[0] / displayed[1]
        self._search = analyzer.search_of(displayed, shrunk)
        self._present = Present(analyzer, displayed, shrunk)
        self._history = None
        if writer is not None:
            self._history = History(analyzer, self._search, writer, displayed, shrunk)
        self._pending: tuple[FrameBatch, Detections] | None = None
        # To look through all that was loaded for garbage takes longer than from frame to frame.
        gc.freeze()

    def rows(self, batch: FrameBatch) -> NDArray[Any]:
        """Rows of `fervid.results.rows.ROW` of the next frame, a batch of one."""
        self.remember()
        found = self._search.first(batch).faces
        self._pending = batch, found
        return self._present.rows(batch, found)

    def remember(self) -> None:
        """Keep the latest frame's faces for the result; apart, as its rows need not wait for that.

        Raises:
            ResultError: the disk refuses.
        """
        if self._pending is not None and self._history is not None:
            self._history.add(*self._pending)
        self._pending = None

    def finish(self, session: Session) -> None:
        """Make the result of all frames, if there is to be one."""
        self.remember()
        if self._history is not None:
            self._history.finish(session)


def _warm_up_classifier(analyzer: Analyzer) -> None:
    nothing = FaceCrops(np.zeros((1, FACE_SIZE, FACE_SIZE), np.uint8), np.zeros(1, np.int32))
    analyzer.classifier.classify(nothing)
