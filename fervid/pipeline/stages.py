"""The stages of an analysis: open the recording, choose the size, search, write."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fervid.detection.search import SparseSearch, searched_every
from fervid.detection.working_size import GLIMPSES, choose, sizes_for
from fervid.engine.engine import Engine
from fervid.errors import MediaError, quoted
from fervid.records import Detections, FrameBatch, VideoInfo
from fervid.results.memory import release_memory
from fervid.settings import Settings
from fervid.video.reader import VideoReader
from fervid.video.shapes import parts_json

if TYPE_CHECKING:
    from fervid.engine.analysis import Analysis
    from fervid.results.writer import ResultWriter

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


def opened(
    recording: Path,
    settings: Settings,
    square: bool = False,
    deinterlacing: Sequence[str] | None = None,
) -> VideoReader:
    """A reader for the settings; see `VideoReader` for `square` and `deinterlacing`."""
    return VideoReader(
        recording,
        working_size=settings.search_size,
        scale=settings.scale,
        fps=settings.fps,
        track=settings.track,
        deinterlace=settings.deinterlace,
        deinterlacing=deinterlacing,
        start=settings.start,
        end=settings.end,
        square=square,
    )


def resized(engine: Engine, reader: VideoReader) -> dict[str, int]:
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


def search_of(engine: Engine, reader: VideoReader) -> SparseSearch:
    """The search of a recording; it sets the size of the reader's batches."""
    every = engine.settings.detect_every or searched_every(reader.rate)
    frames = max(every * engine.batch_size, _LEAST_FRAMES)
    most = max(1, _BATCH_BYTES // math.prod(reader.shape))
    reader.batch_size = every * max(1, min(frames, most) // every)

    known = reader.rate < math.inf
    longest_gap_s = _LONGEST_GAPS * every / reader.rate if known else math.inf
    return engine.search(reader.displayed, reader.shrunk, every, longest_gap_s)


@contextmanager
def compiling(engine: Engine, shape: tuple[int, int]) -> Iterator[None]:
    """Compile both networks in threads while the first frames are decoded."""
    ahead = ThreadPoolExecutor(2)
    ahead.submit(engine.detector.prepare, shape)
    ahead.submit(engine.classifier.prepare)
    try:
        yield
    finally:  # a user who stops need not wait for a compilation
        ahead.shutdown(wait=False, cancel_futures=True)


def new_writer(folder: Path) -> ResultWriter:
    """A writer of a result with its report; its imports take a second."""
    from fervid.report.maker import ReportMaker
    from fervid.results.writer import ResultWriter

    return ResultWriter(folder, overwrite=True, report=ReportMaker())


def write(
    writer: ResultWriter,
    analysis: Analysis,
    pieces: Iterable[NDArray[Any]],
    reader: VideoReader,
    began: float,
    progress: Callable[[Progress], None],
    used: dict[str, Any],
    about: Callable[[], dict[str, Any]],
) -> None:
    """Store all rows, then make the tables, metadata and report of them.

    Args:
        writer: open writer of the result.
        analysis: the analysis that yields the rows.
        pieces: the rows.
        reader: reader of the recording; after all rows, it knows what was lost.
        began: start of the work, on the clock of `time.perf_counter`.
        progress: called now and then.
        used: the values used for settings that the user left open.
        about: returns further contents of `meta.json`; called after all rows.
    """
    for some in counted(pieces, reader, began, progress):
        writer.store(reader.in_own_pixels(some))
    release_memory()
    result = analysis.finish(writer, 1 / reader.rate, reader.losses, reader.info.duration_s)
    metadata = analysis.metadata(
        result,
        reader.info,
        writer.folder,
        warnings=[*other_tracks(reader.info), *reader.warnings],
        damage=reader.losses.to_json(),
        elapsed_s=time.perf_counter() - began,
        made_by="fervid.analyze",
        used={"working_size": reader.working_size, **used},
    )
    metadata["recording"]["deinterlaced"] = reader.is_deinterlaced
    if len(reader.parts) > 1:
        metadata["recording"]["sizes"] = parts_json(reader.parts)
    more = about()
    metadata["tracking"] |= more.pop("tracking", {})
    writer.finish(result.episodes, metadata | more, result.thumbnails)


def counted(
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


def other_tracks(info: VideoInfo) -> list[str]:
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
    length = "" if info.duration_s is None else f"; the recording is {info.duration_s:.2f} s long"
    return f"{quoted(info.path)}: there is no frame in the chosen part{length}"
