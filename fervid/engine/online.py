"""Live rows of a stream's frames, from past frames only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fervid.engine.face_rows import face_rows
from fervid.expressions.episodes import next_states
from fervid.expressions.running_reading import RunningReading
from fervid.expressions.smoothing import Smoother
from fervid.records import Detections, FrameBatch, TrackedFaces
from fervid.results.codebook import STATES
from fervid.tracking.frame_faces import FrameFaces
from fervid.tracking.tracks import Tracker

if TYPE_CHECKING:
    from fervid.engine.engine import Engine

_FIRST_LASTS_S = 0.04


class OnlineRows:
    """Follows, classifies and smooths faces frame by frame.

    Face ids are numbers of tracks, smoothed values are means of the past, and a state begins at
    once. The result at the end of the session may differ, because it also uses later frames.
    Resting faces are learned as the stream runs.

    Args:
        engine: reads the faces.
        displayed: width and height of the stream's frames in pixels.
        shrunk: height of the searched frames divided by that of the stream's frames.
    """

    def __init__(self, engine: Engine, displayed: tuple[int, int], shrunk: float) -> None:
        self._engine, self._displayed, self._shrunk = engine, displayed, shrunk
        choice = engine.settings
        self._tracker = Tracker(choice.fps, engine.detector.start_score)
        self._reading = RunningReading()
        self._smoother = Smoother(choice.smooth)
        self._states: dict[int, int] = {}
        self._before_s = -np.inf

    def rows(self, batch: FrameBatch, found: Detections) -> NDArray[Any]:
        """Rows (`fervid.results.rows.ROW`) of the next frame, given as a batch of one, and its
        faces."""
        seen = FrameFaces.of(batch, found, self._displayed, np.zeros(1))
        ids = self._tracker.update(seen, np.zeros(1, np.bool_))
        mine = ids > 0
        tracked = found[mine]
        (readings,) = self._engine.read((batch, tracked, self._displayed))
        rows = face_rows(
            batch,
            TrackedFaces(tracked, ids[mine], np.zeros(len(tracked), np.bool_)),
            readings.expressions,
            readings.sharpness,
            self._shrunk,
        )
        rows["lasts_s"] = self._lasted(float(batch.time_s[0]))
        if self._engine.settings.reading == "relative":
            self._reading.read(rows)
        self._smoother.forth(rows)
        rows["state"] = [self._state(row) for row in rows]
        return rows

    @property
    def compared_since_s(self) -> dict[int, float]:
        """For each face, the time since which it is compared with its own resting face."""
        return self._reading.since_s

    def _lasted(self, time_s: float) -> float:
        """Duration of the frame before, as an estimate for this one."""
        lasted, self._before_s = time_s - self._before_s, time_s
        return lasted if lasted <= self._tracker.longest_gap_s else _FIRST_LASTS_S

    def _state(self, row: Any) -> int:
        """Index of the state in `STATES`."""
        face = int(row["face_id"])
        before = self._states.get(face, -1)
        now = next_states(row["smooth"][None], before, self._engine.settings.min_confidence)
        self._states[face] = int(now[0])
        return self._states[face] % len(STATES)
