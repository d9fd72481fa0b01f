"""Names of result folders. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath

RESULT_SUFFIX = ".fervid"
PHOTOS_RESULT = f"photos{RESULT_SUFFIX}"
"""The result folder of many photos."""

_MAX_BYTES = 240
"""Most bytes of a name. File systems allow 255, and suffixes need some of them."""


def result_folder(recording: PurePath, out: Path = Path()) -> Path:
    """The result folder of a recording: `<out>/<recording>.fervid`.

    >>> result_folder(PurePath("videos/lecture.mp4"), Path("results")).as_posix()
    'results/lecture.mp4.fervid'

    Args:
        recording: path of the recording, of which only the name is used. A name too long for the
            suffix is cut and ends with a hash of the full name.
        out: folder of all results.
    """
    name = os.fsencode(recording.name)
    if len(name) > _MAX_BYTES:
        name = _with_hash(name, name)
    return out / (os.fsdecode(name) + RESULT_SUFFIX)


def result_folder_of_twin(recording: PurePath, out: Path) -> Path:
    """Like `result_folder`, for a recording whose result some file systems would confuse with
    another.

    Args:
        recording: its path in the tree of results, which makes the name unique.
        out: folder of all results.
    """
    name = _with_hash(os.fsencode(recording.name), os.fsencode(recording))
    return out / (os.fsdecode(name) + RESULT_SUFFIX)


def file_name(name: str, whole: str = "") -> str:
    """A file name that is not too long; with `whole`, made unique by a hash of that."""
    raw = os.fsencode(name)
    if whole or len(raw) > _MAX_BYTES:
        raw = _with_hash(raw, os.fsencode(whole) or raw)
    return os.fsdecode(raw)


def _with_hash(name: bytes, whole: bytes) -> bytes:
    digest = hashlib.sha256(whole).hexdigest()[:12].encode()
    short = name
    if len(name) > _MAX_BYTES - 13:  # cut, but not in the middle of a character
        short = name[: _MAX_BYTES - 13].decode("utf-8", "ignore").encode()
    return short + b"-" + digest
