"""Reads the time stamps of all frames, and where decoding can start, without decoding."""

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
"""Flags of a packet in the output of ffmpeg's muxer `framecrc`; no flags mean a key frame."""


class EntryError(Exception):
    """Decoding a recording from the middle does not give the same frames; says why."""


@dataclass(frozen=True)
class Stamps:
    """All frames of a recording, according to its packets.

    Attributes:
        pts: (N,) int64 time stamps in units of the time base, ascending.
        keys: (K,) int64 positions of frames at which decoding can start, ascending.
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
        stream: index of its video track among all streams.
        reading: input options for `Child`.
        time_base: unit of the time stamps in seconds.

    Raises:
        EntryError: the packets do not show which frames there are.
        MediaError, SetupError: the recording cannot be opened, or there is no ffmpeg.
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
                raise EntryError("the time unit of its packets differs from that of its frames")
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
        raise EntryError("its packets have missing or repeated time stamps")
    return Stamps(pts, np.flatnonzero(np.array(is_key, np.bool_)[order]))


def _flags(fields: list[str]) -> int:
    """The flags of a packet, from the fields after its checksum."""
    flags = [field for field in fields if field.startswith(" F=")]
    return int(flags[0][3:], 16) if flags else _KEY
