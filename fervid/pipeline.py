"""The main job: one recording in, one result folder out. The only file that wires the stages."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from fervid.detection.search import SparseSearch, search_ahead, searched_every
from fervid.errors import MediaError
from fervid.models.memory import give_back
from fervid.records import Detections, FrameBatch, VideoInfo
from fervid.results.names import result_folder
from fervid.results.reuse import difference, digests_of_models, request_of
from fervid.settings import Settings
from fervid.settings.keywords import Choices, names_settings, settings_of
from fervid.tracking.blinks import Followed as Seen
from fervid.tracking.blinks import Follower
from fervid.tracking.people import People
from fervid.tracking.tracks import Tracker
from fervid.video.ffmpeg import quoted
from fervid.video.kinds import kind_of
from fervid.video.reader import VideoReader
from fervid.video.shapes import ShapeChangesError, told

# pandas, OpenCV and JAX take two seconds to load; meanwhile the recording is being decoded.
if TYPE_CHECKING:
    from fervid.detection.detector import Detector
    from fervid.expressions.classifier import ExpressionClassifier
    from fervid.expressions.settling import Settled
    from fervid.results.files import Thumbnail
    from fervid.timeline import Timeline
    from fervid.tracking.cuts import CutFinder
    from fervid.tracking.portraits import Portraits

_LONGEST_GAPS = 1.5
_ONE_FRAME_S = 0.04
_FRAMES_A_CALL, _FACES_A_FRAME = 8, 6
_LEAST_FRAMES = 16
_BATCH_BYTES = 24_000_000
"""About so much of a recording is worked on at a time, however large its frames are."""


@dataclass(frozen=True)
class Progress:
    """How far an analysis is: frames done, frames expected (None: unknown), seconds so far."""

    frames: int
    expected: int | None
    elapsed_s: float


@dataclass(frozen=True)
class Done:
    """How an analysis ended.

    Attributes:
        reused: there was such a result already.
        redone: why an earlier result was replaced, if one was and nobody asked for it.
    """

    reused: bool = False
    redone: str = ""


@dataclass(frozen=True)
class Followed:
    """Those who find and follow the faces of one recording."""

    search: SparseSearch
    cuts: CutFinder
    follower: Follower
    people: People
    portraits: Portraits

    def tracking(self, tracks: int) -> dict[str, Any]:
        """How faces were found and followed, into so many tracks, for `meta.json`."""
        return {
            "searched": self.search.searched,
            "filled": self.follower.filled,
            "dropped": self.follower.dropped,
            "cuts": [round(time_s, 3) for time_s in self.cuts.times_s],
            "tracks": tracks,
        }


class Analyzer:
    """Both models, loaded and compiled once when first needed, for any number of recordings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def devices(self) -> list[Any]:
        """The chosen devices; a kind that is not there is refused here."""
        # JAX takes a second to load, while the recording is probed.
        from fervid.models.program import find_devices

        return find_devices(self.settings.device)

    @cached_property
    def digests(self) -> dict[str, str]:
        """What tells the models from others: taken once, as they are loaded once."""
        return digests_of_models(self.settings)

    @property
    def batch_size(self) -> int:
        """Frames searched in one call."""
        return self.settings.batch_size or _FRAMES_A_CALL

    @cached_property
    def detector(self) -> Detector:
        """The chosen face detector; one that cannot be used is refused here."""
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
        """The chosen expression classifier; a model that cannot be used is refused here."""
        from fervid.expressions.classifier import ExpressionClassifier

        choice = self.settings
        return ExpressionClassifier(
            choice.weights,
            choice.labels,
            batch_size=_FACES_A_FRAME * self.batch_size,
            devices=self.devices,
        )

    def rows(self, reader: VideoReader, followed: Followed) -> Iterator[NDArray[Any]]:
        """The rows of a recording, a batch of frames at a time, with the numbers of tracks."""
        searched = followed.cuts.follow(search_ahead(reader, followed.search))
        for seen in followed.follower.follow(searched):
            yield self.classified(followed, seen, reader.displayed, reader.shrunk)

    def classified(
        self, followed: Followed, seen: Seen, displayed: tuple[int, int], shrunk: float
    ) -> NDArray[Any]:
        """The rows of a batch whose faces are followed; people and portraits are told of them.

        Args:
            followed: of this recording.
            seen: the batch, who is in it, and where there are cuts.
            displayed: width and height in pixels of the displayed frame.
            shrunk: height of the batch's frames over that of the displayed one.
        """
        from fervid.detection.crops import crop
        from fervid.results.rows import face_rows
        from fervid.tracking.appearance import sharpness

        batch, tracked, cuts = seen
        crops = crop(batch, tracked.faces, displayed)
        followed.people.add(batch, tracked, crops, cuts, shrunk)
        sharp = sharpness(crops.images)
        found = self.classifier.classify(crops)
        rows = face_rows(batch, tracked, found, sharp, shrunk)
        if self.settings.thumbnails:
            followed.portraits.add(batch, rows, crops, shrunk)
        return rows

    def search(self, reader: VideoReader) -> SparseSearch:
        """The search of a recording; the reader's batches become as large as it wants them."""
        choice = self.settings
        every = choice.detect_every or searched_every(reader.rate)
        frames = max(every * self.batch_size, _LEAST_FRAMES)
        most = max(1, _BATCH_BYTES // math.prod(reader.shape))
        reader.batch_size = every * max(1, min(frames, most) // every)

        known = reader.rate < math.inf
        longest_gap_s = _LONGEST_GAPS * every / reader.rate if known else math.inf
        return self.search_of(reader.displayed, reader.shrunk, every, longest_gap_s)

    def search_of(
        self,
        displayed: tuple[int, int],
        shrunk: float,
        every: int = 1,
        longest_gap_s: float = math.inf,
    ) -> SparseSearch:
        """The search of frames of one size; see `SparseSearch` for what is not said here.

        Args:
            displayed: width and height in pixels of the displayed frame.
            shrunk: height of the searched frames over that of the displayed one.
            every, longest_gap_s: see `SparseSearch`.
        """

        def detect(batch: FrameBatch) -> Detections:
            found = self.detector.detect(batch, displayed)
            return found[found.xywh[:, 3] * shrunk >= self.settings.min_face]

        return SparseSearch(detect, displayed, every, longest_gap_s)

    def analyze(
        self,
        recording: Path,
        folder: Path,
        *,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Done:
        """Analyse one recording into a result folder, unless that is there; see `analyze`."""
        request = request_of(recording, self.settings, self.digests)
        redone = ""
        if folder.exists() and not overwrite:
            redone = difference(folder, request) or ""
            if not redone:
                return Done(reused=True)
        try:
            self._make(recording, folder, request, progress)
        except ShapeChangesError:  # once more, in frames that all its pictures fit into
            self._make(recording, folder, request, progress, square=True)
        return Done(redone=redone)

    def _make(
        self,
        recording: Path,
        folder: Path,
        request: dict[str, Any],
        progress: Callable[[Progress], None] | None,
        square: bool = False,
    ) -> None:
        began, frames = time.perf_counter(), 0
        ahead = ThreadPoolExecutor(2)
        with self._reader(recording, square) as reader:
            search = self.search(reader)
            reader.begin()
            from fervid.expressions.settling import settle
            from fervid.results.writer import ResultWriter
            from fervid.tracking.cuts import CutFinder
            from fervid.tracking.portraits import Portraits

            unopened = ResultWriter(folder, overwrite=True)
            tracker = Tracker(reader.displayed, self.settings.fps, self.detector.start_score)
            people = People(tracker.longest_gap_s)
            portraits = Portraits(self.settings.min_confidence)
            followed = Followed(search, CutFinder(), Follower(tracker), people, portraits)
            ahead.submit(self.detector.prepare, reader.shape)
            ahead.submit(self.classifier.prepare)
            try:
                with unopened as writer:
                    for rows in self.rows(reader, followed):
                        writer.hold(reader.in_own_pixels(rows))
                        frames += len(np.unique(rows["frame"]))
                        if progress is not None:
                            elapsed = time.perf_counter() - began
                            progress(Progress(frames, reader.expected_frames, elapsed))
                    if frames == 0:
                        raise MediaError(_nothing_chosen(reader.info))
                    give_back()
                    who = followed.people.numbers()
                    frame_s = 1 / reader.rate or _ONE_FRAME_S
                    longest_s = tracker.longest_gap_s
                    settled = settle(
                        *(writer, who, self.settings, frame_s, longest_s),
                        *(reader.losses, reader.info.duration_s),
                    )
                    pictures, unexplained = self._pictures(portraits, who, settled)
                    elapsed = time.perf_counter() - began
                    meta = self._meta(reader, folder, followed, settled, who, elapsed)
                    meta["request"] = request
                    meta["warnings"] += unexplained
                    meta["resting_faces"] = settled.resting
                    writer.finish(settled.episodes, meta, pictures)
            finally:  # whoever stops need not wait for a compilation
                ahead.shutdown(wait=False, cancel_futures=True)

    def _reader(self, recording: Path, square: bool) -> VideoReader:
        choice = self.settings
        return VideoReader(
            recording,
            working_size=choice.working_size,
            scale=choice.scale,
            fps=choice.fps,
            track=choice.track,
            deinterlace=choice.deinterlace,
            start=choice.start,
            end=choice.end,
            square=square,
        )

    def _pictures(
        self, portraits: Portraits, who: dict[int, int], settled: Settled
    ) -> tuple[list[Thumbnail], list[str]]:
        """The thumbnails, explained if that was chosen, and a line if they could not be."""
        pictures, crops = portraits.chosen(who, settled.episodes)
        if not (self.settings.explain and pictures):
            return pictures, []
        from fervid.explanations.peaks import with_maps

        return with_maps(pictures, crops, self.classifier)

    def _meta(
        self,
        reader: VideoReader,
        folder: Path,
        followed: Followed,
        settled: Settled,
        who: dict[int, int],
        elapsed_s: float,
    ) -> dict[str, Any]:
        from fervid.results.metadata import sidecar

        used = {
            "min_score": self.detector.start_score,
            "detect_every": followed.search.every,
            "weights": self.classifier.card["name"],
        }
        still = [
            f"face {who[track]} does not move for {seconds:.0f} s: a picture or a thing, perhaps"
            for track, seconds in followed.follower.still.found()
        ]
        models = [self.detector.card, self.classifier.card]
        warnings = [*_other_tracks(reader.info), *reader.warnings, *self.classifier.warnings]
        meta = sidecar(
            reader.info,
            folder,
            self.settings,
            used,
            models,
            [*warnings, *settled.warnings, *still],
            reader.losses.told(),
            followed.tracking(len(who)),
            elapsed_s,
        )
        meta["recording"]["deinterlaced"] = reader.is_deinterlaced
        if len(reader.parts) > 1:
            meta["recording"]["sizes"] = told(reader.parts)
        return meta


def _other_tracks(info: VideoInfo) -> list[str]:
    """A line if there are more video tracks than the one that was read."""
    if info.tracks == 1:
        return []
    read = f"has {info.tracks} video tracks; number {info.track} was read"
    if info.track == info.shown_track:
        return [f"{read}, which players show; --track N reads another one"]
    return [f"{read}; players, and this report's, show number {info.shown_track}"]


def _nothing_chosen(info: VideoInfo) -> str:
    length = "" if info.duration_s is None else f", which is {info.duration_s:.2f} s long"
    return f"{quoted(info.path)}: no frame lies in the chosen part of the recording{length}"


@names_settings
def analyze(
    recording: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Unpack[Choices],
) -> Timeline:
    """Read a recording, follow its faces and classify their expressions frame by frame.

    Args:
        recording: path of a video file.
        out: folder in which `<recording name>.fervid/` is written; None: nothing is kept on disk.
        overwrite: analyse it again even if there is such a result. Without it, a result of the same
            recording, settings, models and version is read; one that differs is replaced.
        progress: called after each batch of frames.
        **settings: the fields of `fervid.settings.Settings` by name, such as `fps` or `weights`;
            times may be text, as on the command line: `start="1:30"`.

    Returns:
        The timeline: `.frames` has one row for each face in each frame, `.episodes` one for each
        stretch of one expression, `.people` one for each person, `.summary` one for the recording,
        `.meta` the sidecar.

    Raises:
        MediaError: the input is not a recording that can be read, or its chosen part is empty.
        ResultError: something that is no result has its place, or it cannot be written.
        ModelError: `weights` or `detector` names no model, or one that is damaged or unfit.
        SetupError: ffmpeg or the shipped weights are missing, or JAX finds no device.
        TypeError: there is no such setting, or it is of another kind.
        ValueError: a setting is out of range.
    """
    from fervid.timeline import Timeline

    recording = Path(recording)
    analyzer = Analyzer(settings_of(settings, signature(analyze).parameters))
    if kind_of(recording) == "photo":
        raise MediaError(f"{quoted(recording)}: is a photo; see fervid.analyze_photos")
    if out is not None:
        folder = result_folder(recording, Path(out))
        analyzer.analyze(recording, folder, overwrite=overwrite, progress=progress)
        return Timeline.read(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = result_folder(recording, Path(temporary))
        analyzer.analyze(recording, folder, progress=progress)
        timeline = Timeline.read(folder)
        timeline.meta["recording"]["beside"] = None  # as seen from a folder that is about to go
        return replace(timeline, folder=None)
