"""Changes of the pixel aspect alone, as in television: ffmpeg's decoders report only the first one.

The aspect is read from the sequence headers (ISO/IEC 13818-2, 6.3.3; Rec. ITU-T H.264, 7.3.2.1;
Rec. ITU-T H.265, 7.3.2.2), which ffmpeg's filter `trace_headers` logs without decoding anything.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from fervid.errors import MediaError
from fervid.video.ffmpeg import Child
from fervid.video.probing import Probed

_HEADERS = {"mpeg2video": 179, "h264": 7, "hevc": 33}
"""Numbers of the sequence headers among the units of a stream."""

_PACKET = re.compile(r"\[trace_headers @ \w+\] \[info\] Packet: .*?pts (-?\d+)")
_VALUE = re.compile(r"\[trace_headers @ \w+\] \[info\] \d+ +(\w+) +[01]+ = (\d+)$")

_DISPLAYED = {2: Fraction(4, 3), 3: Fraction(16, 9), 4: Fraction(221, 100)}
"""Shapes of the displayed picture by MPEG-2's `aspect_ratio_information`, table 6-3."""

_ASPECTS = (
    *((1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33)),
    *((18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1)),
)
"""Pixel aspects by `aspect_ratio_idc`, from 1; H.264, table E-1. 255: the aspect is written out."""

_LEAST_HEADERS = 2
"""A single header may be damaged."""


def aspect_change(probed: Probed) -> str:
    """A warning if the shape of the displayed picture changes, but not its size; empty if not.

    The whole file is read, but nothing is decoded. MP4 states the shape of H.264 and HEVC once for
    the whole track, so it is not read.
    """
    track = probed.track
    if track is None or track.codec not in _HEADERS or not track.pixels:
        return ""
    if probed.is_listed and track.codec != "mpeg2video":
        return ""
    headers = _Headers(track.width, track.height)
    units = f"filter_units=pass_types={_HEADERS[track.codec]},trace_headers"
    output: dict[str, Any] = {"c": "copy", "bsf:v": units, "f": "null"}
    stream, reading = str(probed.info.stream), probed.reading
    try:
        child = Child(
            probed.info.path,
            output,
            threads=1,
            level="info",
            on_log=lambda line, _: headers.line(line),
            stream=stream,
            reading=reading,
        )
    except MediaError:  # it could be read until now; the tables are worth more than this warning
        return ""
    try:
        child.wait()
    finally:
        child.close()
    sure = [shape for shape in headers.first if headers.count[shape] >= _LEAST_HEADERS]
    if len(sure) < 2:
        return ""
    pts = headers.first[sure[1]]
    at = "" if pts is None else f" at {float(pts * probed.time_base):.1f} s"
    return (
        f"the picture's shape changes from {_named(sure[0])} to {_named(sure[1])}{at}; all frames "
        "are analysed in the first shape, so later faces are distorted"
    )


class _Headers:
    """The shapes in a log of `trace_headers`.

    Attributes:
        first: shapes in order, with the time stamp of the first packet that has each.
        count: how often each occurs.
    """

    def __init__(self, width: int, height: int) -> None:
        self.first: dict[Fraction, int | None] = {}
        self.count: dict[Fraction, int] = {}
        self._size = Fraction(width, height)
        self._pts: int | None = None
        self._width = 0

    def line(self, line: str) -> None:
        """Take a line of the log."""
        if packet := _PACKET.match(line):
            self._pts = int(packet[1])
        elif (value := _VALUE.match(line)) and (shape := self._shape(value[1], int(value[2]))):
            self.first.setdefault(shape, self._pts)
            self.count[shape] = self.count.get(shape, 0) + 1

    def _shape(self, name: str, value: int) -> Fraction | None:
        if name == "aspect_ratio_information":
            return _DISPLAYED.get(value, self._size if value == 1 else None)
        if name == "aspect_ratio_idc" and 0 < value <= len(_ASPECTS):
            return self._size * Fraction(*_ASPECTS[value - 1])
        if name == "sar_width":
            self._width = value
        if name == "sar_height" and value and self._width:
            return self._size * Fraction(self._width, value)
        return None


def _named(shape: Fraction) -> str:
    """A shape in the usual words, such as 16:9; television pictures are a few pixels wider."""
    for usual in (Fraction(4, 3), Fraction(16, 9), Fraction(1), Fraction(9, 16)):
        if abs(shape / usual - 1) < 0.03:
            return f"{usual.numerator}:{usual.denominator}"
    return f"{float(shape):.2f}:1"
