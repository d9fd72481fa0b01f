"""What result folders are called. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath

RESULT_SUFFIX = ".fervid"
_MAX_BYTES = 240
"""Of a name: file systems take 255 bytes, of which the suffix and others want some."""


def result_folder(recording: PurePath, out: Path = Path()) -> Path:
    """Where the result of a recording goes: `<out>/<recording>.fervid`.

    Args:
        recording: its path, of which the name counts. One too long for the suffix is cut, and ends
            in a hash of the whole.
        out: folder of results.
    """
    name = os.fsencode(recording.name)
    if len(name) > _MAX_BYTES:
        digest = hashlib.sha256(name).hexdigest()[:12].encode()
        # Not in the midst of a character.
        cut = name[: _MAX_BYTES - 13].decode("utf-8", "ignore").encode()
        name = cut + b"-" + digest
    return out / (os.fsdecode(name) + RESULT_SUFFIX)
