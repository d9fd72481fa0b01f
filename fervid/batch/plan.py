"""Which recordings are meant, and where each result goes; all of it known before work starts."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from fervid.batch.jobs import Job
from fervid.batch.kinds import may_be_recording
from fervid.errors import PlanError
from fervid.names import RESULT_SUFFIX, result_folder, result_folder_of_twin

_UNFINISHED = re.compile(r".*\.(part|partial|crdownload|download|tmp|temp|filepart|opdownload)|~.*")
"""Names that browsers and copying programs give to what is not there yet."""

_SHOWN = 3


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: in order.
        skipped: files in folders that are no recordings.
        warnings: a line each.
    """

    jobs: tuple[Job, ...]
    skipped: int = 0
    warnings: tuple[str, ...] = ()

    def shard(self, number: int, of: int) -> Plan:
        """Every `of`th job, from the `number`th on (from 1): the shards share all jobs out."""
        return Plan(self.jobs[number - 1 :: of], self.skipped, self.warnings)


@dataclass(frozen=True)
class _Found:
    """A recording, and its place in the tree of results, with its own name last."""

    recording: Path
    place: PurePath


def make_plan(inputs: Sequence[Path], listed: Sequence[Path], out: Path) -> Plan:
    """Find the recordings.

    A file's result goes into `out`; what lies in a folder keeps its place below that folder; what
    a pattern or a list names keeps the path that is written there. Of names that some file systems
    take for one, all but the first get a hash at the end.

    Args:
        inputs: files, folders (searched through, but for hidden and unfinished files, results and
            links to folders) and patterns with `*`, `?`, `[` or `**`.
        listed: paths out of a list.
        out: the folder of results.

    Raises:
        PlanError: two recordings would get the same result; or there is no recording at all.
    """
    walk = _Walk()
    found = [one for path in inputs for one in walk.expand(path)]
    found += [_Found(path, _written(path)) for path in listed]
    jobs = _jobs(found, out)
    if not jobs:
        raise PlanError(f"no recording in {', '.join(ascii(str(path)) for path in inputs)}")
    return Plan(tuple(jobs), walk.skipped, tuple(walk.warnings))


class _Walk:
    """Goes through folders; counts what is no recording."""

    def __init__(self) -> None:
        self.skipped = 0
        self.warnings: list[str] = []

    def expand(self, path: Path) -> Iterator[_Found]:
        """The recordings that one input means."""
        if path.is_dir():
            yield from self._below(path, PurePath())
        elif not os.path.lexists(path) and glob.has_magic(str(path)):
            yield from self._matches(path)
        else:
            yield _Found(path, PurePath(path.name))

    def _matches(self, pattern: Path) -> Iterator[_Found]:
        fixed = Path(*_until_magic(pattern.parts))
        rest = pattern.relative_to(fixed)
        places = sorted((path.relative_to(fixed) for path in fixed.glob(str(rest))), key=_bytes)
        if not places:
            raise PlanError(f"{str(pattern)!a}: nothing matches this pattern")
        for place in places:
            path = fixed / place
            if any(map(_is_passed_over, place.parts)):
                continue
            if not path.is_dir():
                if self._wanted(path):
                    yield _Found(path, place)
            elif "**" not in rest.parts:  # which finds the files in there, too
                yield from self._below(path, place)

    def _below(self, folder: Path, place: PurePath) -> Iterator[_Found]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self.warnings.append(f"{str(folder)!a}: not searched ({error.strerror or error})")
            return
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_passed_over(entry.name):
                    yield from self._below(path, place / entry.name)
            elif self._wanted(path):
                yield _Found(path, place / entry.name)

    def _wanted(self, path: Path) -> bool:
        if path.name.startswith(".") or _UNFINISHED.fullmatch(path.name.lower()):
            wanted = False
        else:
            wanted = not path.is_dir() and may_be_recording(path)
        self.skipped += not wanted
        return wanted


def _is_passed_over(name: str) -> bool:
    """Whether a folder is hidden or a result."""
    return name.startswith(".") or name.endswith(RESULT_SUFFIX)


def _bytes(path: PurePath) -> bytes:
    return os.fsencode(path)


def _until_magic(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        if glob.has_magic(part):
            return
        yield part


def _written(path: Path) -> PurePath:
    """A path without what leads out of a folder: no root, no drive, no `..`."""
    return PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))


def _jobs(found: Sequence[_Found], out: Path) -> list[Job]:
    """A job for each recording, once; PlanError if two share a result."""
    jobs: dict[str, Job] = {}
    clashes = []
    for one in found:
        job = Job(one.recording, result_folder(one.place, out / one.place.parent))
        first = jobs.setdefault(_folded(job.folder), job)
        if first is job or _same(first.recording, job.recording):
            continue
        if first.folder == job.folder:
            clashes.append((first, job))
        else:
            twin = result_folder_of_twin(one.place, out / one.place.parent)
            jobs.setdefault(_folded(twin), Job(one.recording, twin))
    if clashes:
        pairs = [f"{str(a.recording)!a} and {str(b.recording)!a}" for a, b in clashes[:_SHOWN]]
        more = f" and {len(clashes) - _SHOWN} more" if len(clashes) > _SHOWN else ""
        raise PlanError(
            f"would get the same result folder: {'; '.join(pairs)}{more}; "
            "give the folder that holds both, or analyse them with different -o"
        )
    return list(jobs.values())


def _folded(folder: Path) -> str:
    """The same for names that some file systems take for one: case, and forms of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(folder)).casefold())


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
