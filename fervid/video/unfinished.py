"""Recordings that lack an end: their writer stopped, or they were cut off."""

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


_DV, _DV_SEQUENCE = b"\x1f\x07\0", 12_000
"""Beginning of a DV file, and bytes of a sequence, of which a frame has 10, or 12 at 25 frames per
second."""

_OGG_PAGE, _OGG_TABLE = b"OggS", 26
"""Beginning of a page, and the place in it of the number of its pieces; RFC 3533, 6."""
_LONGEST_PAGE = 1 << 16


def is_cut_off(path: Path) -> bool:
    """Whether an Ogg or DV file, which do not say how long they are, ends within a piece.

    Raises:
        MediaError: the file cannot be read.
    """
    with os.fdopen(open_recording(path), "rb") as file:
        head, size = file.read(4), file.seek(0, os.SEEK_END)
        if head[:3] == _DV:
            return size % (_DV_SEQUENCE * (12 if head[3] & 0x80 else 10)) > 0
        if head != _OGG_PAGE:
            return False
        file.seek(max(0, size - 2 * _LONGEST_PAGE))
        return _ends_in_page(file.read())


def _ends_in_page(end: bytes) -> bool:
    """Whether the last page at the end of an Ogg file is incomplete."""
    page = end[end.rfind(_OGG_PAGE) :]
    if len(page) <= _OGG_TABLE:
        return True
    count = page[_OGG_TABLE]
    table = page[_OGG_TABLE + 1 : _OGG_TABLE + 1 + count]
    return len(page) < _OGG_TABLE + 1 + count + sum(table)


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
