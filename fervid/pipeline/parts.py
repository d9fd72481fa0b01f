"""Analyses a long recording in parts, which are stored and joined at the end.

A part stores its faces and everything that was read from their pictures. The join follows all faces
from the first frame to the last, like the analysis of a whole recording, but reads from the parts
instead of pictures. So the result does not depend on how the recording was divided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fervid.detection.search import search_ahead
from fervid.engine.engine import Engine
from fervid.errors import MediaError, ResultError
from fervid.pipeline.stages import (
    Progress,
    compiling,
    new_writer,
    opened,
    resized,
    search_of,
    write,
)
from fervid.results.parts_folder import PartsFolder, remove_abandoned_parts
from fervid.results.reuse import AnalysisOutcome, difference_of
from fervid.video.ffmpeg import quoted
from fervid.video.reader import VideoReader
from fervid.video.sections import Section
from fervid.video.stamps import EntryError, Stamps

_LAYOUT = 2
"""Version of the format of stored parts."""


@dataclass(frozen=True)
class PartLength:
    """The length of parts, and which recordings are analysed in parts.

    Attributes:
        seconds: length of a part in seconds.
        from_s: shortest recording that is analysed in parts, in seconds.
    """

    seconds: float
    from_s: float = 0.0


@dataclass(frozen=True)
class AnalysisPlan:
    """What is left to do for a result.

    Attributes:
        done: outcome, if the result already exists; else None.
        parts: number of frames of each part; empty: the recording is analysed as a whole.
        missing: numbers of the parts that are not done.
        why: why it is analysed as a whole although parts were requested.
        redone: why an earlier result is replaced.
        anew: why existing parts cannot be used.
        reader: reader of the recording, if it is opened already and analysed as a whole.
    """

    done: AnalysisOutcome | None = None
    parts: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    why: str = ""
    redone: str = ""
    anew: str = ""
    reader: VideoReader | None = None


def begin(
    engine: Engine, recording: Path, folder: Path, request: dict[str, Any], length: PartLength
) -> AnalysisPlan:
    """The parts of a recording, and which of them are done.

    Args:
        engine: the engine, used for all recordings.
        recording: path of the recording.
        folder: the result folder.
        request: see `fervid.results.reuse.request_of`.
        length: length of parts.
    """
    kept = PartsFolder(folder)
    remove_abandoned_parts(kept.path.parent)
    plan, anew = kept.plan(), ""
    wanted = _wanted(engine, request, length)
    if plan is not None:
        anew = _difference(plan, wanted)
    if plan is None or anew:
        kept.remove()
        reader = opened(recording, engine.settings)
        if _is_shorter(reader, length.from_s):
            return AnalysisPlan(anew=anew, reader=reader)
        try:
            plan = _planned(engine, recording, kept, wanted, reader)
        except EntryError as error:
            return AnalysisPlan(why=str(error), anew=anew)
    if plan.get("read_whole"):
        return AnalysisPlan(why=plan["read_whole"], anew=anew)
    missing = tuple(_in_order(kept.missing(plan["count"])))
    return AnalysisPlan(parts=tuple(plan["frames"]), missing=missing, anew=anew)


def parts_left(
    engine: Engine, folder: Path, request: dict[str, Any], length: PartLength
) -> tuple[int, int, str]:
    """Number of parts left, number of all parts, and why existing parts cannot be used.

    Args:
        engine, folder, request, length: as for `begin`.
    """
    kept = PartsFolder(folder)
    plan = kept.plan()
    if plan is None:
        return 0, 0, ""
    count = plan.get("count", 0)
    return len(kept.missing(count)), count, _difference(plan, _wanted(engine, request, length))


def _wanted(engine: Engine, request: dict[str, Any], length: PartLength) -> dict[str, Any]:
    return {
        "layout": _LAYOUT,
        "part_s": length.seconds,
        "batch_size": engine.batch_size,
        "request": request,
    }


def _in_order(missing: list[int]) -> list[int]:
    """The second part comes first, because it shows whether decoding can start midway."""
    return sorted(missing, key=lambda number: (number != 1, number))


def _difference(plan: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Why existing parts cannot be used; empty if they can."""
    if plan.get("layout") != wanted["layout"] or not isinstance(plan.get("request"), dict):
        return "they were made by another version of fervid"
    if plan.get("part_s") != wanted["part_s"]:
        return "the length of parts has changed"
    if plan.get("batch_size") != wanted["batch_size"]:
        return "the size of batches has changed"
    return difference_of(plan["request"], wanted["request"]) or ""


def _is_shorter(reader: VideoReader, from_s: float) -> bool:
    """Whether what will be read is shorter than some seconds; an unknown length is not."""
    frames = reader.expected_frames
    return frames is not None and frames < from_s * reader.rate


def _planned(
    engine: Engine,
    recording: Path,
    kept: PartsFolder,
    wanted: dict[str, Any],
    reader: VideoReader,
) -> dict[str, Any]:
    """Make and store a new plan."""
    with reader:
        faces_by_size = resized(engine, reader)
        search_of(engine, reader)
        stamps = reader.stamps()
        sections = reader.sections(stamps, wanted["part_s"])
        plan = wanted | {
            "recording": str(recording.resolve()),
            "count": len(sections),
            "frames": [len(section) for section in sections],
            "working_size": reader.working_size,
            "deinterlacing": reader.deinterlacing,
            "faces_at_working_sizes": faces_by_size,
        }
    kept.begin(plan, {"pts": stamps.pts, "keys": stamps.keys})
    return plan


class _Opened:
    """A recording, opened according to its plan.

    Attributes:
        reader: reader of the recording.
        search: search for faces in it.
        stamps: time stamps of all its frames.
        sections: the section of each part.
    """

    def __init__(self, engine: Engine, recording: Path, kept: PartsFolder) -> None:
        plan = kept.plan()
        if plan is None:
            raise ResultError(f"{kept.path}: its plan is missing or damaged")
        self.plan = plan
        self.reader: VideoReader = opened(
            recording, engine.settings, deinterlacing=plan["deinterlacing"]
        )
        self.reader.resize(plan["working_size"])
        self.search = search_of(engine, self.reader)
        self.stamps = Stamps(**kept.stamps())
        self.sections: list[Section] = self.reader.sections(self.stamps, plan["part_s"])


def work(
    engine: Engine,
    recording: Path,
    folder: Path,
    number: int,
    progress: Callable[[Progress], None],
) -> None:
    """Analyse and store one part; if it cannot be decoded separately, note that and drop all parts.

    Args:
        engine, recording, folder: as for `begin`.
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
    whole = _Opened(engine, recording, kept)
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
        engine, recording, folder, request: as for `begin`.
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
    whole = _Opened(engine, recording, kept)
    plan, count = whole.plan, len(whole.sections)

    @contextmanager
    def decoded(number: int) -> Iterator[VideoReader]:
        again = _Opened(engine, recording, kept)
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
            return "its pictures depend on those long before"
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
