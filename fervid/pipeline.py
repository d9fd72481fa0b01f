"""The analysis of one recording into one result folder. The only file that connects the stages."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from fervid.detection.search import SparseSearch, search_ahead, searched_every
from fervid.detection.working_size import GLIMPSES, choose, sizes_for
from fervid.engine.engine import Engine
from fervid.errors import MediaError
from fervid.models.memory import release_memory
from fervid.records import Detections, FrameBatch, VideoInfo
from fervid.results.folder_names import result_folder
from fervid.results.reuse import Done, difference, digests_of_models, request_of
from fervid.settings import Settings
from fervid.settings.keywords import SettingsKeywords, lists_settings, settings_of
from fervid.video.ffmpeg import quoted
from fervid.video.identity import identity_of
from fervid.video.kinds import kind_of
from fervid.video.reader import VideoReader
from fervid.video.shapes import ShapeChangesError, parts_json

if TYPE_CHECKING:
    from fervid.timeline import Timeline

_LONGEST_GAPS = 1.5
_LEAST_FRAMES = 16
_BATCH_BYTES = 24_000_000
"""About this much of a recording is processed at a time, however large its frames are."""


@dataclass(frozen=True)
class Progress:
    """Progress of an analysis: frames done, frames expected (None: unknown), seconds so far."""

    frames: int
    expected: int | None
    elapsed_s: float


class Analyzer:
    """Analyses any number of recordings with the same models."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)

    @cached_property
    def _digests(self) -> dict[str, str]:
        """Digests of the models, computed once, as models are loaded once."""
        return digests_of_models(self.engine.settings)

    def analyze(
        self,
        recording: Path,
        folder: Path,
        *,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Done:
        """Analyse a recording into a result folder unless an equal result exists; see `analyze`."""
        request = request_of(identity_of(recording), self.engine.settings, self._digests)
        redone = ""
        if folder.exists() and not overwrite:
            redone = difference(folder, request) or ""
            if not redone:
                return Done(reused=True)
        progress = progress or (lambda _: None)
        try:
            self._make(recording, folder, request, progress)
        except ShapeChangesError:  # again, in square frames into which all its pictures fit
            self._make(recording, folder, request, progress, square=True)
        return Done(redone=redone)

    def _make(
        self,
        recording: Path,
        folder: Path,
        request: dict[str, Any],
        progress: Callable[[Progress], None],
        square: bool = False,
    ) -> None:
        """Recording -> frames -> faces -> rows -> tables, metadata and report."""
        began, baseline = time.perf_counter(), self.engine.baseline
        with _opened(recording, self.engine.settings, square) as reader:
            faces_by_size = _resized(self.engine, reader)
            search = _search(self.engine, reader)
            reader.begin()
            # Loaded here because pandas and OpenCV take a second, during which decoding already
            # runs.
            from fervid.report.maker import ReportMaker
            from fervid.results.writer import ResultWriter

            unopened = ResultWriter(folder, overwrite=True, report=ReportMaker())
            analysis = self.engine.analysis(search, reader.displayed, reader.shrunk, baseline)
            with _compiling(self.engine, reader.shape), unopened as writer:
                faces = search_ahead(reader, search)
                rows = _counted(analysis.rows(faces), reader, began, progress)
                for some in rows:
                    writer.store(reader.in_own_pixels(some))
                release_memory()
                result = analysis.finish(
                    writer, 1 / reader.rate, reader.losses, reader.info.duration_s
                )
                metadata = analysis.metadata(
                    result,
                    reader.info,
                    folder,
                    warnings=[*_other_tracks(reader.info), *reader.warnings],
                    damage=reader.losses.to_json(),
                    elapsed_s=time.perf_counter() - began,
                    made_by="fervid.analyze",
                    used={"detect_every": search.every, "working_size": reader.working_size},
                )
                metadata["tracking"]["faces_at_working_sizes"] = faces_by_size
                metadata["request"] = request
                metadata["recording"]["deinterlaced"] = reader.is_deinterlaced
                if len(reader.parts) > 1:
                    metadata["recording"]["sizes"] = parts_json(reader.parts)
                writer.finish(result.episodes, metadata, result.thumbnails)


def _opened(recording: Path, settings: Settings, square: bool) -> VideoReader:
    return VideoReader(
        recording,
        working_size=settings.search_size,
        scale=settings.scale,
        fps=settings.fps,
        track=settings.track,
        deinterlace=settings.deinterlace,
        start=settings.start,
        end=settings.end,
        square=square,
    )


def _resized(engine: Engine, reader: VideoReader) -> dict[str, int]:
    """Set the reader to the size that finds its faces; return the numbers of faces by size."""
    longer_side = max(reader.info.displayed)
    sizes = sizes_for(longer_side)
    settings = engine.settings
    if settings.working_size is not None or settings.scale is not None or len(sizes) == 1:
        return {}
    reader.resize(sizes[-1])
    glimpses = reader.glimpses(GLIMPSES)

    def find(size: int) -> Detections:
        import cv2

        reader.resize(size)
        height, width = reader.shape
        images = [
            cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in glimpses
        ]
        batch = FrameBatch(
            np.array(images, np.uint8), np.arange(len(images)), np.zeros(len(images))
        )
        found = engine.detect(batch, reader.displayed, reader.shrunk)
        return found[found.score >= engine.detector.start_score]

    size, found = choose(sizes, longer_side, find) if len(glimpses) else (sizes[0], {})
    reader.resize(size)
    return found


def _search(engine: Engine, reader: VideoReader) -> SparseSearch:
    """The search of a recording; it sets the size of the reader's batches."""
    every = engine.settings.detect_every or searched_every(reader.rate)
    frames = max(every * engine.batch_size, _LEAST_FRAMES)
    most = max(1, _BATCH_BYTES // math.prod(reader.shape))
    reader.batch_size = every * max(1, min(frames, most) // every)

    known = reader.rate < math.inf
    longest_gap_s = _LONGEST_GAPS * every / reader.rate if known else math.inf
    return engine.search(reader.displayed, reader.shrunk, every, longest_gap_s)


@contextmanager
def _compiling(engine: Engine, shape: tuple[int, int]) -> Iterator[None]:
    """Compile both networks in threads while the first frames are decoded."""
    ahead = ThreadPoolExecutor(2)
    ahead.submit(engine.detector.prepare, shape)
    ahead.submit(engine.classifier.prepare)
    try:
        yield
    finally:  # a user who stops need not wait for a compilation
        ahead.shutdown(wait=False, cancel_futures=True)


def _counted(
    pieces: Iterable[NDArray[Any]],
    reader: VideoReader,
    began: float,
    progress: Callable[[Progress], None],
) -> Iterator[NDArray[Any]]:
    """Pass rows on and report progress; raise MediaError if there are none."""
    frames = 0
    for rows in pieces:
        yield rows
        frames += len(np.unique(rows["frame"]))
        progress(Progress(frames, reader.expected_frames, time.perf_counter() - began))
    if frames == 0:
        raise MediaError(_nothing_chosen(reader.info))


def _other_tracks(info: VideoInfo) -> list[str]:
    """A warning if the recording has other video tracks."""
    if info.tracks == 1:
        return []
    read = f"the recording has {info.tracks} video tracks; number {info.track} was read"
    if info.track == info.shown_track:
        return [f"{read}, the one that players show; use --track N for another one"]
    return [
        f"{read}, but players, including the one in this report, show number {info.shown_track}"
    ]


def _nothing_chosen(info: VideoInfo) -> str:
    length = "" if info.duration_s is None else f", which is {info.duration_s:.2f} s long"
    return f"{quoted(info.path)}: the chosen part of the recording has no frame{length}"


@lists_settings
def analyze(
    recording: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Timeline:
    """Analyse a recording: follow its faces and classify their expressions frame by frame.

    Args:
        recording: path of a video file.
        out: folder to write `<recording name>.fervid/` into; None: keep nothing on disk.
        overwrite: analyse again even if an equal result exists. Without it, an existing result of
            the same recording, settings, models and version is read, and a different one is
            replaced.
        progress: called after each batch of frames.
        **settings: the fields of `fervid.settings.Settings`, such as `fps` or `weights`. Times may
            be text as on the command line, such as `start="1:30"`.

    Returns:
        The timeline: `.frames` has one row for each face in each frame, `.episodes` one for each
        stretch of one expression, `.people` one for each person, and `.summary` one for the
        recording. `.meta` has the contents of `meta.json`.

    Raises:
        MediaError: the input is not a readable recording, or its chosen part has no frames.
        ResultError: the result cannot be written, or something that is not a result is in its
            place.
        ModelError: the model that `weights` or `detector` names is missing, damaged or unfit.
        SetupError: ffmpeg, the shipped weights or a device is missing.
        TypeError: a setting is unknown or has the wrong type.
        ValueError: a setting is out of range.
    """
    from fervid.timeline import Timeline

    recording = Path(recording)
    analyzer = Analyzer(settings_of(settings, signature(analyze).parameters))
    if kind_of(recording) == "photo":
        raise MediaError(f"{quoted(recording)}: is a photo; use fervid.analyze_photos")
    if out is not None:
        folder = result_folder(recording, Path(out))
        analyzer.analyze(recording, folder, overwrite=overwrite, progress=progress)
        return Timeline.read(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = result_folder(recording, Path(temporary))
        analyzer.analyze(recording, folder, progress=progress)
        timeline = Timeline.read(folder)
        timeline.meta["recording"]["beside"] = (
            None  # a path relative to the temporary folder has no meaning
        )
        return replace(timeline, folder=None)
