"""The analysis of one recording or stream, from faces in frames to tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray

from fervid.detection.framing import frontality
from fervid.detection.search import SparseSearch
from fervid.engine.face_reader import FaceReader, PictureReader
from fervid.engine.face_rows import face_rows
from fervid.engine.hard_to_read import HardToRead
from fervid.expressions.looks import clarity
from fervid.expressions.second_pass import second_pass
from fervid.records import Detections, FrameBatch, Thumbnail, VideoInfo
from fervid.results.metadata import result_metadata
from fervid.results.writer import ResultWriter
from fervid.settings import Settings
from fervid.tracking.cuts import CutFinder
from fervid.tracking.doubtful import Evidence, without
from fervid.tracking.flicker import FlickerFilter, TrackedBatch
from fervid.tracking.frame_faces import Changes, FrameFaces
from fervid.tracking.people import People
from fervid.tracking.portraits import Portraits
from fervid.tracking.tracks import Tracker
from fervid.video.losses import Losses
from fervid.video.sampling import Sampling

if TYPE_CHECKING:
    from fervid.engine.baseline import Baseline
    from fervid.engine.engine import Engine

_ONE_FRAME_S = 0.04
"""Assumed duration of a frame in seconds if nothing is known."""


@dataclass(frozen=True)
class AnalysisResult:
    """What is known after all frames.

    Attributes:
        episodes: the table of episodes.
        people: the person of each track.
        thumbnails: small pictures of people.
        warnings: warnings for the user, one line each.
        resting_faces: resting faces for `meta.json`; empty for the absolute reading.
    """

    episodes: pd.DataFrame
    people: dict[int, int]
    thumbnails: Sequence[Thumbnail]
    warnings: Sequence[str]
    resting_faces: Sequence[dict[str, Any]]


class Analysis:
    """Follows people through one recording or stream and classifies their expressions.

    Rows come a few frames late, because cuts and flicker are known only then. Memory does not grow
    with the number of frames.

    Args:
        engine: reads the faces.
        search: finds the faces.
        displayed: width and height in pixels of the displayed frame.
        shrunk: height of the searched frames divided by that of the displayed frame.
        baseline: resting faces from another recording or a photo.
        reader: reads the faces; None: in the pictures of their frames.
        lenient_until_s: see `fervid.tracking.tracks.Tracker`.

    Attributes:
        longest_gap_s: a face that is missing for longer than this begins a new track.
        people: joins tracks to people; complete after all frames.
    """

    def __init__(
        self,
        engine: Engine,
        search: SparseSearch,
        displayed: tuple[int, int],
        shrunk: float,
        baseline: Baseline | None = None,
        *,
        reader: FaceReader | None = None,
        lenient_until_s: float = -math.inf,
    ) -> None:
        self._engine, self._search, self._baseline = engine, search, baseline
        self._displayed, self._shrunk = displayed, shrunk
        start_score = engine.detector.start_score
        tracker = Tracker(engine.settings.fps, start_score, lenient_until_s)
        self.longest_gap_s = tracker.longest_gap_s
        self._reader: FaceReader = reader or PictureReader(engine, displayed, shrunk)
        self._changes = Changes()
        self._cuts, self._flicker = CutFinder(), FlickerFilter(tracker)
        self.people = People(tracker.longest_gap_s)
        self._evidence = Evidence(engine.detector.start_score)
        self._doubtful = 0
        self._hard_to_read = HardToRead()
        self._portraits = Portraits(clarity)

    @staticmethod
    def longest_gap_of(settings: Settings) -> float:
        """See `longest_gap_s`."""
        return Tracker(settings.fps).longest_gap_s

    def rows(self, searched: Iterable[tuple[FrameBatch, Detections]]) -> Iterator[NDArray[Any]]:
        """Yield the rows of all frames."""
        for batch, faces in searched:
            yield from self.add(batch, faces)
        yield from self.flush()

    def add(self, batch: FrameBatch, faces: Detections) -> Iterator[NDArray[Any]]:
        """Take the next frames with their faces.

        Yields:
            Rows of `fervid.results.rows.ROW`, with numbers of tracks, of earlier frames that are
            complete now.
        """
        yield from self.follow(self.look_at(batch, faces))

    def look_at(self, batch: FrameBatch, faces: Detections) -> FrameFaces:
        """Compute what is needed to follow the faces of the next frames."""
        return FrameFaces.of(batch, faces, self._displayed, self._changes.of(batch))

    def follow(self, seen: FrameFaces) -> Iterator[NDArray[Any]]:
        """Like `add`, for frames that `look_at` has returned."""
        for with_cuts in self._cuts.add(seen):
            for tracked in self._flicker.add(*with_cuts):
                yield self._read(tracked)

    def last_before(self, seen: FrameFaces) -> Iterator[NDArray[Any]]:
        """Yield the rows of the last frames; `seen` are later frames, which get no rows."""
        for with_cuts in (*self._cuts.add(seen), *self._cuts.flush()):
            for tracked in self._flicker.add(*with_cuts):
                yield self._read(tracked)

    def flush(self) -> Iterator[NDArray[Any]]:
        """Yield the rows of the last frames."""
        for with_cuts in self._cuts.flush():
            for tracked in self._flicker.add(*with_cuts):
                yield self._read(tracked)
        for tracked in self._flicker.flush():
            yield self._read(tracked)

    def _read(self, tracked: TrackedBatch) -> NDArray[Any]:
        """Classify the faces of some frames; update people and portraits."""
        batch, faces, cuts = tracked
        reading = self._reader.read(batch, faces.faces)
        self._evidence.add(faces, frontality(faces.faces.points))
        self.people.add(batch, faces, reading.crops_of, cuts, self._shrunk)
        rows = face_rows(batch, faces, reading.expressions, reading.sharpness, self._shrunk)
        shown = rows[rows["face_id"] > 0]
        height = shown["xywh"][:, 3] * self._shrunk
        self._hard_to_read.add(shown["face_id"], height, shown["weight"])
        if self._engine.settings.thumbnails:
            self._portraits.add(rows, self._shrunk, reading.crops_of, reading.portrait_of)
        return rows

    def finish(
        self,
        writer: ResultWriter,
        frame_s: float,
        losses: Losses | None = None,
        end_s: float | None = None,
    ) -> AnalysisResult:
        """Join tracks to people, smooth, find episodes, and write the frame table.

        Args:
            writer: has stored all rows.
            frame_s: seconds from one sampled frame to the next; 0: unknown.
            losses: frames that could not be decoded but get a row; None: none.
            end_s: end of the recording in seconds; None: unknown.

        Raises:
            ResultError: the disk is full or fails.
        """
        everyone = self.people.numbers()
        doubtful = self._evidence.doubtful(everyone)
        people, self._doubtful = without(doubtful, everyone), len(doubtful)
        lost = Losses.none(Sampling(Fraction(1))) if losses is None else losses
        settings, longest_s = self._engine.settings, self.longest_gap_s
        at_rest = {} if self._baseline is None else self._baseline.of(self.people.views(people))
        second = second_pass(
            writer, people, settings, frame_s or _ONE_FRAME_S, longest_s, lost, end_s, at_rest
        )
        thumbnails, unexplained = self._thumbnails(people, second.episodes)
        still = [
            f"face {people[track]} does not move for {seconds:.0f} s; it may be a picture or an "
            "object"
            for track, seconds in self._flicker.still.found()
            if track in people
        ]
        hard = self._hard_to_read.warnings(people)
        warnings = [*second.warnings, *still, *hard, *unexplained]
        return AnalysisResult(second.episodes, people, thumbnails, warnings, second.resting)

    def _thumbnails(
        self, people: dict[int, int], episodes: pd.DataFrame
    ) -> tuple[list[Thumbnail], list[str]]:
        """The thumbnails, with maps if the user wants them; and a warning if maps could not be
        made."""
        pictures, crops = self._portraits.chosen(people, episodes)
        if not (self._engine.settings.explain and pictures):
            return pictures, []
        from fervid.expressions.explained_thumbnails import with_maps

        return with_maps(pictures, crops, self._engine.classifier)

    def metadata(
        self,
        result: AnalysisResult,
        info: VideoInfo,
        folder: Path,
        *,
        warnings: Sequence[str] = (),
        damage: dict[str, Any] | None = None,
        elapsed_s: float,
        made_by: str,
        used: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The contents of `meta.json`.

        Args:
            result: what `finish` returned.
            info: properties of the recording or stream.
            folder: the result folder.
            warnings: about the input, one line each.
            damage: what could not be decoded; None if everything could.
            elapsed_s: seconds that the analysis took.
            made_by: the public function that made the result.
            used: the values used for settings that the user left open.
        """
        engine = self._engine
        taken = {
            "min_score": engine.detector.start_score,
            "weights": engine.classifier.card["name"],
            "working_size": engine.settings.search_size,
            **(used or {}),
        }
        metadata = result_metadata(
            info,
            folder,
            engine.settings,
            taken,
            engine.cards,
            [*warnings, *engine.classifier.warnings, *result.warnings],
            damage,
            self._tracking(len(result.people)),
            elapsed_s,
            made_by,
        )
        return {**metadata, "resting_faces": list(result.resting_faces)}

    def _tracking(self, tracks: int) -> dict[str, Any]:
        """Figures about search and tracking for `meta.json`."""
        return {
            "searched": self._search.searched,
            "filled": self._flicker.filled,
            "dropped": self._flicker.dropped,
            "doubtful_people": self._doubtful,
            "cuts": [round(time_s, 3) for time_s in self._cuts.times_s],
            "tracks": tracks,
        }
