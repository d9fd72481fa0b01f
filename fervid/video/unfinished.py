"""Recordings whose writer stopped before it stored their length."""

from __future__ import annotations

import os
from pathlib import Path

from fervid.video.executable import open_recording
from fervid.video.matroska import has_room_for_length, is_matroska

_HEAD_BYTES = 1 << 14

_AVI_FRAMES = slice(48, 52)
"""Offset of the number of frames in an AVI's first header."""

_FLV_LENGTH = b"\0\x08duration\0" + bytes(8)
"""A length of 0 seconds in FLV's metadata: a name, and a number of eight bytes."""


def is_unfinished(path: Path) -> bool:
    """Whether a file has an empty field for its length.

    This is so for Matroska, WebM, AVI and FLV files that are still being written, or whose writer
    was killed. Matroska written to a pipe, as by browsers, has no such field but may be complete.

    Raises:
        MediaError: the file cannot be read.
    """
    with os.fdopen(open_recording(path), "rb") as file:
        head = file.read(_HEAD_BYTES)
        if is_matroska(head):
            return has_room_for_length(file)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return head[4:8] in (b"\0\0\0\0", b"\xff\xff\xff\xff") and not any(head[_AVI_FRAMES])
    return head[:4] == b"FLV\x01" and _FLV_LENGTH in head
