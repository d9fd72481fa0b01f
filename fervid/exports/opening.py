"""Opens a recording for PyAV, which cannot read every file that fervid can."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fervid.errors import MediaError, quoted
from fervid.results.files import read_meta
from fervid.video.command import CONTAINERS
from fervid.video.executable import MAX_PIXELS, open_recording
from fervid.video.ffmpeg import Child
from fervid.video.matroska import time_before_zero_us
from fervid.video.probing import probe_stream

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

_LOSSLESS = {"c:v": "ffv1", "c:a": "copy", "map": "0:a?", "f": "nut", "enc_time_base": "demux"}


@dataclass(frozen=True)
class Opened:
    """An open recording.

    Attributes:
        source: its container.
        video: the video that was analysed.
        start_us: microseconds in the container that are time 0 in the tables.
    """

    source: InputContainer
    video: VideoStream
    start_us: int


@contextlib.contextmanager
def opened(recording: Path, folder: Path) -> Iterator[Opened]:
    """Open a recording, by way of ffmpeg if PyAV cannot read it or does not know its times.

    Args:
        recording: path of the recording.
        folder: its result.

    Raises:
        MediaError: the recording cannot be read.
    """
    import av

    # Opened through a descriptor, so that its contents cannot open other files.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "fd"}
    with os.fdopen(open_recording(recording), "rb") as file:
        source = None
        with contextlib.suppress(av.FFmpegError):
            source = av.open(file, "r", options=options)
        with source or contextlib.nullcontext():
            if source is not None and _knows_times(source, recording):
                video = _pictures_of(source, folder, recording)
                yield Opened(source, video, source.start_time or 0)
                return
    with _through_ffmpeg(recording, folder) as source:
        yield Opened(source, source.streams.video[0], 0)


def _knows_times(source: InputContainer, recording: Path) -> bool:
    is_raw = source.start_time is None
    return not is_raw and not (
        source.format.name.startswith("matroska") and time_before_zero_us(recording)
    )


@contextlib.contextmanager
def _through_ffmpeg(recording: Path, folder: Path) -> Iterator[InputContainer]:
    """The pictures as fervid reads them, with their times, and the sound."""
    import av

    probed = probe_stream(recording, _track(folder).get("number"))
    child = Child(
        recording,
        _LOSSLESS,
        threads=1,
        level="error",
        on_log=lambda *_: None,
        stream=str(probed.info.stream),
        reading=probed.reading,
    )
    try:
        with av.open(_Output(child), "r", format="nut") as source:
            yield source
    finally:
        child.close()


class _Output(io.RawIOBase):
    """What a decoder writes, as a file."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._child.read(memoryview(buffer))


def _pictures_of(source: InputContainer, folder: Path, recording: Path) -> VideoStream:
    """The analysed stream; older versions analysed the first one that is not a cover."""
    from av.stream import Disposition

    track = _track(folder)
    for stream in source.streams.video:
        if "stream" in track and stream.index != track["stream"]:
            continue
        if not stream.disposition & Disposition.attached_pic:
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(f"{quoted(recording)}: has frames that are too large")
            stream.thread_type = "AUTO"
            return stream
    raise MediaError(f"{quoted(recording)}: has no video")


def _track(folder: Path) -> dict[str, int]:
    return (read_meta(folder).get("recording") or {}).get("track") or {}
