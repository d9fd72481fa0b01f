"""Reads recordings as batches of luma frames with exact times."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fervid.errors import MediaError, quoted
from fervid.records import FrameBatch
from fervid.settings.choices import Deinterlace
from fervid.video.damage import Damage
from fervid.video.decoding_plan import check_arguments, decoder_threads, estimate_frames
from fervid.video.decoding_run import DecodingRun
from fervid.video.ending import Ending, ending_of_decoding, ending_of_stamps, new_damage
from fervid.video.ffmpeg import Child
from fervid.video.glimpses import glimpse
from fervid.video.interlacing import deinterlacer
from fervid.video.keeping import Frame, Keeping, Row, keep_sampled, keep_section
from fervid.video.losses import Losses
from fervid.video.probing import probe_stream
from fervid.video.sampling import Sampling
from fervid.video.sections import Section, sections_of
from fervid.video.shapes import (
    Part,
    Picture,
    ShapeChangesError,
    displayed_size,
    even_size,
    filters,
    in_own_pixels,
    working_shape,
)
from fervid.video.stamps import Stamps, read_stamps

_NO_STAMP = -(2**63)
_NEARLY = 0.99
_MUCH_SMALLER = 1.9
"""Frames shrunk this much hardly show whether block edges were smoothed: grey values differ by at
most 3. Skipping the smoothing in half of the frames of 1080p H.264 makes decoding 7% cheaper."""

_Image = NDArray[np.uint8]


class VideoReader:
    """Frames of a recording as batches of luma: an iterable context manager.

    Decoding runs in a child process. It starts with the iteration, or with `begin`; iterating again
    starts over. Times come from the container's time stamps, counted from its start, so they are
    exact for variable rates, edits, gaps and late starts. Even with `start`, decoding begins at the
    beginning of the recording, so that `index` and times stay exact; with `end` it stops early.
    `Sampling` says which frames `fps` keeps.

    Luma is full range (0 black, 255 white). Rotation, mirroring and the pixel aspect are applied;
    cover art is ignored.

    Args:
        path: the recording.
        working_size: longer side of the frames in pixels; smaller recordings are not enlarged.
        scale: factor by which frames are scaled instead of to `working_size`.
        batch_size: frames in every batch except the last.
        fps: frames per second to keep; None, or at least the recording's own rate: every frame.
        start, end: seconds; frames with start <= time < end are kept.
        threads: decoder threads; None: half of the usable cores, at most 4, and all of them for
            pictures larger than 1080p. More threads cost more processor time in total.
        track: number of the video track, from 1; None: the one that players show.
        deinterlace: whether to turn frames into whole pictures: "on", "off", or "auto" for
            interlaced recordings.
        deinterlacing: the attribute `deinterlacing` of another reader of the same recording, which
            saves time; None: decide by `deinterlace`.
        square: make all frames square, so that pictures of any shape fit; for recordings whose
            picture changes its shape.

    Attributes:
        info: properties of the recording; after the iteration, its duration covers all frames.
        shape: (H, W) of the frames.
        working_size: as above; see `resize`.
        displayed: width and height of the frames in displayed pixels: those of the first frame, or
            of a square with that frame in its upper left corner.
        shrunk: height of the frames divided by that of `displayed`.
        deinterlacing: the filters of ffmpeg that deinterlace the frames; none if nothing does.
        is_deinterlaced: whether frames are deinterlaced.
        parts: stretches with one picture size each, as far as the recording has been read.
        rate: frames per second that will be read; infinite if unknown.
        warnings: a line for each kind of damage, complete after the iteration.
        losses: which frames could not be decoded, complete after the iteration.
        batch_size: as above; may be changed before the iteration.
        threads: number of decoder threads.
        expected_frames: estimated number of frames; None if the length is unknown.

    Raises:
        ShapeChangesError: while iterating: the picture changes its shape so much that `square` is
            needed.
        MediaError: the file is not a readable recording; while iterating: nothing could be decoded,
            or decoding makes no progress.
        SetupError: there is no usable ffmpeg.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        path: Path,
        *,
        working_size: int = 640,
        scale: float | None = None,
        batch_size: int = 16,
        fps: float | None = None,
        start: float | None = None,
        end: float | None = None,
        threads: int | None = None,
        track: int | None = None,
        square: bool = False,
        deinterlace: Deinterlace = "auto",
        deinterlacing: Sequence[str] | None = None,
    ) -> None:
        check_arguments(working_size, scale, batch_size, fps, start, end)
        self._probed = probed = probe_stream(Path(path), track)
        self.info = probed.info
        if scale is not None:
            working_size = max(2, round(scale * max(self.info.width, self.info.height)))
        self._is_square = square
        self.resize(working_size)
        self.parts: list[Part] = []
        self.rate = min(float(self.info.fps) or math.inf, fps or math.inf)
        self.warnings: list[str] = []
        self.batch_size = batch_size
        self.threads = threads or decoder_threads(self.info)
        if deinterlacing is None:
            about = (self.info.path, probed.track, self.info.duration_s, self.info.fps)
            deinterlacing = deinterlacer(*about, deinterlace, probed.opening)
        self.deinterlacing = [*deinterlacing]
        self._time_base = probed.time_base
        self._known_base = ""
        self._start_s, self._end_s = start or 0.0, end
        self._sampling = Sampling.plan(probed.time_base, self.info.fps, fps, start, end)
        self.losses = Losses.none(self._sampling)
        self.expected_frames = estimate_frames(self.info, fps, start, end)
        self._section: Section | None = None
        self._run: DecodingRun | None = None
        self._begun: DecodingRun | None = None

    def resize(self, working_size: int) -> None:
        """Change the working size; only before the iteration."""
        height, width = working_shape(self.info.displayed, working_size)
        self._used = width, height
        self.working_size = working_size
        side = max(2, working_size // 2 * 2)
        self.shape = (side, side) if self._is_square else (height, width)
        self.displayed = (
            round(self.shape[1] * self.info.width / width),
            round(self.shape[0] * self.info.height / height),
        )
        self.shrunk = self.shape[0] / self.displayed[1]

    def glimpses(self, count: int) -> NDArray[np.uint8]:
        """Sample frames spread over the part to be read, at the key frames before these places.

        Returns:
            (N, H, W) uint8 luma of `shape`, N at most `count`. Places that cannot be reached or
            decoded are left out; there are none if the length is unknown.
        """
        end = self.info.duration_s if self._end_s is None else self._end_s
        if end is None:
            return np.empty((0, *self.shape), np.uint8)
        places = np.linspace(self._start_s, min(end, self.info.duration_s or end), count + 2)[1:-1]
        images = [
            glimpse(self.info, float(place), self._scaling(), self.shape, self._probed.entering)
            for place in places
        ]
        return np.array([image for image in images if image is not None]).reshape(-1, *self.shape)

    def _scaling(self) -> list[str]:
        """ffmpeg filters that make frames of `shape`."""
        height, width = self.shape
        return filters(self.info.displayed, self._used, (width, height), self.deinterlacing)

    @property
    def is_deinterlaced(self) -> bool:  # noqa: D102 - documented above
        return bool(self.deinterlacing)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the decoder if it runs, and join the threads. May be called again."""
        self._begun = None
        if self._run is not None:
            self._run.close()
            self._run = None

    def begin(self) -> None:
        """Start decoding now, some batches ahead of the iteration."""
        self._begun = self._start()

    def _start(self) -> DecodingRun:
        self.close()
        self.warnings, self.losses, self.parts = [], Losses.none(self._sampling), []
        damage = new_damage(self._probed, self._sampling)
        child = self._child(damage)
        self._run = DecodingRun(child, self._batches(child, self._keeping(child, damage)))
        return self._run

    def _keeping(self, child: Child, damage: Damage) -> Keeping:
        if self._section is not None:
            return keep_section(self.info, self._section, self._sampling, child, damage)

        def end(seen: int) -> None:
            given = self._probed, self._sampling, damage, child, seen, self.parts
            self._conclude(ending_of_decoding(*given, self.is_deinterlaced))

        return keep_sampled(self.info, self._sampling, child, damage, self._begin_part, end)

    def _conclude(self, ending: Ending | None) -> None:
        if ending is not None:
            self.info, self.warnings, self.losses = ending.info, ending.warnings, ending.losses

    def __iter__(self) -> Iterator[FrameBatch]:
        run, self._begun = self._begun or self._start(), None
        try:
            yield from run
        finally:
            run.close()

    def stamps(self) -> Stamps:
        """The time stamps of all frames, without decoding them.

        Raises:
            EntryError: the packets do not show them.
        """
        return read_stamps(self.info.path, self.info.stream, self._probed.reading, self._time_base)

    def sections(self, stamps: Stamps, length_s: float) -> list[Section]:
        """Sections of about `length_s` seconds, in whole batches; see `sections_of`."""
        return sections_of(stamps, self._sampling, length_s, self.batch_size)

    def enter(self, section: Section) -> None:
        """Read only the frames of a section; call it before the iteration.

        Iterating raises EntryError if the time stamps or the decoder's complaints show that the
        frames differ from those of a whole decoding.
        """
        self._section = section

    def seconds(self, pts: int) -> float:
        """The time of a time stamp."""
        return float(pts * self._time_base)

    def account(self, stamps: Stamps) -> None:
        """Set what an iteration would set, for a recording whose sections were all decoded well."""
        self._conclude(ending_of_stamps(self._probed, self._sampling, stamps))

    def _child(self, damage: Damage) -> Child:
        height, width = self.shape
        section, sampling, reading = self._section, self._sampling, self._probed.reading
        if section is not None:
            sampling = section.sampling(sampling)
        if section is not None and section.seek_s is not None:
            seek = {"ss": f"{section.seek_s:.6f}", "noaccurate_seek": None}
            reading = self._probed.entering | seek
        options: dict[str, Any] = {
            "vf": ",".join([*sampling.filters(self.info.duration_s), *self._scaling()]),
            "f": "rawvideo",
            "pix_fmt": "gray",
            "enc_time_base": "demux",
        }
        return Child(
            self.info.path,
            options,
            threads=self.threads,
            level="verbose",
            on_log=damage.log,
            frame_stats=True,
            stream=str(self.info.stream),
            reading=reading,
            coarse=max(self.info.height / height, self.info.width / width) >= _MUCH_SMALLER,
        )

    def _batches(self, child: Child, keep: Keeping) -> Iterator[FrameBatch]:
        """Batches as they come out of the decoder."""
        images = np.empty((self.batch_size, *self.shape), np.uint8)
        rows: list[Row] = []
        next(keep)
        while (frame := self._frame(child, images[len(rows)])) is not None:
            if (row := keep.send(frame)) is None:
                continue
            rows.append(row)
            if len(rows) == self.batch_size:
                yield self._batch(images, rows)
                images, rows = np.empty_like(images), []
        with contextlib.suppress(StopIteration):
            keep.send(None)
        if rows:
            yield self._batch(images[: len(rows)], rows)

    def _begin_part(self, row: Row, picture: Picture) -> None:
        size = displayed_size(picture)
        if self.parts and (self.parts[-1].width, self.parts[-1].height) == size:
            return
        used = self._used
        if size != self.info.displayed:
            used = even_size(size, (self.shape[1], self.shape[0]))
            alone = even_size(size, (self.working_size, self.working_size))
            if not self._is_square and used[1] < _NEARLY * alone[1]:
                raise ShapeChangesError
        self.parts.append(Part(row[0], float(row[1] * self._time_base), *size, used))

    def _frame(self, child: Child, image: _Image) -> Frame | None:
        """Read a frame into `image` (H, W); return its (index, time stamp) and picture, None at the
        end."""
        if child.read(image.data.cast("B")) < image.size:
            return None
        frame = child.next_frame()
        if frame is None:
            raise MediaError(f"{quoted(self.info.path)}: ffmpeg gave more frames than time stamps")
        index, pts, base, picture = frame
        if base != self._known_base and Fraction(base) == self._time_base:
            self._known_base = base
        if pts == _NO_STAMP or base != self._known_base:
            raise MediaError(f"{quoted(self.info.path)}: its frames carry no usable time stamps")
        return (index, pts), picture

    def own(self, batch: FrameBatch) -> tuple[FrameBatch, tuple[int, int]]:
        """A frame of this reader cropped to its picture, and the picture's displayed size."""
        part = [one for one in self.parts if one.first <= batch.index[0]][-1]
        width, height = part.used
        images = np.ascontiguousarray(batch.images[:, :height, :width])
        return FrameBatch(images, batch.index, batch.time_s), (part.width, part.height)

    def in_own_pixels(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Convert rows (R,) with boxes in pixels of `displayed` to pixels of the picture at their
        time; see `fervid.video.shapes.in_own_pixels`."""
        unit = self.shape[1] / self.displayed[0], self.shape[0] / self.displayed[1]
        return in_own_pixels(rows, self.parts, unit)

    def _batch(self, images: _Image, rows: list[Row]) -> FrameBatch:
        times = [float(pts * self._time_base) for _, pts in rows]
        return FrameBatch(
            images, np.array([index for index, _ in rows], np.int64), np.array(times, np.float64)
        )
