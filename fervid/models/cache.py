"""The cache: files that only save time, in the user's cache folder, checked when read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import platformdirs

VARIABLE = "FERVID_CACHE_DIR"
"""Environment variable that names another cache folder; if it is empty, nothing is cached."""

_MOST_FILES = 200
_DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """The cache folder, created if needed; None if it is not writable."""
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
    """Read what `write` stored under a name; None if it is missing or incomplete."""
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
    """Store content under a name; if there are too many files, the oldest ones are removed.

    Disk errors are ignored: the content is made again next time.
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
    """Remove the oldest files if there are too many."""
    files = [path for path in home.iterdir() if path.is_file()]
    dated = sorted(files, key=lambda path: path.stat().st_mtime)
    for path in dated[: max(0, len(dated) - _MOST_FILES)]:
        path.unlink(missing_ok=True)
