"""Transport streams that begin with something else, such as a piece of another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fervid.video.executable import open_recording

_SYNC = 0x47
_PACKETS = (188, 192, 204)
"""Bytes per packet: plain, with a time stamp before it, and with check bytes."""

_IN_A_ROW = 8
_SEARCHED = 1 << 24

FARTHEST = 2**31 - 1
"""Bytes searched for the start of a transport stream; otherwise ffmpeg pauses 10 ms every 64 KiB.
"""


def as_transport_stream(path: Path) -> dict[str, Any] | None:
    """Input options to read a file as a transport stream, if it holds one in its first 16 MB.

    ffmpeg recognises a file by its first bytes alone.

    Raises:
        MediaError: the file cannot be read.
    """
    with os.fdopen(open_recording(path), "rb") as file:
        signs = np.frombuffer(file.read(_SEARCHED), np.uint8) == _SYNC
    for length in _PACKETS:
        begins = len(signs) - (_IN_A_ROW - 1) * length
        rows = [signs[k * length : k * length + begins] for k in range(_IN_A_ROW)]
        if begins > 0 and np.logical_and.reduce(rows).any():
            return {"f": "mpegts", "resync_size": FARTHEST}
    return None
