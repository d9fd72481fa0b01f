"""What a stream shows now: rows of a frame as soon as it is analysed, from the past alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.detection.crops import crop
from fervid.expressions.episodes import shown
from fervid.expressions.smoothing import Smoother
from fervid.pipeline import Analyzer
from fervid.records import Detections, FrameBatch, TrackedFaces
from fervid.results.codebook import STATES
from fervid.results.rows import face_rows
from fervid.tracking.appearance import sharpness
from fervid.tracking.tracks import Tracker

_FIRST_LASTS_S = 0.04


class Present:
    """Follows, classifies and smooths frame by frame.

    Numbers of faces are those of their tracks, smoothed values are means of the past, and a state
    begins at once: of the session's end, one may know better.

    Args:
        analyzer: with both models.
        displayed: width and height in pixels of the stream's frames.
        shrunk: height of the searched frames over that of the stream's.
    """

    def __init__(self, analyzer: Analyzer, displayed: tuple[int, int], shrunk: float) -> None:
        self._analyzer, self._displayed, self._shrunk = analyzer, displayed, shrunk
        choice = analyzer.settings
        self._tracker = Tracker(displayed, choice.fps, analyzer.detector.start_score)
        self._smoother = Smoother(choice.smooth)
        self._states: dict[int, int] = {}
        self._before_s = -np.inf

    def rows(self, batch: FrameBatch, found: Detections) -> NDArray[Any]:
        """Rows of `fervid.results.rows.ROW` of the next frame, a batch of one, and its faces."""
        ids = self._tracker.update(batch, found, np.zeros(1, np.bool_))
        mine = ids > 0
        seen = found[mine]
        crops = crop(batch, seen, self._displayed)
        rows = face_rows(
            batch,
            TrackedFaces(seen, ids[mine], np.zeros(len(seen), np.bool_)),
            self._analyzer.classifier.classify(crops),
            sharpness(crops.images),
            self._shrunk,
        )
        self._smoother.forth(rows)
        rows["lasts_s"] = self._lasted(float(batch.time_s[0]))
        rows["state"] = [self._state(row) for row in rows]
        return rows

    def _lasted(self, time_s: float) -> float:
        """How long the frame before stood; this one will stand about as long."""
        lasted, self._before_s = time_s - self._before_s, time_s
        return lasted if lasted <= self._tracker.longest_gap_s else _FIRST_LASTS_S

    def _state(self, row: Any) -> int:
        """Position among `STATES`."""
        face = int(row["face_id"])
        before = self._states.get(face, -1)
        now = shown(row["smooth"][None], before, self._analyzer.settings.min_confidence)
        self._states[face] = int(now[0])
        return self._states[face] % len(STATES)
