"""Recordings whose writer stopped before it stored their length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fervid.video.executable import open_recording

_HEAD_BYTES = 1 << 14
_SEGMENT, _INFO, _CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
_DURATION, _VOID = 0x4489, 0xEC
"""Elements of Matroska (RFC 9559)."""

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
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return head[4:8] in (b"\0\0\0\0", b"\xff\xff\xff\xff") and not any(head[_AVI_FRAMES])
    if head[:4] == b"FLV\x01":
        return _FLV_LENGTH in head
    return head[:4] == b"\x1aE\xdf\xa3" and _has_room(head)


def _has_room(head: bytes) -> bool:
    """Whether Matroska's description has a void where the duration belongs."""
    for kind, start, end in _elements(head, 0, len(head)):
        if kind == _SEGMENT:
            for inner, first, last in _elements(head, start, end):
                if inner == _INFO:
                    elements = {name for name, _, _ in _elements(head, first, last)}
                    return _VOID in elements and _DURATION not in elements
                if inner == _CLUSTER:
                    return False
    return False


def _elements(head: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (id, start, end) of the contents of the elements in a part of the file's head."""
    while start < end - 1:
        id_length = _length(head[start])
        if start + id_length >= end:
            return
        length = _length(head[start + id_length])
        kind = int.from_bytes(head[start : start + id_length])
        content = start + id_length + length
        value = int.from_bytes(head[content - length : content]) & ((1 << 7 * length) - 1)
        unknown = value == (1 << 7 * length) - 1
        stop = end if unknown else min(end, content + value)
        yield kind, content, stop
        start = stop


def _length(first: int) -> int:
    """Length in bytes of a variable-length number, by its first byte."""
    return 9 - first.bit_length()
