"""Sections of recordings have the frames and times of a whole decoding, or are refused."""

from pathlib import Path

import numpy as np
import pytest

from fervid.records import FrameBatch
from fervid.video.reader import VideoReader
from fervid.video.sections import Section
from fervid.video.stamps import EntryError, Stamps
from tests.helpers.clips import MakeClip

MOVING = "testsrc2=s=160x90:r=25:d=8"
SOURCE = ("-f", "lavfi", "-i", MOVING)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", 3, "-g", 50)
VARIABLE = ("-vf", "select='not(mod(n,3))+lt(mod(n,7),3)'", "-fps_mode", "passthrough")
GAP = ("-vf", "select='not(between(t,3,5.5))'", "-fps_mode", "passthrough")
LATE = ("-vf", "setpts=PTS+3.7/TB", "-fps_mode", "passthrough")
X265 = "log-level=error:keyint=50"
FIELDS = ("-f", "lavfi", "-i", "testsrc2=s=352x288:r=50:d=8", "-vf", "interlace")
INTERLACED = ("-c:v", "libx264", "-preset", "ultrafast", "-flags", "+ildct+ilme", "-g", 25)

ENTERED: dict[str, tuple[object, ...]] = {
    "b_frames.mp4": (*SOURCE, *H264),
    "b_frames.mkv": (*SOURCE, *H264),
    "open.hevc.mp4": (*SOURCE, "-c:v", "libx265", "-preset", "superfast", "-x265-params", X265),
    "vp9.webm": (*SOURCE, "-c:v", "libvpx-vp9", "-g", 50, "-deadline", "realtime", "-cpu-used", 8),
    "varying.mkv": (*SOURCE, *VARIABLE, *H264),
    "varying.mp4": (*SOURCE, *VARIABLE, *H264),
    "late.mp4": (*SOURCE, *LATE, *H264),
    "gap.mp4": (*SOURCE, *GAP, *H264),
    "interlaced.mp4": (*FIELDS, *INTERLACED),
    "every_frame.mov": (*SOURCE, "-c:v", "mjpeg"),
}


def read(path: Path, section: Section | None = None, **options: object) -> FrameBatch:
    with VideoReader(path, working_size=160, batch_size=8, **options) as reader:
        if section is not None:
            reader.enter(section)
        batches = list(reader)
    return FrameBatch(
        np.concatenate([batch.images for batch in batches]),
        np.concatenate([batch.index for batch in batches]),
        np.concatenate([batch.time_s for batch in batches]),
    )


def planned(path: Path, **options: object) -> tuple[list[Section], Stamps, VideoReader]:
    reader = VideoReader(path, working_size=160, batch_size=8, **options)
    stamps = reader.stamps()
    return reader.sections(stamps, 2.0), stamps, reader


def read_sections(path: Path) -> None:
    for section in planned(path)[0]:
        read(path, section)


STRETCH = {"start": 1.5, "end": 7.0}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in ENTERED),
        *(("b_frames.mp4", options) for options in (STRETCH, {"fps": 5.0}, STRETCH | {"fps": 5.0})),
        ("interlaced.mp4", STRETCH),
        ("varying.mkv", {"fps": 5.0}),
    ],
)
def test_sections_are_what_a_whole_decoding_gives(
    make_clip: MakeClip, name: str, options: dict[str, float]
) -> None:
    path = make_clip(name, *ENTERED[name])
    whole = read(path, **options)
    sections, _, _ = planned(path, **options)
    assert len(sections) >= 2
    assert sum(map(len, sections)) == len(whole)
    for section in sections:
        assert section.first % 8 == 0
        own = slice(section.first, section.first + len(section.pts))
        part = read(path, section, **options)
        assert part.index.tolist() == whole.index[own].tolist()
        assert part.time_s.tolist() == whole.time_s[own].tolist()
        assert np.array_equal(part.images, whole.images[own])


@pytest.mark.parametrize("name", ["b_frames.mp4", "gap.mp4", "late.mp4", "varying.mkv"])
def test_what_stamps_tell_of_a_recording_is_what_decoding_tells(
    make_clip: MakeClip, name: str
) -> None:
    path = make_clip(name, *ENTERED[name])
    with VideoReader(path, working_size=160) as decoded:
        for _ in decoded:
            pass
    _, stamps, reader = planned(path)
    reader.account(stamps)
    assert reader.warnings == decoded.warnings
    assert reader.losses == decoded.losses
    assert reader.info == decoded.info


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("open_gops.ts", (*H264, "-x264-params", "open-gop=1")),
        ("refreshed.mp4", (*H264, "-x264-params", "intra-refresh=1:keyint=50", "-bf", 0)),
        ("one_key_frame.mp4", (*H264, "-g", 1000)),
        ("raw.h264", (*H264, "-f", "h264")),
        ("without_times.avi", ("-c:v", "mpeg4", "-bf", 2, "-g", 50)),
    ],
)
def test_what_cannot_be_entered_exactly_is_refused(
    make_clip: MakeClip, name: str, how: tuple[object, ...]
) -> None:
    path = make_clip(name, *SOURCE, *how)
    with pytest.raises(EntryError):
        read_sections(path)


def test_a_damaged_section_is_refused(make_clip: MakeClip, tmp_path: Path) -> None:
    data = bytearray(make_clip("b_frames.mp4", *ENTERED["b_frames.mp4"]).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"U" * 2000
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    with pytest.raises(EntryError):
        read_sections(path)
