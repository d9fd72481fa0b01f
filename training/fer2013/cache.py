"""Caches parsed data as .npz files in the user's cache folder.

File names are digests of the source files, so a file can never be out of date. The folder may be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from training.atomic import whole_file
from training.fer2013.records import Fer2013

_FORMAT = "1"  # Raise this when the same files give other arrays.


def folder() -> Path | None:
    """`$XDG_CACHE_HOME/fervid` or `~/.cache/fervid`; None without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base, "fervid")
    try:
        return Path.home() / ".cache" / "fervid"
    except RuntimeError:
        return None


def cached(source: Path, files: Iterable[Path], parse: Callable[[], Fer2013]) -> Fer2013:
    """What `parse` returns for these files, from the cache if they were parsed before.

    Args:
        source: the file or folder to read; names of files below it count as content.
        files: all files that `parse` reads.
        parse: makes the arrays; its exceptions are passed on, and nothing is cached then.

    Raises:
        OSError: a file cannot be read.
    """
    place = folder()
    if place is None:
        return parse()
    path = place / f"fer2013-{_content_key(source, files)}.npz"
    kept = _restore(path)
    if kept is not None:
        return kept
    data = parse()
    # A cache that cannot be written only costs time.
    try:
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, **vars(data))
    except OSError:
        pass
    return data


def _content_key(source: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256(_FORMAT.encode())
    for path in files:
        # The place of a csv does not matter, so only the suffix of a single file counts.
        name = path.suffix if path == source else path.relative_to(source).as_posix()
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256")
        digest.update(f"{name}\0{content.hexdigest()}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _restore(path: Path) -> Fer2013 | None:
    """The arrays in a cache file; None if it is missing or damaged (zip files have checksums)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return Fer2013(**{name: archive[name] for name in archive.files})
    except Exception:  # Damaged files raise many exceptions; in all cases, parse again.
        return None
