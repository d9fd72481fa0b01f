"""Properties of a recording, found by decoding its first frame."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from fervid.errors import MediaError, quoted
from fervid.records import VideoInfo
from fervid.video.command import FIRST_VIDEO, FROM_FIRST_PACKET
from fervid.video.executable import MAX_PIXELS
from fervid.video.ffmpeg import Child
from fervid.video.matroska import time_before_zero_us
from fervid.video.resync import FARTHEST, as_transport_stream
from fervid.video.tracks import Track, default_track, tracks_of

_NTSC = {
    f"{rate * 1000 / 1001:.2f}": Fraction(rate * 1000, 1001)
    for rate in (12, 15, 24, 30, 48, 60, 120, 240)
}
"""Broadcast rates by the two decimals that ffmpeg prints."""

RESTARTING = {"mpegts", "mpeg"}
"""Containers whose time stamps start again where recordings are joined, as in the files of a DVD.
"""

_WITHOUT_TIMES = {"h264", "hevc", "vvc", "obu"}
"""Raw streams, for which ffmpeg assumes 25 frames per second if they state no rate."""

LONGEST_PAUSE_S = 3600
"""A longer jump of their time stamps is not a pause but the beginning of another recording."""

_MAPPING = "[info] Stream mapping:"
_REFUSALS = {
    "not on whitelist": "is not a recording, or is of a kind that fervid does not read",
    "matches no streams": "has no video",
    "Picture size": f"has frames larger than {MAX_PIXELS // 1_000_000} megapixels",
    # More specific messages come first: ffmpeg always prints the last one below another.
    "moov atom not found": "is unfinished or was cut off, as its index is missing; copy it again, "
    "or repair it with the program that recorded it",
    "Invalid data found": "is not a recording, or is too damaged to read",
}


@dataclass(frozen=True)
class Probed:
    """Properties of a recording, including those that only decoding needs.

    Attributes:
        info: properties for the user.
        time_base: unit of the time stamps in seconds.
        reading: input options for `Child`. Where time stamps start again, time goes on with them.
        entering: the same for decoding from the middle. Time stamps must not start again.
        end_is_sure: whether the last frame ends at `info.duration_s`. It does if no other stream is
            longer, except in a GIF, whose last picture may be shown for long, and in an AVI, which
            has no times.
        is_listed: whether the container lists every frame with its duration.
        track: the track that is read; None: unknown.
        opening: input options without which ffmpeg does not recognise the file.
        has_times: whether its frames have time stamps, or a rate in the container; the raw streams
            of some codecs have neither.
    """

    info: VideoInfo
    time_base: Fraction
    reading: dict[str, Any]
    entering: dict[str, Any]
    end_is_sure: bool
    is_listed: bool
    track: Track | None = None
    opening: dict[str, Any] = field(default_factory=dict)
    has_times: bool = True


def probe(path: Path, track: int | None = None) -> VideoInfo:
    """Find displayed size, frame rate and duration of a recording by decoding its first frame.

    Args:
        path: the recording.
        track: number of the video track to read, from 1; None: the one that players show.

    Raises:
        MediaError: the file is not a readable recording, or has no such track.
        SetupError: there is no usable ffmpeg.
    """
    return probe_stream(Path(path), track).info


def probe_stream(path: Path, track: int | None = None) -> Probed:
    """Like `probe`, with the properties that decoding needs."""
    first = _recognised(path, _look(path, FIRST_VIDEO, {}))
    tracks = tracks_of(_described(first.log))
    if not tracks:
        return _probed(path, first)
    if track is not None and track > len(tracks):
        count = "1 video track" if len(tracks) == 1 else f"{len(tracks)} video tracks"
        raise MediaError(f"{quoted(path)}: has {count}, so there is no track {track}")
    best = default_track(tracks)
    chosen = best if track is None else tracks[track - 1]
    # The first track is nearly always the right one, so no second look is needed.
    seen = (
        first
        if chosen.stream == _mapped(first.log)
        else _look(path, str(chosen.stream), first.opening)
    )
    probed = _probed(path, seen)
    info = replace(
        probed.info,
        stream=chosen.stream,
        track=tracks.index(chosen) + 1,
        tracks=len(tracks),
        shown_track=tracks.index(best) + 1,
    )
    return replace(probed, info=info, track=chosen)


@dataclass(frozen=True)
class _Look:
    """Output of decoding the first frame: ffmpeg's log, the frame's header, and more."""

    log: list[str]
    header: str
    stalled: bool
    size_bytes: int
    opening: dict[str, Any]

    @property
    def has_frame(self) -> bool:
        return re.search(r"^0,", self.header, re.M) is not None


def _recognised(path: Path, look: _Look) -> _Look:
    """The look, or a better one at a transport stream that begins with something else."""
    if look.has_frame or look.stalled or (opening := as_transport_stream(path)) is None:
        return look
    again = _look(path, FIRST_VIDEO, opening)
    return again if again.has_frame else look


def _look(path: Path, stream: str, opening: dict[str, Any]) -> _Look:
    log: list[str] = []

    def keep(line: str, _: int | None) -> None:
        # Repeated lines, as from a long stretch of zeros, must not crowd out later ones.
        if len(log) < 10_000 and line not in log[-1:]:
            log.append(line)

    options = {"frames:v": 1, "c:v": "rawvideo", "f": "framecrc", "enc_time_base": "demux"}
    reading = FROM_FIRST_PACKET | opening
    child = Child(
        path, options, threads=1, level="verbose", on_log=keep, stream=stream, reading=reading
    )
    try:
        text = bytearray(65536)
        header = bytes(text[: child.read(memoryview(text))]).decode("ascii", "replace")
        child.wait()
    finally:
        child.close()
    return _Look(log, header, child.stalled, child.size_bytes, opening)


def _probed(path: Path, look: _Look) -> Probed:
    log, header = look.log, look.header
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)$", header, re.M)
    base = re.search(r"^#tb 0: (\d+)/(\d+)$", header, re.M)
    if not (size and base and look.has_frame):
        raise MediaError(f"{quoted(path)}: {_refusal(log, look.stalled)}")
    width, height = int(size[1]), int(size[2])
    if aspect := re.search(r"^#sar 0: ([1-9]\d*)/([1-9]\d*)$", header, re.M):
        width = max(1, round(width * Fraction(int(aspect[1]), int(aspect[2]))))
    start_us = _start(path, log)
    duration_s = _duration(log, start_us)
    info = VideoInfo(path, width, height, _rate(log), duration_s, look.size_bytes)
    time_base = Fraction(int(base[1]), int(base[2]))
    entering, kind = _entering(log, start_us) | look.opening, _format(log)
    return Probed(
        info,
        time_base,
        _reading(log, entering),
        entering,
        _stands_alone(log),
        kind.startswith("mov,"),
        opening=look.opening,
        has_times=kind not in _WITHOUT_TIMES,
    )


def _refusal(log: list[str], stalled: bool) -> str:
    """Why there is no first frame, for the user."""
    if stalled:
        return "reading it makes no progress; it is probably damaged"
    errors = [line for line in log if "[error]" in line or "[fatal]" in line]
    for sign, meaning in _REFUSALS.items():
        if any(sign in line for line in errors):
            return meaning
    return "no frame in it can be decoded"


def _only(pattern: str, log: list[str]) -> re.Match[str] | None:
    """The only match in the log; None if there are several, as tags can imitate ffmpeg's lines."""
    matches = [match for line in log if (match := re.match(pattern, line))]
    return matches[0] if len(matches) == 1 else None


def _entering(log: list[str], start_us: int | None) -> dict[str, Any]:
    """Input options that count time from the container's start and skip bytes before the stream."""
    clock = FROM_FIRST_PACKET
    if start_us is not None:
        clock = {"copyts": None, "itsoffset": f"{-start_us}us"}
    return clock | ({"resync_size": FARTHEST} if _format(log) == "mpegts" else {})


def _reading(log: list[str], entering: dict[str, Any]) -> dict[str, Any]:
    """The same, but ffmpeg joins time stamps that start again, which it does not with `copyts`."""
    if _format(log) not in RESTARTING or "itsoffset" not in entering:
        return entering
    # ffmpeg would count time from the start of the track.
    clock = {"itsoffset": f"{_lead(log)}us", "dts_delta_threshold": LONGEST_PAUSE_S}
    return {name: value for name, value in entering.items() if name != "copyts"} | clock


def _lead(log: list[str]) -> int:
    """Microseconds by which other streams start earlier than the decoded one."""
    match = _only(r"\[verbose\] Correcting start time of Input #0 by (\d+) us", log)
    return int(match[1]) if match else 0


def _format(log: list[str]) -> str:
    match = _only(r"\[info\] Input #0, (\S+), from ", log)
    return match[1] if match else ""


def _start(path: Path, log: list[str]) -> int | None:
    """Microseconds at which the recording starts; None if unknown."""
    match = _only(r"\[info\]   Duration: [^ ]+, start: (-?\d+)\.(\d{6}), ", log)
    start_us = int(match[1] + match[2]) if match else None
    if _format(log).startswith("matroska") and (early_us := time_before_zero_us(path)):
        return -early_us
    return start_us


def _duration(log: list[str], start_us: int | None) -> float | None:
    match = _only(r"\[info\]   Duration: (\d+):(\d\d):(\d\d\.\d\d), ", log)
    if match is None:
        return None
    duration_s = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
    if start_us and _format(log).startswith(("matroska", "flv")):
        # Many writers of these store the end time as duration, even if the start is late.
        start_s = start_us / 1e6
        return duration_s - start_s if duration_s > start_s else duration_s
    return duration_s


def _rate(log: list[str]) -> Fraction:
    """Average frames per second of the decoded stream; 0 if unknown."""
    if _format(log) in _WITHOUT_TIMES:
        # The demuxer's rate is an assumption; the decoder knows what the stream says.
        said = _only(r"\[graph [^]]*\] \[verbose\] .* fr:(\d+)/([1-9]\d*) ", log)
        return Fraction(int(said[1]), int(said[2])) if said else Fraction(0)
    # A stream that belongs to two programs is listed twice.
    described = [*dict.fromkeys(_described(log))]
    stream = _mapped(log)
    if stream is None:
        return Fraction(0)
    match = _only(rf"\[info\] +Stream #0:{stream}\b.*?: Video: .*?, ([\d.]+)(k?) fps,", described)
    if match is None:
        return Fraction(0)
    if match[2]:  # thousands: ffmpeg took a time base for a rate, as in raw DV
        return Fraction(0)
    return _NTSC.get(match[1]) or Fraction(match[1])


def _mapped(log: list[str]) -> int | None:
    """Index of the decoded stream."""
    match = _only(r"\[info\]   Stream #0:(\d+) -> #0:0 \(", log)
    return int(match[1]) if match else None


def _described(log: list[str]) -> list[str]:
    """The part of the log that describes the input."""
    return log[: log.index(_MAPPING)] if _MAPPING in log else log


def _stands_alone(log: list[str]) -> bool:
    """Whether the recording has a single stream and time stamps up to its end."""
    described = _described(log)
    other = _format(described) in ("gif", "apng", "avi")
    return not other and _only(r"\[info\] +Stream #0:\d+", described) is not None
