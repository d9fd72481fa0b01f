"""The recording with boxes, ids and bars drawn on it, its sound and its time stamps as they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fervid.errors import MediaError, ResultError, SetupError
from fervid.exports import Job
from fervid.exports.drawing import draw
from fervid.exports.pictures import shown_picture, to_frame
from fervid.exports.shown import Faces
from fervid.video.ffmpeg import CONTAINERS, MAX_PIXELS, open_recording, quoted

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer

_MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_X264 = {"preset": "veryfast", "crf": "20"}


def write(job: Job, out: Path) -> None:
    """Write the annotated recording; its frames have the time stamps of the recording's.

    Matroska counts in milliseconds, so there they are rounded to them.

    Raises:
        MediaError: the recording cannot be read, or its sound does not fit into the container.
        ResultError: the table of frames is damaged, or `out` has an ending of no known container.
        SetupError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise SetupError("The video needs PyAV: pip install 'fervid[video]'") from error
    muxer = _MUXERS.get(out.suffix.lower())
    if muxer is None:
        raise ResultError(f"{out.name}: name a file that ends in {', '.join(_MUXERS)}")
    recording = job.recording
    assert recording is not None
    try:
        with (
            _source(recording) as source,
            out.open("wb") as file,
            av.open(file, "w", format=muxer) as target,
        ):
            _copy(source, target, Faces(job.folder), recording)
    except av.FFmpegError as error:
        # What the disk refuses is an OSError, too, and told by the one who chose the place.
        if isinstance(error, OSError):
            raise
        raise MediaError(f"{quoted(recording)}: {error.strerror}") from error


@contextlib.contextmanager
def _source(recording: Path) -> Iterator[InputContainer]:
    """The recording through a descriptor, so that nothing else can be opened by what it says."""
    import av

    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "fd"}
    with os.fdopen(open_recording(recording), "rb") as file:
        try:
            source = av.open(file, "r", options=options)
        except av.FFmpegError as error:
            reason = "is not a recording (or of a kind that is not read)"
            raise MediaError(f"{quoted(recording)}: {reason}") from error
        with source:
            yield source


def _copy(source: InputContainer, target: OutputContainer, faces: Faces, recording: Path) -> None:
    """Draw every picture and pass the sound on, in the order of the recording."""
    video = _pictures_of(source, recording)
    sound = {stream.index: _same(stream, target, recording) for stream in source.streams.audio}
    base = video.time_base or Fraction(1, 90_000)
    # As ffmpeg counts: from the earliest stream's start, in whole units of this one.
    start = round(Fraction(source.start_time or 0, 1_000_000) / base)
    encoder: VideoStream | None = None
    last = None
    held: list[Packet] = []
    for packet in source.demux([video, *source.streams.audio]):
        if packet.stream_index in sound:
            if packet.dts is not None:
                packet.stream = sound[packet.stream_index]
                held.append(packet)
        for frame in _decoded(packet, video):
            pts = frame.pts if frame.pts is not None else frame.dts
            if pts is None or (last is not None and pts <= last):
                continue
            last = pts
            picture = shown_picture(frame, video.sample_aspect_ratio)
            if encoder is None:
                encoder = _encoder(target, video, base, picture.shape)
            if (shown := faces.at(float((pts - start) * base))) is not None:
                draw(picture, shown)
            drawn = to_frame(picture, encoder, pts, base, frame.duration)
            target.mux(encoder.encode(drawn))
        if encoder is not None:
            # No sound before the first picture has told how large the pictures are.
            for waiting in held:
                target.mux(waiting)
            held.clear()
    if encoder is None:
        raise MediaError(f"{quoted(recording)}: no picture in it can be decoded")
    target.mux(encoder.encode(None))


def _pictures_of(source: InputContainer, recording: Path) -> VideoStream:
    """The first stream of moving pictures."""
    from av.stream import Disposition

    for stream in source.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(f"{quoted(recording)}: has pictures that are too large")
            stream.thread_type = "AUTO"
            return stream
    raise MediaError(f"{quoted(recording)}: has no video")


def _same(stream: AudioStream, target: OutputContainer, recording: Path) -> AudioStream:
    """A stream of the new file that takes the packets of this one as they are."""
    try:
        return target.add_stream_from_template(stream)
    except ValueError as error:
        codec = stream.codec_context.name
        raise MediaError(
            f"{quoted(recording)}: its sound ({codec}) does not fit into this container; "
            "name an output that ends in .mkv with -o"
        ) from error


def _decoded(packet: Packet, video: VideoStream) -> list[VideoFrame]:
    """The pictures that come out after this packet; damaged ones are left out, as in the tables."""
    import av

    if packet.stream_index != video.index:
        return []
    try:
        return video.decode(packet)
    except av.InvalidDataError:
        return []


def _encoder(
    target: OutputContainer, video: VideoStream, base: Fraction, shape: tuple[int, ...]
) -> VideoStream:
    """A stream for pictures of this shape (H, W, 3), with the recording's time base."""
    name = next(name for name in _ENCODERS if name in _known_encoders())
    options = _X264 if name == "libx264" else {}
    stream: Any = target.add_stream(name, rate=video.average_rate or 25, options=options)
    stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = stream.time_base = base
    return stream  # type: ignore[no-any-return]


def _known_encoders() -> set[str]:
    import av

    return set(av.codecs_available)
