"""Which decoded frames are kept, in a reading of a whole recording and of one section."""

from __future__ import annotations

from collections.abc import Callable, Generator

from fervid.errors import MediaError, quoted
from fervid.records import VideoInfo
from fervid.video.damage import Damage
from fervid.video.ffmpeg import Child
from fervid.video.sampling import Sampler, Sampling
from fervid.video.sections import Section, SectionFrames
from fervid.video.shapes import Picture, displayed_size
from fervid.video.stamps import EntryError

Row = tuple[int, int]
"""Position and time stamp of a frame."""

Frame = tuple[Row, Picture]

Keeping = Generator[Row | None, Frame | None]
"""A generator: it is sent each decoded frame, then None, and yields the frame's row if it is kept.
"""


def keep_sampled(
    info: VideoInfo,
    sampling: Sampling,
    child: Child,
    damage: Damage,
    on_new_picture: Callable[[Row, Picture], None],
    on_end: Callable[[int], None],
) -> Keeping:
    """Keep the sampled frames of a whole recording.

    Args:
        info: properties of the recording.
        sampling: which frames are kept.
        child: the decoder.
        damage: takes every frame.
        on_new_picture: called with a frame whose picture has another size than the one before.
        on_end: called with the number of frames, after all.
    """
    sampler = Sampler(sampling)
    seen, latest = 0, None
    row: Row | None = None
    while frame := (yield row):
        row, picture = frame
        if picture != latest:
            latest = picture
            on_new_picture(row, picture)
        seen += 1
        # A few bytes of an edit list can ask for millions of frames.
        if seen > child.size_bytes:
            raise MediaError(
                f"{quoted(info.path)}: repeats its frames without end; the file is not usable"
            )
        damage.frame(*row)
        row = row if sampler.keeps(row[1]) else None
    on_end(seen)


def keep_section(
    info: VideoInfo, section: Section, whole: Sampling, child: Child, damage: Damage
) -> Keeping:
    """Keep the frames of a section; raises EntryError unless they come as they should.

    Args:
        info: properties of the recording.
        section: the section.
        whole: the sampling of the whole recording.
        child: the decoder, which started shortly before the section.
        damage: knows what the decoder complained of.
    """
    sampling = section.sampling(whole)
    frames = SectionFrames(section, sampling.selects_exactly(info.duration_s))
    row: Row | None = None
    while frame := (yield row):
        (_, pts), picture = frame
        position = frames.position(pts)
        row = None if position is None else (position, pts)
        if row is not None and displayed_size(picture) != info.displayed:
            raise EntryError("its picture changes its size or shape")
    if child.wait() and not child.killed:
        raise EntryError("decoding fails when it starts midway")
    if damage.complaint:
        raise EntryError(f"the decoder complains ({ascii(damage.complaint[:80])[1:-1]})")
    frames.finish()
