"""Reads a single frame: of a recording at a time, or a photo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fervid.errors import MediaError, quoted
from fervid.records import FrameBatch
from fervid.settings import Settings
from fervid.video.reader import VideoReader
from fervid.video.shapes import ShapeChangesError

RESOLUTION_S = 1e-6
"""Tolerance in seconds, because times in tables are rounded to six decimals."""

_LOOK_BACK_S = 2.0
_DURATION_S = 0.01
"""Precision of the lengths of recordings, in seconds."""

_LONGEST_LAST_S, _FAR_S = 1.0, 10.0

Moment = tuple[FrameBatch, tuple[int, int]]
"""One frame at the working size, and its displayed width and height; a photo has time NaN."""


def moment(path: Path, at: float | None, settings: Settings) -> Moment:
    """The frame shown at a time: the last one whose time stamp is not later.

    Args:
        path: a recording.
        at: seconds from its start; None: the first frame.
        settings: settings, for the size of the frame.

    Raises:
        MediaError: the file is not a recording, or the time is outside it.
        SetupError: there is no usable ffmpeg.
    """
    with VideoReader(path, batch_size=1, **_sizes(settings)) as reader:
        info = reader.info
        if at is None:
            first = next(iter(reader))
            return reader.own(FrameBatch(first.images[:1], first.index[:1], first.time_s[:1]))
    length_s = info.duration_s
    # A container may state an end before the last frame; far beyond it, no decoding is needed.
    if length_s is not None and at > length_s + _FAR_S:
        raise MediaError(_outside(path, at, f"the recording is {length_s:.2f} s long"))
    found = _last_until(path, at, settings)
    if found is None:
        raise MediaError(_outside(path, at, "the first frame comes later"))
    last_s = float(found[0].time_s[0])
    if at > shown_until(last_s, length_s):
        after = None if length_s is not None else _last_until(path, math.inf, settings)
        if after is None or after[0].time_s[0] == last_s:
            raise MediaError(_outside(path, at, f"the last frame is at {last_s:.2f} s"))
    return found


def shown_until(last_s: float, length_s: float | None) -> float:
    """End of the last frame, by its time and the recording's length, if known."""
    if length_s is None or length_s < last_s:
        return last_s + _LONGEST_LAST_S
    return length_s + _DURATION_S


def _outside(path: Path, at: float, why: str) -> str:
    return f"{quoted(path)}: there is no frame at {at:g} s: {why}"


def _sizes(settings: Settings) -> dict[str, Any]:
    return {
        "working_size": settings.search_size,
        "scale": settings.scale,
        "track": settings.track,
        "deinterlace": settings.deinterlace,
    }


def _last_until(path: Path, at: float, settings: Settings) -> Moment | None:
    """The last frame up to a time; None if there is none."""
    end = None if at == math.inf else at + RESOLUTION_S
    # Frames before `start` are decoded but not scaled or passed on.
    starts = [at - _LOOK_BACK_S, None] if _LOOK_BACK_S < at < math.inf else [None]
    for start in starts:
        last = _last(path, settings, start, end)
        if last is not None:
            return last
    return None


def _last(
    path: Path, settings: Settings, start: float | None, end: float | None, square: bool = False
) -> Moment | None:
    """The last frame of a part."""
    last = None
    sizes = _sizes(settings) | {"square": square}
    with VideoReader(path, start=start, end=end, **sizes) as reader:
        try:
            for batch in reader:
                last = batch
        except ShapeChangesError:
            return _last(path, settings, start, end, square=True)
        if last is None:
            return None
        return reader.own(FrameBatch(last.images[-1:], last.index[-1:], last.time_s[-1:]))
