"""What tells a recording from others, without reading all of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from fervid.video.ffmpeg import open_recording

_END_BYTES = 1 << 20
"""So much of a recording's beginning and end is hashed: reading hours of video takes minutes."""


def identity_of(recording: Path) -> dict[str, Any]:
    """What tells a recording from another, or from itself before it was changed.

    Returns:
        Size in bytes, time of the last change in ns, and the sha256 of the first and the last MiB
        together, as plain JSON.

    Raises:
        MediaError: it is no regular file, or cannot be read.
    """
    fd = open_recording(recording)
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(_END_BYTES))
        file.seek(max(0, status.st_size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return {
        "size_bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "sha256_of_ends": digest.hexdigest(),
    }
