"""Where exported files go; they are written completely or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from fervid.errors import ResultError
from fervid.exports import Format
from fervid.results.codebook import TABLES
from fervid.results.files import CODEBOOK_NAME, META_NAME, REPORT_NAME, csv_name
from fervid.results.folder_names import RESULT_SUFFIX

_OWN = (CODEBOOK_NAME, META_NAME, REPORT_NAME, *map(csv_name, TABLES))


def targets_of(folder: Path, form: Format, out: Path | None) -> list[Path]:
    """The files to write.

    Raises:
        ResultError: the folder does not exist.
    """
    if not folder.is_dir():
        raise ResultError(f"{folder}: no such folder; give a result folder, RECORDING.fervid")
    place = folder if out is None else out
    if form.tables:
        if not place.is_dir():
            raise ResultError(f"{place}: no such folder; one file per table is written into it")
        return [place / f"{table}{form.ending}" for table in form.tables]
    if place.is_dir():
        return [place / f"{_stem(folder)}{form.ending}"]
    if not place.parent.is_dir():
        raise ResultError(f"{place.parent}: no such folder")
    return [place]


def _stem(folder: Path) -> str:
    """`lecture` for `lecture.mp4.fervid`."""
    return Path(folder.resolve().name.removesuffix(RESULT_SUFFIX)).stem or "result"


def protect(targets: Sequence[Path], folder: Path, recording: Path | None) -> None:
    """Raise ResultError if a target is a file of the result itself, or the recording."""
    kept = {(folder / name).resolve() for name in _OWN}
    kept |= {recording.resolve()} if recording else set()
    for target in targets:
        if target.resolve() in kept:
            raise ResultError(
                f"{target}: is part of the result or the recording; choose another name"
            )


@contextlib.contextmanager
def new_files(targets: Sequence[Path], *, overwrite: bool) -> Iterator[Path]:
    """A hidden folder to write files into; they are moved to their places if the context succeeds.

    Args:
        targets: the files, all in one folder.
        overwrite: replace existing ones.

    Raises:
        ResultError: a file exists and may not be replaced, or the disk fails.
    """
    home = targets[0].parent
    part = home / f".{secrets.token_hex(6)}.fervid-part"
    try:
        _check(targets, overwrite)
        part.mkdir()
        yield part
        for target in targets:
            _sync(part / target.name)
        _check(targets, overwrite)
        for target in targets:
            (part / target.name).replace(target)
    except OSError as error:
        raise ResultError(f"{home}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(targets: Sequence[Path], overwrite: bool) -> None:
    for target in targets:
        if target.is_dir():
            raise ResultError(f"{target}: is a folder")
        if not overwrite and os.path.lexists(target):
            raise ResultError(f"{target}: already exists; use --overwrite to replace it")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
