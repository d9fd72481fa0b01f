"""A single job of a batch: analysing one recording, and its outcome."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from fervid.errors import FervidError, MediaError, SetupError, quoted
from fervid.inputs.plan import Job

if TYPE_CHECKING:
    from fervid.pipeline import Analyzer, PartLength, Progress

Status = Literal["ok", "partial", "refused", "failed"]
"""ok: analysed; partial: analysed, with frames missing; refused: not a readable recording; failed:
anything else."""

STATUSES: tuple[Status, ...] = get_args(Status)

_TRANSIENT = (errno.EIO, errno.ESTALE, errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR)
"""Errors of network drives that may pass."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of analysing a recording.

    Attributes:
        recording, folder: those of the job.
        status: see `Status`.
        reason: the reason for the status, on one line; empty if it is ok.
        redone: why an earlier result was replaced, if it was and --overwrite was not given.
        reused: an earlier result was kept, because analysing again would give the same.
        frames, frames_with_face: counts of the result.
        duration_s: length of the recording in seconds.
        elapsed_s: seconds that the analysis took.
        transient: whether another try may succeed.
        setup: whether something is missing from the installation, so that all other recordings
            would fail, too.
        process_is_lost: whether the worker process has ended or must be ended.
        anew: why the parts of an earlier run are not used.
        parts: frames of each part, if it is to be analysed in parts; empty once it is done.
        missing: numbers of the parts that are not done.
    """

    recording: Path
    folder: Path
    status: Status
    reason: str = ""
    redone: str = ""
    reused: bool = False
    frames: int = 0
    frames_with_face: int = 0
    duration_s: float | None = None
    elapsed_s: float = 0.0
    transient: bool = False
    setup: bool = False
    process_is_lost: bool = False
    anew: str = ""
    parts: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()

    @property
    def has_result(self) -> bool:
        """Whether there is a result folder."""
        return self.status in ("ok", "partial")

    @property
    def whole_reason(self) -> str:
        """The reason; it names the recording if that was refused."""
        return self.named_reason if self.status == "refused" else self.reason

    @property
    def named_reason(self) -> str:
        """The reason, always with the recording's name."""
        return f"{quoted(self.recording)}: {self.reason}"

    def public_json(self) -> dict[str, Any]:
        """Plain JSON for users, without the fields that only matter for retries."""
        inner = ("transient", "setup", "process_is_lost", "parts", "missing")
        return {name: value for name, value in self.to_json().items() if name not in inner}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `of_json` reads it back."""
        return {**asdict(self), "recording": str(self.recording), "folder": str(self.folder)}

    @classmethod
    def of_json(cls, given: dict[str, Any]) -> Outcome:
        """Read what `to_json` returned."""
        known = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        paths = {name: Path(given[name]) for name in ("recording", "folder")}
        parts = {name: tuple(given.get(name, ())) for name in ("parts", "missing")}
        return cls(**{**known, **paths, **parts})


def run(
    analyzer: Analyzer,
    job: Job,
    *,
    overwrite: bool = False,
    exports: Callable[[Path], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    part_length: PartLength | None = None,
) -> Outcome:
    """Analyse one recording; whatever goes wrong is in the outcome.

    Args:
        analyzer: can be used for any number of recordings.
        job: the recording.
        overwrite: analyse again even if an equal result exists.
        exports: called with the result folder, to write the exports that the user wants.
        progress: called after each batch of frames.
        part_length: length of its parts, so that an interrupted analysis can continue; None:
            analyse it as a whole.
    """

    def whole() -> dict[str, Any]:
        done = analyzer.analyze(
            *(job.recording, job.folder),
            overwrite=overwrite,
            progress=progress,
            part_length=part_length,
        )
        about = {"redone": done.redone, "reused": done.reused, "anew": done.anew}
        return about | finished(job, exports)

    return guarded(job, whole)


def finished(job: Job, exports: Callable[[Path], None] | None) -> dict[str, Any]:
    """Fields of the outcome of a job whose result is there, once it has been exported."""
    if exports is not None:
        exports(job.folder)
    return _found(job.folder)


def guarded(job: Job, work: Callable[[], dict[str, Any]]) -> Outcome:
    """The outcome of some work, whose fields it returns, or of what goes wrong with it."""
    began = time.perf_counter()
    try:
        outcome = work()
    except FervidError as error:
        status: Status = "refused" if isinstance(error, MediaError) else "failed"
        return Outcome(
            job.recording,
            job.folder,
            status,
            str(error).removeprefix(f"{quoted(job.recording)}: "),
            elapsed_s=time.perf_counter() - began,
            transient=_is_transient(error),
            setup=isinstance(error, SetupError),
        )
    elapsed_s = time.perf_counter() - began
    return Outcome(job.recording, job.folder, elapsed_s=elapsed_s, **outcome)


def _found(folder: Path) -> dict[str, Any]:
    from fervid.report import partial_line
    from fervid.results.files import read_meta

    meta = read_meta(folder)
    found, recording = meta.get("detection") or {}, meta.get("recording") or {}
    given: dict[str, Any] = {
        "status": "partial" if meta.get("status") == "partial" else "ok",
        "frames": found.get("frames", 0),
        "frames_with_face": found.get("frames_with_face", 0),
        "duration_s": recording.get("duration_s"),
    }
    return {**given, "reason": partial_line(meta).removeprefix("partial: ")}


def _is_transient(error: BaseException) -> bool:
    cause = error.__cause__ or error.__context__
    return isinstance(cause, OSError) and cause.errno in _TRANSIENT
