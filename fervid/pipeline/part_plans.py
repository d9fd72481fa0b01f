"""Plans how a long recording is divided into parts, and finds out which of them are done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fervid.engine.engine import Engine
from fervid.errors import ResultError
from fervid.pipeline.stages import opened, resized, search_of
from fervid.results.parts_folder import PartsFolder, remove_abandoned_parts
from fervid.results.reuse import AnalysisOutcome, difference_of
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


class PlannedRecording:
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
