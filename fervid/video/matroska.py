"""What ffmpeg does not tell about Matroska and WebM files; elements after RFC 9559."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fervid.video.executable import open_recording

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_DURATION, _SCALE, _VOID = 0x4489, 0x2AD7B1, 0xEC
_TRACK, _NUMBER, _TYPE, _VIDEO = 0xAE, 0xD7, 0x83, 1
_TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1

_USUAL_SCALE = 1_000_000
"""Nanoseconds in a unit of time, if the file does not say."""

_LONGEST_HEADER = 12
"""Most bytes of an element's id and length."""

_Elements = Iterator[tuple[int, int, int]]


def is_matroska(head: bytes) -> bool:
    """Whether a file begins as Matroska does."""
    return head[:4] == b"\x1aE\xdf\xa3"


def has_room_for_length(file: BinaryIO) -> bool:
    """Whether the description has a void where the duration belongs."""
    for kind, start, stop in _segment(file):
        if kind == _INFO:
            names = {name for name, _, _ in _elements(file, start, stop)}
            return _VOID in names and _DURATION not in names
        if kind == _CLUSTER:
            return False
    return False


def time_before_zero_us(path: Path) -> int:
    """Microseconds before time 0 at which the video begins; 0 if it does not.

    ffmpeg takes frames with such times for frames without a time.

    Raises:
        MediaError: the file cannot be read.
    """
    scale, videos = _USUAL_SCALE, set[int]()
    with os.fdopen(open_recording(path), "rb") as file:
        for kind, start, stop in _segment(file):
            if kind == _INFO:
                scale = _values(file, start, stop).get(_SCALE, scale)
            elif kind == _TRACKS:
                tracks = [_values(file, *track) for track in _children(file, start, stop, _TRACK)]
                videos = {one.get(_NUMBER, 0) for one in tracks if one.get(_TYPE) == _VIDEO}
            elif kind == _CLUSTER:
                return max(0, -_first_time(file, start, stop, videos) * scale // 1000)
    return 0


def _first_time(file: BinaryIO, start: int, stop: int, videos: set[int]) -> int:
    """Time of the first frame of the video in a cluster, in the file's unit; 0 if unknown."""
    time = 0
    for kind, first, last in _elements(file, start, stop):
        if kind == _CLUSTER:
            break
        if kind == _TIME:
            time = _number(file, first, last)
        blocks = [(first, last)] if kind == _SIMPLE_BLOCK else []
        if kind == _GROUP:
            blocks = _children(file, first, last, _BLOCK)
        for block, _ in blocks:
            track, after = _length_at(file, block)
            if track in videos:
                file.seek(after)
                return time + int.from_bytes(file.read(2), signed=True)
    return 0


def _segment(file: BinaryIO) -> _Elements:
    size = os.fstat(file.fileno()).st_size
    for start, stop in _children(file, 0, size, _SEGMENT):
        yield from _elements(file, start, stop)


def _children(file: BinaryIO, start: int, stop: int, kind: int) -> list[tuple[int, int]]:
    return [(first, last) for name, first, last in _elements(file, start, stop) if name == kind]


def _values(file: BinaryIO, start: int, stop: int) -> dict[int, int]:
    """The short elements in a part of the file, read as whole numbers."""
    inner = [one for one in _elements(file, start, stop) if one[2] - one[1] <= 8]
    return {kind: _number(file, first, last) for kind, first, last in inner}


def _number(file: BinaryIO, start: int, stop: int) -> int:
    file.seek(start)
    return int.from_bytes(file.read(stop - start))


def _elements(file: BinaryIO, start: int, stop: int) -> _Elements:
    """Yield (id, start, end) of the contents of the elements in a part of the file."""
    while start < stop - 1:
        file.seek(start)
        head = file.read(_LONGEST_HEADER)
        id_length = _size(head[0]) if head else 9
        if id_length >= len(head) or start + id_length >= stop:
            return
        length, content = _length_at(file, start + id_length)
        last = stop if length is None else min(stop, content + length)
        yield int.from_bytes(head[:id_length]), content, last
        start = last


def _length_at(file: BinaryIO, place: int) -> tuple[int | None, int]:
    """A number of variable length, None if all its bits are set, and the place after it."""
    file.seek(place)
    head = file.read(8)
    size = _size(head[0]) if head else 1
    most = (1 << 7 * size) - 1
    value = int.from_bytes(head[:size]) & most
    return (None if value == most else value), place + size


def _size(first: int) -> int:
    """Length in bytes of a variable-length number, by its first byte."""
    return 9 - first.bit_length()
