"""Collects a session for its final tables, with the same analysis as for a recording."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from fervid.records import Detections, FrameBatch, VideoInfo

if TYPE_CHECKING:
    from fervid.engine.analysis import Analysis, AnalysisResult
    from fervid.results.writer import ResultWriter

_STEPS_KEPT = 1000
_MOST_GAPS = 1000
_ONE_FRAME_S = 0.04


@dataclass(frozen=True)
class Session:
    """Metadata of a session for `meta.json`.

    Attributes:
        name: name of the session.
        displayed: width and height of the stream's frames in pixels.
        about: contents of the entry "live".
        warnings: one line each.
        elapsed_s: length of the session in seconds.
    """

    name: str
    displayed: tuple[int, int]
    about: dict[str, Any]
    warnings: list[str]
    elapsed_s: float


class History:
    """Follows people, looking ahead three frames, and stores their rows until the end.

    Args:
        analysis: the analysis of this session.
        writer: stores the rows and becomes the result.

    Attributes:
        gaps: start and end in seconds of stretches without a frame, at most 1,000.
    """

    def __init__(self, analysis: Analysis, writer: ResultWriter) -> None:
        self._analysis, self._writer = analysis, writer
        self.gaps: list[tuple[float, float]] = []
        self._steps: deque[float] = deque(maxlen=_STEPS_KEPT)
        self._first_s = self._last_s = np.nan

    def add(self, batch: FrameBatch, found: Detections) -> None:
        """Add the next frame, given as a batch of one, and its faces.

        Raises:
            ResultError: the disk is full or fails.
        """
        self._note_step(float(batch.time_s[0]))
        for rows in self._analysis.add(batch, found):
            self._writer.store(rows)

    def _note_step(self, time_s: float) -> None:
        """Record the interval since the last frame."""
        step_s = time_s - self._last_s
        if np.isnan(step_s):
            self._first_s = time_s
        elif step_s > self._analysis.longest_gap_s:
            self.gaps += [(self._last_s, time_s)] if len(self.gaps) < _MOST_GAPS else []
        else:
            self._steps.append(step_s)
        self._last_s = time_s

    def finish(self, session: Session) -> None:
        """Write the tables, metadata and report of all frames.

        Raises:
            ResultError: the disk is full or fails.
        """
        for rows in self._analysis.flush():
            self._writer.store(rows)
        frame_s = median(self._steps) if self._steps else _ONE_FRAME_S
        result = self._analysis.finish(self._writer, frame_s)
        metadata = self._metadata(session, result, frame_s)
        self._writer.finish(result.episodes, metadata, result.thumbnails)

    def _metadata(self, session: Session, result: AnalysisResult, frame_s: float) -> dict[str, Any]:
        width, height = session.displayed
        duration_s = self._last_s - self._first_s + frame_s
        rate = Fraction(1 / frame_s).limit_denominator(1000)
        metadata = self._analysis.metadata(
            result,
            VideoInfo(Path(session.name), width, height, rate, duration_s),
            self._writer.folder,
            warnings=session.warnings,
            elapsed_s=session.elapsed_s,
            made_by="fervid.watch",
        )
        metadata["recording"] |= {"beside": None, "size_bytes": None}  # there is no file
        gaps = [[round(second, 3) for second in gap] for gap in self.gaps]
        return {**metadata, "live": {**session.about, "gaps": gaps}}
