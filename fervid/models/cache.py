"""Files that only save time: kept in the user's cache folder, checked when read, never needed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import platformdirs

VARIABLE = "FERVID_CACHE_DIR"
"""Environment variable that names another folder; empty: nothing is kept."""

_MOST_FILES = 200
_DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """The cache folder, made if need be; None if there is none to write to."""
    chosen = os.environ.get(VARIABLE)
    if chosen == "":
        return None
    path = Path(chosen) if chosen else platformdirs.user_cache_path("fervid")
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return path if os.access(path, os.R_OK | os.W_OK | os.X_OK) else None


def read(name: str) -> bytes | None:
    """What `write` kept under this name, None if nothing did or the file is not whole."""
    home = folder()
    if home is None:
        return None
    try:
        whole = (home / name).read_bytes()
    except OSError:
        return None
    digest, content = whole[:_DIGEST], whole[_DIGEST:]
    return content if hashlib.sha256(content).digest() == digest else None


def write(name: str, content: bytes) -> None:
    """Keep content under a name; the oldest files go when there are too many.

    A disk that refuses is no error: the content is made again next time.
    """
    home = folder()
    if home is None:
        return
    temporary = home / f".{secrets.token_hex(6)}.part"
    with contextlib.suppress(OSError):
        try:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
            temporary.replace(home / name)
        finally:
            temporary.unlink(missing_ok=True)
        prune(home)


def prune(home: Path) -> None:
    """Remove the oldest files of a folder beyond as many as are worth keeping."""
    files = [path for path in home.iterdir() if path.is_file()]
    dated = sorted(files, key=lambda path: path.stat().st_mtime)
    for path in dated[: max(0, len(dated) - _MOST_FILES)]:
        path.unlink(missing_ok=True)
