"""Interlaced recordings, whose frames contain two fields of different times."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from fervid.settings.choices import Deinterlace
from fervid.video.command import FROM_FIRST_PACKET
from fervid.video.ffmpeg import Child
from fervid.video.tracks import Track

_SAMPLE_FRAMES = 40
_SAMPLE_FRAMES_HD = 16
"""Fewer, because each costs six times as much."""

_LEAST_FRAMES = 8
"""With fewer frames than this to judge by, the file's own statement counts."""

_OF_CAMCORDERS = {"dvvideo"}
"""Codecs of interlaced recordings that say so only in their frames."""

_TELEVISION_LINES = (480, 486, 576)
"""Heights of television pictures, which are often interlaced without being marked so."""

_HD_LINES = 1080
_HD_RATES = (Fraction(25), Fraction(30000, 1001))
"""Frame rates of interlaced HD; phones, screens and films mostly have others."""

_ROUNDED = Fraction(1, 100)

_FOUND = re.compile(r"Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)")
_PREVAILS = 10
"""How many times as often one field order must be found as the other."""


def deinterlacer(
    path: Path,
    track: Track | None,
    duration_s: float | None,
    fps: Fraction,
    choice: Deinterlace,
    opening: dict[str, Any],
) -> list[str]:
    """ffmpeg filters that turn each frame into a picture of its first field's time, if needed.

    The number and times of frames stay the same. A recording marked as interlaced may have whole
    pictures, and one that is not marked may be interlaced, so a sample from its middle decides. No
    sample is taken of recordings that are neither marked nor of television's heights and rates.

    Args:
        path: the recording.
        track: the track that is read; None: unknown.
        duration_s: length of the recording in seconds.
        fps: frames per second; 0: unknown.
        choice: the user's choice.
        opening: input options without which ffmpeg does not recognise the file.
    """
    if choice == "on":
        return [_deinterlaced("auto", "all")]
    if choice == "off" or track is None:
        return []
    is_flagged = track.is_interlaced or track.codec in _OF_CAMCORDERS
    if not (is_flagged or _is_of_television(track, fps)):
        return []
    top, bottom, whole = _sample(path, track, duration_s, opening)
    # Noise and fine patterns look interlaced in both orders, so one must clearly prevail.
    is_clear = max(top, bottom) > _PREVAILS * min(top, bottom)
    order = "tff" if top > bottom else "bff"
    few = top + bottom + whole < _LEAST_FRAMES
    if is_flagged and (few or top + bottom > whole):
        # A file that says so may still say the wrong order.
        return [_deinterlaced("auto" if few or not is_clear else order, "interlaced")]
    if is_flagged or few or not is_clear or max(top, bottom) <= 2 * whole:
        return []
    return [_deinterlaced(order, "all")]


def _deinterlaced(parity: str, frames: str) -> str:
    return f"bwdif=mode=send_frame:parity={parity}:deint={frames}"


def _is_of_television(track: Track, fps: Fraction) -> bool:
    if track.height == _HD_LINES:
        return any(abs(fps - rate) < _ROUNDED for rate in _HD_RATES)
    return track.height in _TELEVISION_LINES


def _sample(
    path: Path, track: Track, duration_s: float | None, opening: dict[str, Any]
) -> tuple[int, int, int]:
    """Number of frames with the top field first, with the bottom field first, and progressive."""
    counts = [(0, 0, 0)]

    def keep(line: str, _: int | None) -> None:
        if match := _FOUND.search(line):
            counts.append((int(match[1]), int(match[2]), int(match[3])))

    frames = _SAMPLE_FRAMES if track.height < _HD_LINES else _SAMPLE_FRAMES_HD
    options = {"vf": "idet", "frames:v": frames, "f": "null"}
    # A fast seek to the key frame before the middle is enough.
    middle: dict[str, Any] = {}
    if duration_s and duration_s > 4:
        middle = {"ss": duration_s / 2, "noaccurate_seek": None}
    child = Child(
        path,
        options,
        threads=1,
        level="info",
        on_log=keep,
        stream=str(track.stream),
        reading=FROM_FIRST_PACKET | opening | middle,
    )
    try:
        while child.read(memoryview(bytearray(4096))):
            pass
        child.wait()
    finally:
        child.close()
    top, bottom, whole = (sum(column) for column in zip(*counts, strict=True))
    return top, bottom, whole
