"""Which recordings and photos to analyse and where results go, decided before work starts."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from fervid.errors import PlanError
from fervid.results.folder_names import (
    PHOTOS_RESULT,
    RESULT_SUFFIX,
    result_folder,
    result_folder_of_twin,
)
from fervid.video.kinds import Kind, kind_of

_UNFINISHED = re.compile(r".*\.(part|partial|crdownload|download|tmp|temp|filepart|opdownload)|~.*")
"""Names that browsers and copying programs give to unfinished files."""

_SHOWN = 3


@dataclass(frozen=True)
class Job:
    """A recording and its result folder."""

    recording: Path
    folder: Path


@dataclass(frozen=True)
class PhotoFile:
    """A photo and its name in the tables.

    Attributes:
        path: path of the file.
        place: its path from the analysed folder, with "/" as separator; unique in a result.
    """

    path: Path
    place: str


@dataclass(frozen=True)
class Plan:
    """The recordings and photos to analyse.

    Attributes:
        jobs: the recordings, in order.
        photos: the photos, in order; they share one result.
        skipped: number of files in folders that are neither.
        warnings: one line each.
    """

    jobs: tuple[Job, ...]
    photos: tuple[PhotoFile, ...] = ()
    skipped: int = 0
    warnings: tuple[str, ...] = ()

    def shard(self, number: int, of: int) -> Plan:
        """Every `of`th job, starting with the `number`th (from 1). The shards together have all
        jobs."""
        share = slice(number - 1, None, of)
        return Plan(self.jobs[share], self.photos[share], self.skipped, self.warnings)


@dataclass(frozen=True)
class _Found:
    """A recording or photo, and its path in the tree of results, ending with its own name.

    `kind` is None for a named file that is neither; it will be refused as a recording.
    """

    path: Path
    place: PurePath
    kind: Kind | None


def make_plan(inputs: Sequence[Path], listed: Sequence[Path], out: Path) -> Plan:
    """Find the recordings and photos.

    The result of a named file goes straight into `out`. Files in a folder keep their path below
    that folder; files from a pattern or a list keep the path as written. If names differ only in
    ways that some file systems ignore, all but the first get a hash at the end.

    Args:
        inputs: files; folders, which are searched except for hidden and unfinished files, results
            and links to folders; and patterns with `*`, `?`, `[` or `**`.
        listed: paths from a list.
        out: the folder of results.

    Raises:
        PlanError: two files would get the same result, or there is neither recording nor photo.
    """
    walk = _Walk()
    found = [one for path in inputs for one in walk.expand(path)]
    found += [_Found(path, _written(path), kind_of(path)) for path in listed]
    if not found:
        raise PlanError(f"no recording or photo in {', '.join(repr(str(p)) for p in inputs)}")
    photos = [one for one in found if one.kind == "photo"]
    recordings = [one for one in found if one.kind != "photo"]
    taken = [out / PHOTOS_RESULT] if photos else []
    jobs = _jobs(recordings, out, taken)
    return Plan(tuple(jobs), tuple(_photos(photos)), walk.skipped, tuple(walk.warnings))


class _Walk:
    """Walks through folders and counts the files that are neither recording nor photo."""

    def __init__(self) -> None:
        self.skipped = 0
        self.warnings: list[str] = []

    def expand(self, path: Path) -> Iterator[_Found]:
        """The recordings and photos that one input names."""
        if path.is_dir():
            yield from self._below(path, PurePath())
        elif not os.path.lexists(path) and glob.has_magic(str(path)):
            yield from self._matches(path)
        else:
            yield _Found(path, PurePath(path.name), kind_of(path))

    def _matches(self, pattern: Path) -> Iterator[_Found]:
        fixed = Path(*_until_magic(pattern.parts))
        rest = pattern.relative_to(fixed)
        places = sorted((path.relative_to(fixed) for path in fixed.glob(str(rest))), key=_bytes)
        if not places:
            raise PlanError(f"{str(pattern)!r}: nothing matches this pattern")
        for place in places:
            path = fixed / place
            if any(map(_is_passed_over, place.parts)):
                continue
            if not path.is_dir():
                if kind := self._kind(path):
                    yield _Found(path, place, kind)
            elif "**" not in rest.parts:  # its files are found by the folder
                yield from self._below(path, place)

    def _below(self, folder: Path, place: PurePath) -> Iterator[_Found]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self.warnings.append(f"{str(folder)!r}: cannot be searched ({error.strerror or error})")
            return
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_passed_over(entry.name):
                    yield from self._below(path, place / entry.name)
            elif kind := self._kind(path):
                yield _Found(path, place / entry.name, kind)

    def _kind(self, path: Path) -> Kind | None:
        """How to analyse a file found in a folder; None: not at all."""
        kind = None
        is_passed_over = path.name.startswith(".") or _UNFINISHED.fullmatch(path.name.lower())
        if not is_passed_over and not path.is_dir():
            kind = kind_of(path)
        self.skipped += kind is None
        return kind


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
    """A path without the parts that lead out of a folder: root, drive and `..`."""
    return PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))


def _jobs(found: Sequence[_Found], out: Path, taken: Iterable[Path]) -> list[Job]:
    """A job for each recording, once; no result folder may be shared or be in `taken`."""
    jobs: dict[str, Job] = {}
    others = {_folded(folder) for folder in taken}
    clashes = []
    for one in found:
        job = Job(one.path, result_folder(one.place, out / one.place.parent))
        if _folded(job.folder) in others:
            job = Job(one.path, result_folder_of_twin(one.place, out / one.place.parent))
        first = jobs.setdefault(_folded(job.folder), job)
        if first is job or _same(first.recording, job.recording):
            continue
        if first.folder == job.folder:
            clashes.append((first, job))
        else:
            twin = result_folder_of_twin(one.place, out / one.place.parent)
            jobs.setdefault(_folded(twin), Job(one.path, twin))
    _refuse("result folder", [(first.recording, job.recording) for first, job in clashes])
    return list(jobs.values())


def _photos(found: Sequence[_Found]) -> list[PhotoFile]:
    """Each photo once; no two may have the same place."""
    photos: dict[str, PhotoFile] = {}
    clashes = []
    for one in found:
        photo = PhotoFile(one.path, one.place.as_posix())
        first = photos.setdefault(photo.place, photo)
        if first is not photo and not _same(first.path, photo.path):
            clashes.append((first.path, photo.path))
    _refuse("name in the table of photos", clashes)
    return list(photos.values())


def _refuse(what: str, clashes: Sequence[tuple[Path, Path]]) -> None:
    """Raise PlanError if there are pairs of files that clash."""
    if not clashes:
        return
    pairs = [f"{str(a)!r} and {str(b)!r}" for a, b in clashes[:_SHOWN]]
    more = f" and {len(clashes) - _SHOWN} more" if len(clashes) > _SHOWN else ""
    raise PlanError(
        f"several files would get the same {what}: {'; '.join(pairs)}{more}; give the folder that "
        "contains them, or analyse them separately, each with its own -o"
    )


def _folded(folder: Path) -> str:
    """The same for names that some file systems do not distinguish, by case or form of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(folder)).casefold())


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
