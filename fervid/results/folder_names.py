"""What result folders are called. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath

RESULT_SUFFIX = ".fervid"
PHOTOS_RESULT = f"photos{RESULT_SUFFIX}"
"""The result folder of many photos."""

_MAX_BYTES = 240
"""Of a name: file systems take 255 bytes, of which the suffix and others want some."""


def result_folder(recording: PurePath, out: Path = Path()) -> Path:
    """Where the result of a recording goes: `<out>/<recording>.fervid`.

    >>> result_folder(PurePath("videos/lecture.mp4"), Path("results")).as_posix()
    'results/lecture.mp4.fervid'

    Args:
        recording: its path, of which the name counts. One too long for the suffix is cut, and ends
            in a hash of the whole.
        out: folder of results.
    """
    name = os.fsencode(recording.name)
    if len(name) > _MAX_BYTES:
        name = _with_hash(name, name)
    return out / (os.fsdecode(name) + RESULT_SUFFIX)


def result_folder_of_twin(recording: PurePath, out: Path) -> Path:
    """As `result_folder`, for one whose place some file systems take for that of another one.

    Args:
        recording: its place in the tree of results, by which it is told apart.
        out: folder of results.
    """
    name = _with_hash(os.fsencode(recording.name), os.fsencode(recording))
    return out / (os.fsdecode(name) + RESULT_SUFFIX)


def file_name(name: str, whole: str = "") -> str:
    """A file name that is not too long, and, with `whole`, told apart by a hash of that."""
    raw = os.fsencode(name)
    if whole or len(raw) > _MAX_BYTES:
        raw = _with_hash(raw, os.fsencode(whole) or raw)
    return os.fsdecode(raw)


def _with_hash(name: bytes, whole: bytes) -> bytes:
    digest = hashlib.sha256(whole).hexdigest()[:12].encode()
    short = name
    if len(name) > _MAX_BYTES - 13:  # cut, but not in the midst of a character
        short = name[: _MAX_BYTES - 13].decode("utf-8", "ignore").encode()
    return short + b"-" + digest
