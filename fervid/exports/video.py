"""The recording with boxes, names and bars drawn on it, and with its sound."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fervid.errors import MediaError, ResultError, SetupError, quoted
from fervid.exports import Job
from fervid.exports.continuous import continuous
from fervid.exports.drawing import draw
from fervid.exports.hiding import Hidden
from fervid.exports.opening import Opened, opened
from fervid.exports.pictures import Image, display_matrix, tag_colours, to_frame, upright_picture
from fervid.exports.sampled_frames import SampledFrames
from fervid.exports.sound import sound_for
from fervid.exports.tables import read_names

if TYPE_CHECKING:
    import numpy as np
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer
    from numpy.typing import NDArray

_MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
# Without B-frames, the length of a file with variable rate is correct.
_X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}


def write(job: Job, out: Path) -> None:
    """Write the annotated recording; its frames have the same times as in the tables.

    In Matroska, times are rounded to milliseconds.

    Raises:
        MediaError: the recording cannot be read.
        ResultError: the frame table is damaged, or the ending of `out` is not a known container.
        SetupError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise SetupError(
            "video needs PyAV; install it with: pip install 'fervid[video]'"
        ) from error
    muxer = _MUXERS.get(out.suffix.lower())
    if muxer is None:
        raise ResultError(f"{out.name}: the file name must end in {', '.join(_MUXERS)}")
    recording = job.recording
    assert recording is not None
    try:
        with (
            opened(recording, job.folder) as given,
            out.open("wb") as file,
            _target(file, muxer, given.source) as target,
        ):
            _copy(given, target, job, recording)
    except av.FFmpegError as error:
        # Disk errors are OSErrors, too; the caller reports them.
        if isinstance(error, OSError):
            raise
        raise MediaError(f"{quoted(recording)}: {error.strerror}") from error


def _target(file: BinaryIO, muxer: str, source: InputContainer) -> OutputContainer:
    """Open the new file; in MP4, a late start is stored as exactly as the pictures' time stamps."""
    import av

    bases = [stream.time_base for stream in source.streams.video if stream.time_base]
    exact = {"movie_timescale": str(bases[0].denominator)} if bases and muxer != "matroska" else {}
    return av.open(file, "w", format=muxer, container_options=exact)


def _copy(given: Opened, target: OutputContainer, job: Job, recording: Path) -> None:
    """Draw on every picture and copy the sound, in the order of the recording."""
    hidden = Hidden.of(job.folder, recording, job.keep, job.blur == "soft") if job.blur else None
    faces, names = SampledFrames(job.folder), read_names(job.folder)
    source, pictures = given.source, _Pictures(given, target, faces, hidden, names)
    start_s = pictures.start_s
    sounds = {one.index: sound_for(one, target, start_s) for one in source.streams.audio}
    waiting: list[Packet[Any]] = []
    packets = source.demux([pictures.stream, *source.streams.audio])
    for packet in continuous(packets, source, pictures.stream):
        if (sound := sounds.get(packet.stream.index)) is None:
            pictures.add(packet)
        else:
            waiting += sound.take(packet)
        # No sound is written before the first picture, which determines the picture size.
        if pictures.encoder is not None:
            for piece in waiting:
                target.mux(piece)
            waiting.clear()
    if pictures.encoder is None:
        raise MediaError(f"{quoted(recording)}: no frame in it can be decoded")
    target.mux(pictures.encoder.encode(None))


class _Pictures:
    """Decodes pictures, draws on them, and encodes them with their own time stamps."""

    def __init__(
        self,
        given: Opened,
        target: OutputContainer,
        faces: SampledFrames,
        hidden: Hidden | None,
        names: dict[int, str],
    ) -> None:
        self.stream = given.video
        self._names = names
        self._hidden = hidden
        self.encoder: VideoStream | None = None
        self._target, self._faces = target, faces
        self._base = given.video.time_base or Fraction(1, 90_000)
        # As ffmpeg counts: from the start of the earliest stream, in whole units of this stream.
        self._start = round(Fraction(given.start_us, 1_000_000) / self._base)
        self.start_s = self._start * self._base
        self._last: int | None = None
        self._matrix: NDArray[np.int32] | None = None

    def add(self, packet: Packet[Any]) -> None:
        """Write the pictures of a packet; damaged ones are left out."""
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
