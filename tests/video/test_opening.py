"""Recordings that ffmpeg does not recognise, or whose times it does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fervid.errors import MediaError
from fervid.video.kinds import kind_of
from fervid.video.reader import VideoReader
from tests.helpers.annotated_videos import annotated, frame_times, sound_of
from tests.helpers.clips import X264, MakeClip, counter, drawn_numbers, read

SOUND = ("-f", "lavfi", "-i", "sine=d=2")
BEFORE_ZERO = ("-output_ts_offset", -0.4, "-avoid_negative_ts", "disabled")


def noise(size: int) -> bytes:
    return np.random.default_rng(0).bytes(size)


@pytest.fixture
def after_noise(make_clip: MakeClip, tmp_path: Path) -> Path:
    clip = make_clip("plain.ts", *SOUND, *counter(50), *X264, "-g", 10, "-c:a", "mp2")
    path = tmp_path / "after_noise.ts"
    path.write_bytes(noise(200_000) + clip.read_bytes())
    return path


@pytest.mark.parametrize(("size", "options"), [(10_000, ()), (1_500_000, ("-mpegts_m2ts_mode", 1))])
def test_a_transport_stream_may_begin_with_noise(
    make_clip: MakeClip, tmp_path: Path, size: int, options: tuple[object, ...]
) -> None:
    clip = make_clip(f"clean{len(options)}.ts", *counter(50), *X264, "-bf", 2, *options)
    path = tmp_path / "recording.ts"
    path.write_bytes(noise(size) + clip.read_bytes())
    assert kind_of(path) == "recording"
    frames, reader = read(path)
    assert drawn_numbers(frames) == [*range(50)]
    assert frames.time_s.tolist() == read(clip)[0].time_s.tolist()
    assert not reader.losses.partial


def test_glimpses_and_a_start_work_after_noise(after_noise: Path) -> None:
    assert drawn_numbers(read(after_noise, start=1.0)[0]) == [*range(25, 50)]
    with VideoReader(after_noise) as reader:
        assert len(reader.glimpses(1)) == 1


def test_noise_alone_is_refused(tmp_path: Path) -> None:
    for name, content in {"noise.ts": noise(300_000), "same.ts": b"\x47" * 300_000}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError):
            read(tmp_path / name)


def test_a_program_in_typescript_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "main.ts").write_text("export const one = 1;\n" * 99)
    assert kind_of(tmp_path / "main.ts") is None


@pytest.mark.parametrize("frames", [0, 2], ids=["without B-frames", "with B-frames"])
@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_times_before_zero_count_from_the_first_frame(
    make_clip: MakeClip, suffix: str, frames: int
) -> None:
    codec = (*X264, "-bf", frames)
    if suffix == "webm":
        codec = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M")
    clip = make_clip(f"early{frames}.{suffix}", *counter(50), *codec, *BEFORE_ZERO)
    read_frames, reader = read(clip)
    assert drawn_numbers(read_frames) == [*range(50)]
    np.testing.assert_allclose(read_frames.time_s, np.arange(50) / 25, atol=0.0011)
    assert reader.info.duration_s == pytest.approx(2.0, abs=0.05)
    assert reader.warnings == []


def test_a_raw_stream_of_25_frames_per_second_says_that_this_is_assumed(
    make_clip: MakeClip,
) -> None:
    clip = make_clip("thirty.obu", *counter(20, rate=30), "-c:v", "libsvtav1", "-preset", 12)
    _, reader = read(clip)
    assert len(reader.warnings) == 1
    assert "times assume 25 frames per second" in reader.warnings[0]
    assert not reader.losses.partial


@pytest.mark.slow
def test_annotated_videos_have_the_times_of_the_analysis(
    make_clip: MakeClip, tmp_path: Path, after_noise: Path
) -> None:
    early = make_clip("early.mkv", *SOUND, *counter(50), *X264, *BEFORE_ZERO)
    clips = [
        make_clip("raw.h264", *counter(20, rate=10), *X264, "-bf", 2),
        make_clip("moving.webp", *counter(20, rate=10), "-c:v", "libwebp_anim", "-loop", 0),
        early,
        after_noise,
    ]
    for number, clip in enumerate(clips):
        (tmp_path / str(number)).mkdir()
        out = annotated(clip, tmp_path / str(number))
        times = [float(one) for one in frame_times(out)]
        np.testing.assert_allclose(times, read(clip)[0].time_s, atol=1e-3)
        if clip in (early, after_noise):
            assert len(sound_of(out)) > 40
