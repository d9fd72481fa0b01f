"""The time stamps of all frames of a recording, and where decoding may start: read, not decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.video.ffmpeg import Child

_READ_BYTES = 1 << 20
_NO_STAMP = -(2**63)
_KEY, _CORRUPT, _DISCARDED = 1, 2, 4
"""Flags of a packet, as ffmpeg's muxer `framecrc` tells them; one without any told is a key."""


class EntryError(Exception):
    """A recording cannot be entered midway so that the same frames come out; says why."""


@dataclass(frozen=True)
class Stamps:
    """All frames of a recording, as its packets tell them.

    Attributes:
        pts: (N,) int64 time stamps in units of the time base, ascending.
        keys: (K,) int64 positions of those that decoding may start with, ascending.
    """

    pts: NDArray[np.int64]
    keys: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pts)


def read_stamps(
    path: Path, stream: int, reading: dict[str, Any] | None, time_base: Fraction
) -> Stamps:
    """Read all packets of a recording.

    Args:
        path: the recording.
        stream: its video track, by its place among all streams.
        reading: options for `Child` to read it by.
        time_base: unit of the time stamps in seconds.

    Raises:
        EntryError: they do not tell which frames there are.
        MediaError, SetupError: it cannot be opened, or there is no ffmpeg.
    """
    child = Child(
        path,
        {"c": "copy", "copytb": 1, "f": "framecrc"},
        threads=1,
        level="error",
        on_log=lambda *_: None,
        stream=str(stream),
        reading=reading,
    )
    try:
        stamps = _parsed(_lines(child), time_base)
        if child.wait():
            raise EntryError("it cannot be read to its end")
        return stamps
    finally:
        child.close()


def _lines(child: Child) -> Iterator[str]:
    rest, buffer = "", memoryview(bytearray(_READ_BYTES))
    while count := child.read(buffer):
        *whole, rest = (rest + bytes(buffer[:count]).decode("ascii", "replace")).split("\n")
        yield from whole


def _parsed(lines: Iterator[str], time_base: Fraction) -> Stamps:
    found: list[int] = []
    is_key: list[bool] = []
    for line in lines:
        if line.startswith("#"):
            if (base := re.match(r"#tb 0: (\d+)/(\d+)$", line)) and (
                Fraction(int(base[1]), int(base[2])) != time_base
            ):
                raise EntryError("its packets have other units of time than its frames")
            continue
        _, _, stamp, _, _, _, *more = line.split(",")
        flags = _flags(more)
        if flags & _CORRUPT:
            raise EntryError("it is damaged")
        if not flags & _DISCARDED:
            found.append(int(stamp))
            is_key.append(bool(flags & _KEY))
    pts = np.array(found, np.int64)
    order = np.argsort(pts, kind="stable")
    pts = pts[order]
    if len(pts) and (pts[0] == _NO_STAMP or not np.diff(pts).all()):
        raise EntryError("its packets have no time stamps, or some twice")
    return Stamps(pts, np.flatnonzero(np.array(is_key, np.bool_)[order]))


def _flags(fields: list[str]) -> int:
    """Flags of a packet among what follows its checksum."""
    told = [field for field in fields if field.startswith(" F=")]
    return int(told[0][3:], 16) if told else _KEY
