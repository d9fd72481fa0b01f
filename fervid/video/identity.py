"""A fingerprint of a recording, without reading all of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from fervid.video.executable import open_recording

_END_BYTES = 1 << 20
"""Bytes hashed at the beginning and at the end; reading hours of video would take minutes."""


def identity_of(recording: Path) -> dict[str, Any]:
    """A fingerprint that changes when the recording does.

    Returns:
        Size in bytes, time of the last change in nanoseconds, and the sha256 of the first and last
        MiB together, as plain JSON.

    Raises:
        MediaError: it is not a regular file, or cannot be read.
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
