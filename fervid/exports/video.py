"""The recording with boxes, ids and bars drawn on it, its sound as it is, at the tables' times."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fervid.errors import MediaError, ResultError, SetupError
from fervid.exports import Job
from fervid.exports.drawing import draw
from fervid.exports.hiding import Hidden
from fervid.exports.pictures import Image, display_matrix, tag_colours, to_frame, upright_picture
from fervid.exports.sampled_frames import SampledFrames
from fervid.exports.sound import sound_for
from fervid.exports.tables import read_names
from fervid.results.files import read_meta
from fervid.video.ffmpeg import CONTAINERS, MAX_PIXELS, open_recording, quoted

if TYPE_CHECKING:
    import numpy as np
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer
    from numpy.typing import NDArray

_MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
# Without frames that build on later ones, a file of variable rate says its length right.
_X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}


def write(job: Job, out: Path) -> None:
    """Write the annotated recording; its frames have their times of the tables, from its start.

    Matroska counts in milliseconds, so there they are rounded to them.

    Raises:
        MediaError: the recording cannot be read.
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
            _target(file, muxer, source) as target,
        ):
            _copy(source, target, job, recording)
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


def _target(file: BinaryIO, muxer: str, source: InputContainer) -> OutputContainer:
    """The new file; in MP4 a late start is told as exactly as the time stamps of the pictures."""
    import av

    bases = [stream.time_base for stream in source.streams.video if stream.time_base]
    exact = {"movie_timescale": str(bases[0].denominator)} if bases and muxer != "matroska" else {}
    return av.open(file, "w", format=muxer, container_options=exact)


def _copy(source: InputContainer, target: OutputContainer, job: Job, recording: Path) -> None:
    """Draw on every picture and pass the sound on, in the order of the recording."""
    hidden = Hidden.of(job.folder, recording, job.keep, job.blur == "soft") if job.blur else None
    faces, stream = SampledFrames(job.folder), _pictures_of(source, job, recording)
    names = read_names(job.folder)
    pictures = _Pictures(source, target, faces, stream, hidden, names)
    start_s = pictures.start_s
    sounds = {one.index: sound_for(one, target, start_s) for one in source.streams.audio}
    waiting: list[Packet[Any]] = []
    for packet in source.demux([pictures.stream, *source.streams.audio]):
        if (sound := sounds.get(packet.stream.index)) is None:
            pictures.add(packet)
        else:
            waiting += sound.take(packet)
        # No sound goes out before the first picture has told how large the pictures are.
        if pictures.encoder is not None:
            for piece in waiting:
                target.mux(piece)
            waiting.clear()
    if pictures.encoder is None:
        raise MediaError(f"{quoted(recording)}: no picture in it can be decoded")
    target.mux(pictures.encoder.encode(None))


class _Pictures:
    """Decodes pictures, draws on them and encodes them under their own time stamps."""

    def __init__(
        self,
        source: InputContainer,
        target: OutputContainer,
        faces: SampledFrames,
        stream: VideoStream,
        hidden: Hidden | None,
        names: dict[int, str],
    ) -> None:
        self.stream = stream
        self._names = names
        self._hidden = hidden
        self.encoder: VideoStream | None = None
        self._target, self._faces = target, faces
        self._base = stream.time_base or Fraction(1, 90_000)
        # As ffmpeg counts: from the start of the earliest stream, in whole units of this one.
        self._start = round(Fraction(source.start_time or 0, 1_000_000) / self._base)
        self.start_s = self._start * self._base
        self._last: int | None = None
        self._matrix: NDArray[np.int32] | None = None

    def add(self, packet: Packet[Any]) -> None:
        """Write what comes out after this packet; damaged pictures are left out."""
        import av

        frames: list[VideoFrame] = []
        with contextlib.suppress(av.InvalidDataError):
            frames = self.stream.decode(packet)
        for frame in frames:
            pts = frame.pts if frame.pts is not None else frame.dts
            if pts is not None and (self._last is None or pts > self._last):
                self._last = pts
                self._write(frame, pts)

    def _write(self, frame: VideoFrame, pts: int) -> None:
        if self._matrix is None:
            self._matrix = display_matrix(frame)
        picture = upright_picture(frame, self._matrix, self.stream.sample_aspect_ratio)
        pts -= self._start
        if self._hidden is not None:
            self._hidden.hide(picture, float(pts * self._base))
        if (shown := self._faces.at(float(pts * self._base))) is not None:
            draw(picture, shown, self._names)
        if self.encoder is None:
            self.encoder = _encoder(self._target, self.stream, self._base, picture)
            tag_colours(self.encoder, frame)
        drawn = to_frame(picture, self.encoder, pts, self._base, frame.duration)
        self._target.mux(self.encoder.encode(drawn))


def _pictures_of(source: InputContainer, job: Job, recording: Path) -> VideoStream:
    """The stream that was analysed; results of older versions are of the first that is no cover."""
    from av.stream import Disposition

    track = (read_meta(job.folder).get("recording") or {}).get("track") or {}
    for stream in source.streams.video:
        if "stream" in track and stream.index != track["stream"]:
            continue
        if not stream.disposition & Disposition.attached_pic:
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(f"{quoted(recording)}: has pictures that are too large")
            stream.thread_type = "AUTO"
            return stream
    raise MediaError(f"{quoted(recording)}: has no video")


def _encoder(
    target: OutputContainer, video: VideoStream, base: Fraction, picture: Image
) -> VideoStream:
    """A stream for pictures of this size, with the recording's time base."""
    import av

    name = next(name for name in _ENCODERS if name in av.codecs_available)
    options = _X264 if name == "libx264" else {}
    stream: Any = target.add_stream(name, rate=video.average_rate or 25, options=options)
    height, width = picture.shape[:2]
    stream.height, stream.width = height + height % 2, width + width % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = stream.time_base = base
    return stream  # type: ignore[no-any-return]
