"""Analyses a long recording in parts, which are stored and joined at the end.

A part stores its faces and everything that was read from their pictures. The join follows all faces
from the first frame to the last, like the analysis of a whole recording, but reads from the parts
instead of pictures. So the result does not depend on how the recording was divided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fervid.detection.search import search_ahead
from fervid.engine.engine import Engine
from fervid.errors import MediaError, ResultError, quoted
from fervid.pipeline.part_plans import PlannedRecording
from fervid.pipeline.stages import Progress, compiling, new_writer, write
from fervid.results.parts_folder import PartsFolder, remove_abandoned_parts
from fervid.results.reuse import difference_of
from fervid.video.reader import VideoReader
from fervid.video.stamps import EntryError


def work(
    engine: Engine,
    recording: Path,
    folder: Path,
    number: int,
    progress: Callable[[Progress], None],
) -> None:
    """Analyse and store one part; if it cannot be decoded separately, note that and drop all parts.

    Args:
        engine, recording, folder: see `fervid.pipeline.part_plans.begin`.
        number: number of the part.
        progress: called after each batch of frames.
    """
    kept = PartsFolder(folder)
    plan = kept.plan()
    if plan is None or plan.get("read_whole") or number not in kept.missing(plan["count"]):
        return
    with kept.used():
        try:
            kept.save(number, _worked(engine, recording, kept, number, progress))
        except EntryError as error:
            kept.note(plan | {"read_whole": str(error)})


def _worked(
    engine: Engine,
    recording: Path,
    kept: PartsFolder,
    number: int,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    from fervid.engine.part import PartAnalysis

    began = time.perf_counter()
    whole = PlannedRecording(engine, recording, kept)
    section = whole.sections[number]
    with whole.reader as reader, compiling(engine, reader.shape):
        reader.enter(section)
        reader.begin()
        begin_s = reader.seconds(int(section.pts[0])) if number else None
        sizes = reader.displayed, reader.shrunk
        part = PartAnalysis(engine, whole.search, *sizes, begin_s, len(section))
        frames = 0
        for rows in part.rows(search_ahead(reader, whole.search)):
            frames += len(np.unique(rows["frame"]))
            progress(Progress(frames, len(section), time.perf_counter() - began))
        return part.arrays()


def join(
    engine: Engine,
    recording: Path,
    folder: Path,
    request: dict[str, Any],
    progress: Callable[[Progress], None],
) -> str | None:
    """Make the result of all parts.

    Args:
        engine, recording, folder, request: see `fervid.pipeline.part_plans.begin`.
        progress: called now and then.

    Returns:
        None if the result was made, else why the recording must be analysed as a whole.

    Raises:
        MediaError: the recording has changed in the meantime.
        ResultError: parts are missing, or the disk is full or fails.
    """
    kept = PartsFolder(folder)
    plan = kept.plan()
    if plan is None:
        raise ResultError(f"{folder}: its parts are missing; analyse the recording again")
    if plan.get("read_whole"):
        return str(plan["read_whole"])
    if difference_of(plan["request"], request):
        raise MediaError(
            f"{quoted(recording)}: has changed while it was being analysed; analyse it again"
        )
    if kept.missing(plan["count"]):
        raise ResultError(f"{folder}: not all of its parts are done")
    with kept.used():
        return _joined(engine, recording, folder, kept, progress)


def _joined(
    engine: Engine,
    recording: Path,
    folder: Path,
    kept: PartsFolder,
    progress: Callable[[Progress], None],
) -> str | None:
    from fervid.engine.analysis import Analysis
    from fervid.engine.face_reader import PictureReader
    from fervid.engine.joined import JoinedParts, SeamError

    began, baseline = time.perf_counter(), engine.baseline
    whole = PlannedRecording(engine, recording, kept)
    plan, count = whole.plan, len(whole.sections)

    @contextmanager
    def decoded(number: int) -> Iterator[VideoReader]:
        again = PlannedRecording(engine, recording, kept)
        with again.reader as reader:
            reader.enter(again.sections[number])
            yield reader

    with whole.reader as reader:
        sizes = reader.displayed, reader.shrunk
        arrays = (kept.load(number) for number in range(count))
        joined = JoinedParts(arrays, decoded, PictureReader(engine, *sizes))
        analysis = Analysis(engine, whole.search, *sizes, baseline, reader=joined)
        reader.account(whole.stamps)

        def rows() -> Iterator[Any]:
            for seen in joined.seen():
                yield from analysis.follow(seen)
            yield from analysis.flush()
            whole.search.searched = joined.searched

        def about() -> dict[str, Any]:
            said = {"count": count, "length_s": plan["part_s"], "read_again": joined.read_again}
            tracking = {"faces_at_working_sizes": plan["faces_at_working_sizes"]}
            return {"request": plan["request"], "parts": said, "tracking": tracking}

        used = {"detect_every": whole.search.every}
        try:
            with new_writer(folder) as writer:
                write(writer, analysis, rows(), reader, began, progress, used, about)
        except SeamError:
            return "its frames depend on frames from long before"
        except EntryError as error:
            return str(error)
        finally:
            joined.close()
    return None


def forget(folder: Path) -> None:
    """Remove the parts of a result, and those beside it that were abandoned."""
    kept = PartsFolder(folder)
    kept.remove()
    remove_abandoned_parts(kept.path.parent)
