"""What a session's final tables are made of: the same stages as for a recording, frame by frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fervid.detection.search import SparseSearch
from fervid.expressions.settling import settle
from fervid.pipeline import Analyzer, Followed
from fervid.records import Detections, FrameBatch, VideoInfo
from fervid.results.metadata import sidecar
from fervid.results.writer import ResultWriter
from fervid.tracking.blinks import Followed as Seen
from fervid.tracking.blinks import Follower
from fervid.tracking.cuts import CutFinder
from fervid.tracking.people import People
from fervid.tracking.portraits import Portraits
from fervid.tracking.tracks import Tracker
from fervid.video.losses import Losses
from fervid.video.sampling import Sampling

_STEPS_KEPT = 1000
_MOST_GAPS = 1000
_ONE_FRAME_S = 0.04


@dataclass(frozen=True)
class Session:
    """What `meta.json` is to say of a session.

    Attributes:
        name: of the session.
        displayed: width and height in pixels of the stream's frames.
        told: under "live".
        warnings: a line each.
        elapsed_s: how long it took.
    """

    name: str
    displayed: tuple[int, int]
    told: dict[str, Any]
    warnings: list[str]
    elapsed_s: float


class History:
    """Follows people with a look ahead of three frames and holds their rows until the end.

    Args:
        analyzer: with both models.
        search: what finds the faces.
        writer: holds the rows and becomes the result.
        displayed: width and height in pixels of the stream's frames.
        shrunk: height of the searched frames over that of the stream's.

    Attributes:
        gaps: start and end in seconds of stretches without a frame, 1,000 at most.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        search: SparseSearch,
        writer: ResultWriter,
        displayed: tuple[int, int],
        shrunk: float,
    ) -> None:
        self._analyzer, self._writer = analyzer, writer
        self._displayed, self._shrunk = displayed, shrunk
        choice = analyzer.settings
        tracker = Tracker(displayed, choice.fps, analyzer.detector.start_score)
        self._longest_s = tracker.longest_gap_s
        people, portraits = People(self._longest_s), Portraits(choice.min_confidence)
        self._followed = Followed(search, CutFinder(), Follower(tracker), people, portraits)
        self.gaps: list[tuple[float, float]] = []
        self._steps: deque[float] = deque(maxlen=_STEPS_KEPT)
        self._first_s = self._last_s = np.nan

    def add(self, batch: FrameBatch, found: Detections) -> None:
        """Take the next frame, a batch of one, and its faces.

        Raises:
            ResultError: the disk refuses.
        """
        self._note(float(batch.time_s[0]))
        for seen in self._followed.cuts.add(batch, found):
            for followed in self._followed.follower.add(*seen):
                self._hold(followed)

    def _note(self, time_s: float) -> None:
        """Mind how far apart frames are."""
        step_s = time_s - self._last_s
        if np.isnan(step_s):
            self._first_s = time_s
        elif step_s > self._longest_s:
            self.gaps += [(self._last_s, time_s)] if len(self.gaps) < _MOST_GAPS else []
        else:
            self._steps.append(step_s)
        self._last_s = time_s

    def _hold(self, seen: Seen) -> None:
        rows = self._analyzer.classified(self._followed, seen, self._displayed, self._shrunk)
        self._writer.hold(rows)

    def finish(self, session: Session) -> None:
        """Make the tables, meta and report of all frames.

        Raises:
            ResultError: the disk refuses.
        """
        followed, choice = self._followed, self._analyzer.settings
        for seen in followed.cuts.rest():
            for last in followed.follower.add(*seen):
                self._hold(last)
        for last in followed.follower.rest():
            self._hold(last)
        who = followed.people.numbers()
        frame_s = median(self._steps) if self._steps else _ONE_FRAME_S
        whole = Losses.none(Sampling(Fraction(1)))
        settled = settle(self._writer, who, choice, frame_s, self._longest_s, whole)
        pictures, _ = followed.portraits.chosen(who, settled.episodes)
        meta = self._meta(session, who, frame_s)
        meta["warnings"] += settled.warnings
        meta["resting_faces"] = settled.resting
        self._writer.finish(settled.episodes, meta, pictures)

    def _meta(self, session: Session, who: dict[int, int], frame_s: float) -> dict[str, Any]:
        followed, analyzer = self._followed, self._analyzer
        used = {
            "min_score": analyzer.detector.start_score,
            "weights": analyzer.classifier.card["name"],
        }
        width, height = session.displayed
        duration_s = self._last_s - self._first_s + frame_s
        rate = Fraction(1 / frame_s).limit_denominator(1000)
        info = VideoInfo(Path(session.name), width, height, rate, duration_s)
        meta = sidecar(
            info,
            self._writer.folder,
            analyzer.settings,
            used,
            [analyzer.detector.card, analyzer.classifier.card],
            [*session.warnings, *analyzer.classifier.warnings],
            None,
            followed.tracking(len(who)),
            session.elapsed_s,
        )
        meta["recording"] |= {"beside": None, "size_bytes": None}  # there is no file
        meta["live"] = {**session.told, "gaps": [[round(s, 3) for s in gap] for gap in self.gaps]}
        return meta
