"""Recordings are read right or refused in one line."""

from __future__ import annotations

import csv
import math
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import X264, MakeClip, counter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fervid.errors import MediaError, SetupError
from fervid.records import FrameBatch
from fervid.video import VideoReader, probe
from fervid.video import ffmpeg as ffmpeg_module
from fervid.video.sampling import Sampler, Sampling

SAMPLES = Path(__file__).parent.parent / "sample_media"


def read(path: Path, **options: object) -> tuple[FrameBatch, VideoReader]:
    """Every frame as one batch, and the reader after it has been closed."""
    with VideoReader(path, **options) as reader:
        batches = list(reader)
    empty = FrameBatch(
        np.zeros((0, *reader.shape), np.uint8), np.zeros(0, np.int64), np.zeros(0, np.float64)
    )
    parts = [empty, *batches]
    joined = FrameBatch(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.time_s for part in parts]),
    )
    return joined, reader


def drawn_numbers(frames: FrameBatch) -> list[int]:
    """The number that COUNTER drew into each frame."""
    return [round(float(image.mean()) * 219 / 255 / 4) for image in frames.images]


def children() -> list[psutil.Process]:
    return psutil.Process().children()


# --- times and places --------------------------------------------------------------------------


def test_constant_rate(constant_clip: Path) -> None:
    frames, reader = read(constant_clip)
    assert (reader.info.width, reader.info.height) == (64, 48)
    assert reader.info.fps == 25
    assert reader.info.duration_s == pytest.approx(2.0)
    assert reader.expected_frames == 50
    assert frames.time_s.tolist() == [n / 25 for n in range(50)]
    assert frames.index.tolist() == list(range(50))
    assert drawn_numbers(frames) == list(range(50))
    assert reader.warnings == []


def test_batches_are_full_but_the_last(constant_clip: Path) -> None:
    with VideoReader(constant_clip, batch_size=16) as reader:
        batches = list(reader)
    assert [len(batch) for batch in batches] == [16, 16, 16, 2]
    assert batches[0].images.shape == (16, *reader.shape)


def test_iterating_again_starts_over(constant_clip: Path) -> None:
    with VideoReader(constant_clip) as reader:
        next(iter(reader))
        assert sum(len(batch) for batch in reader) == 50
        assert sum(len(batch) for batch in reader) == 50


def test_variable_rate_times_are_exact(variable_clip: Path) -> None:
    frames, reader = read(variable_clip)
    assert frames.time_s.tolist() == [(n * n + 10 * n) / 1000 for n in range(40)]
    assert drawn_numbers(frames) == list(range(40))
    assert reader.warnings == []


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi", "flv", "webm", "mov", "ogv"])
def test_other_containers(make_clip: MakeClip, suffix: str) -> None:
    codec = {"webm": ["-c:v", "libvpx"], "ogv": ["-c:v", "libtheora", "-q:v", "10"]}
    path = make_clip(f"plain.{suffix}", *counter(30), *codec.get(suffix, X264), "-bf", 0)
    frames, reader = read(path)
    assert frames.index.tolist() == list(range(30))
    np.testing.assert_allclose(np.diff(frames.time_s), 0.04, atol=0.0011)
    assert frames.time_s[0] == pytest.approx(0.0, abs=0.05)
    assert reader.warnings == []


def test_animated_gif(make_clip: MakeClip) -> None:
    path = make_clip("moving.gif", *counter(20, rate=10))
    frames, reader = read(path)
    assert frames.time_s.tolist() == [n / 10 for n in range(20)]
    means = frames.images.mean(axis=(1, 2))
    assert (np.diff(means) > 0).all()
    assert reader.warnings == []


def test_times_count_from_the_start_of_the_container(make_clip: MakeClip) -> None:
    path = make_clip("offset.ts", *counter(10), *X264, "-output_ts_offset", 100)
    assert read(path)[0].time_s.tolist() == [n / 25 for n in range(10)]


def test_video_that_starts_after_the_sound(make_clip: MakeClip, constant_clip: Path) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=3", "-c:v", "copy", "-c:a", "pcm_s16le")
    path = make_clip("late.mkv", "-itsoffset", 0.5, "-i", constant_clip, *sound)
    frames, reader = read(path)
    assert frames.time_s.tolist() == [(500 + 40 * n) / 1000 for n in range(50)]
    assert reader.warnings == []


def test_gap_keeps_its_length_and_is_told(make_clip: MakeClip) -> None:
    pts = "setpts='if(gte(N,20),N+50,N)'"
    path = make_clip("gap.mkv", *counter(40, extra=pts), *X264)
    frames, reader = read(path)
    assert frames.time_s.tolist() == [(n + 50 * (n >= 20)) / 25 for n in range(40)]
    assert reader.warnings == ["no picture for 2.00 s after 0.76 s"]


def test_edit_list(make_clip: MakeClip, constant_clip: Path) -> None:
    path = make_clip("edited.mp4", "-ss", 0.48, "-i", constant_clip, "-c", "copy")
    frames, reader = read(path)
    assert drawn_numbers(frames) == list(range(12, 50))
    assert frames.index.tolist() == list(range(38))
    np.testing.assert_allclose(frames.time_s, np.arange(38) / 25, atol=1e-9)
    assert reader.warnings == []


@pytest.mark.parametrize("name", ["two_speakers", "expressions"])
def test_sample_clips_match_their_truth(name: str) -> None:
    with (SAMPLES / f"{name}.truth.csv").open(newline="") as table:
        truth = {int(row["frame"]): float(row["time_s"]) for row in csv.DictReader(table)}
    frames, reader = read(SAMPLES / f"{name}.mp4")
    assert frames.index.tolist() == sorted(truth)
    np.testing.assert_allclose(frames.time_s, [truth[i] for i in sorted(truth)], atol=1e-4)
    assert reader.expected_frames == len(frames)
    assert reader.warnings == []


# --- picture -----------------------------------------------------------------------------------


def bright_corner(image: np.ndarray) -> str:
    """Which corner of an image is bright, if exactly one is."""
    corners = {
        "upper left": image[4, 4],
        "upper right": image[4, -5],
        "lower left": image[-5, 4],
        "lower right": image[-5, -5],
    }
    return " and ".join(name for name, value in corners.items() if value > 128)


@pytest.mark.parametrize(
    ("flags", "size", "corner"),
    [
        ([], (96, 64), "upper left"),
        (["-display_rotation", 90], (64, 96), "lower left"),
        (["-display_rotation", 180], (96, 64), "lower right"),
        (["-display_rotation", 270], (64, 96), "upper right"),
        (["-display_hflip"], (96, 64), "upper right"),
    ],
)
def test_turned_and_mirrored(
    make_clip: MakeClip, corner_clip: Path, flags: list[object], size: tuple[int, int], corner: str
) -> None:
    name = "turned" + "".join(map(str, flags)) + ".mp4"
    path = make_clip(name, *flags, "-i", corner_clip, "-c", "copy")
    frames, reader = read(path)
    assert (reader.info.width, reader.info.height) == size
    assert reader.shape == size[::-1]
    assert bright_corner(frames.images[0]) == corner


@pytest.mark.parametrize(("sar", "width"), [("4/3", 128), ("8/9", 85)])
def test_pixels_that_are_not_square(make_clip: MakeClip, sar: str, width: int) -> None:
    name = f"sar{width}.mp4"
    path = make_clip(name, *counter(5, size="96x72", extra=f"setsar={sar}"), *X264)
    info = probe(path)
    assert (info.width, info.height) == (width, 72)
    assert read(path)[0].images.shape == (5, 72, width // 2 * 2)


def test_cover_art_is_not_the_video(
    make_clip: MakeClip, constant_clip: Path, cover_picture: Path
) -> None:
    inputs = ("-i", cover_picture, "-i", constant_clip, "-map", 0, "-map", 1, "-c", "copy")
    mp4 = make_clip("cover.mp4", *inputs, "-disposition:v:0", "attached_pic")
    attachment = ("-attach", cover_picture, "-metadata:s:t", "mimetype=image/png")
    mkv = make_clip("cover.mkv", "-i", constant_clip, "-c", "copy", *attachment)
    for path in (mp4, mkv):
        frames, reader = read(path)
        assert reader.shape == (48, 64)
        assert drawn_numbers(frames) == list(range(50))
        assert reader.warnings == []


def test_odd_sizes_become_even(make_clip: MakeClip) -> None:
    path = make_clip("odd.mkv", *counter(3, size="97x65"), "-c:v", "ffv1")
    frames, reader = read(path)
    assert (reader.info.width, reader.info.height) == (97, 65)
    assert frames.images.shape == (3, 64, 96)


@pytest.mark.parametrize(
    ("working_size", "shape"), [(640, (120, 160)), (64, (48, 64)), (2, (2, 2))]
)
def test_working_size_only_shrinks(
    long_clip: Path, working_size: int, shape: tuple[int, int]
) -> None:
    frames, reader = read(long_clip, working_size=working_size, end=0.1)
    assert reader.shape == shape
    assert frames.images.shape == (3, *shape)


def test_shrinking_keeps_the_mean(make_clip: MakeClip) -> None:
    """Fine stripes become gray, not the value of whichever pixel was hit."""
    stripes = "color=black:s=160x120:r=25,geq=lum='16+219*mod(X,2)':cb=128:cr=128"
    path = make_clip("stripes.mkv", "-f", "lavfi", "-i", stripes, "-frames:v", 2, "-c:v", "ffv1")
    image = read(path, working_size=40)[0].images[0]
    assert np.abs(image.astype(int) - 128).max() <= 2


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("spread", ["tv", "pc"])
def test_gray_is_full_range(make_clip: MakeClip, matrix: str, spread: str) -> None:
    levels = np.array([0, 36, 73, 109, 146, 182, 219, 255], np.uint8)
    rgb = np.broadcast_to(levels.repeat(12)[None, :, None], (48, 96, 3)).tobytes()
    tag = {"bt601": "smpte170m", "bt709": "bt709"}[matrix]
    convert = f"scale=out_color_matrix={matrix}:out_range={spread},format=yuv420p"
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "96x48", "-i", "-")
    options = ("-vf", f"{convert},setparams=range={spread}:colorspace={tag}", *X264)
    path = make_clip(f"gray-{matrix}-{spread}.mp4", *source, *options, data=rgb)
    row = read(path)[0].images[0, 24].astype(int)
    assert np.abs(row[6::12] - levels).max() <= 2


# --- sampling ----------------------------------------------------------------------------------


def expected_rows(
    pts: list[int], base: Fraction, half: int, fps: Fraction | None, start: float, end: float
) -> list[int]:
    """The documented rule, written out on its own."""
    kept, highest = [], None
    for row, stamp in enumerate(pts):
        if fps is not None:
            tick = math.floor((stamp + half) * base * fps)
            if highest is not None and tick <= highest:
                continue
            highest = tick
        if Fraction(str(start)) <= stamp * base < Fraction(str(end)):
            kept.append(row)
    return kept


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"fps": 5}, range(0, 50, 5)),
        ({"fps": 25}, range(50)),
        ({"fps": 1000}, range(50)),
        ({"fps": 0.1}, [0]),
        ({"start": 1.0}, range(25, 50)),
        ({"end": 1.0}, range(25)),
        ({"start": 0.41, "end": 0.8}, range(11, 20)),
        ({"fps": 5, "start": 0.5, "end": 1.2}, [15, 20, 25]),
        ({"fps": 10}, [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37, 40, 42, 45, 47]),
    ],
)
def test_known_samples(
    constant_clip: Path, options: dict[str, float], numbers: list[int] | range
) -> None:
    frames, reader = read(constant_clip, **options)
    assert frames.index.tolist() == list(numbers)
    assert drawn_numbers(frames) == list(numbers)
    assert frames.time_s.tolist() == [n / 25 for n in numbers]
    assert reader.warnings == []
    assert reader.expected_frames == pytest.approx(len(numbers), abs=1)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fps=st.one_of(st.none(), st.integers(1, 200).map(lambda n: n / 8)),
    start=st.integers(0, 1800).map(lambda n: n / 1000),
    length=st.integers(1, 2000).map(lambda n: n / 1000),
)
def test_samples_of_a_variable_rate(
    variable_clip: Path, fps: float | None, start: float, length: float
) -> None:
    end = round(start + length, 3)
    frames, reader = read(variable_clip, fps=fps, start=start, end=end)
    plan = Sampling.plan(Fraction(1, 1000), reader.info.fps, fps, start, end)
    pts = [n * n + 10 * n for n in range(40)]
    rows = expected_rows(pts, Fraction(1, 1000), plan.half, plan.fps, start, end)
    assert frames.index.tolist() == rows
    assert frames.time_s.tolist() == [pts[row] / 1000 for row in rows]
    assert drawn_numbers(frames) == rows


@given(
    steps=st.lists(st.integers(1, 9000), min_size=1, max_size=200),
    denominator=st.sampled_from([1000, 12800, 90000, 1_000_000]),
    fps=st.integers(1, 6000).map(lambda n: n / 100),
    nominal=st.sampled_from([0, 10, Fraction(30000, 1001), 60]),
    start=st.integers(0, 300).map(lambda n: n / 100),
)
def test_sampling_rule(
    steps: list[int], denominator: int, fps: float, nominal: Fraction, start: float
) -> None:
    base = Fraction(1, denominator)
    pts = [int(stamp) for stamp in np.cumsum(steps)]
    plan = Sampling.plan(base, Fraction(nominal), fps, start, None)
    sampler = Sampler(plan)
    kept = [row for row, stamp in enumerate(pts) if sampler.keeps(stamp)]
    assert kept == expected_rows(pts, base, plan.half, plan.fps, start, 1e9)
    if plan.fps is None:
        assert nominal
        assert fps >= nominal
    else:
        ticks = [plan.tick(pts[row]) for row in kept]
        assert len(set(ticks)) == len(ticks)


def test_jitter_does_not_change_the_samples() -> None:
    """Time stamps rounded to a millisecond still give every second frame of 30 a second."""
    plan = Sampling.plan(Fraction(1, 1000), Fraction(30), 15, None, None)
    sampler = Sampler(plan)
    kept = [n for n in range(300) if sampler.keeps(round(n * 1000 / 30) + (-1) ** n)]
    assert kept == list(range(0, 300, 2))


def test_numbers_are_taken_as_they_print() -> None:
    plan = Sampling.plan(Fraction(1, 1000), Fraction(30), 0.1, 0.1, 0.3)
    assert (plan.fps, plan.first, plan.stop) == (Fraction(1, 10), 100, 300)


def test_sampling_across_a_change_of_size(make_clip: MakeClip, tmp_path: Path) -> None:
    """ffmpeg builds its filters anew when the size changes; no frame is sampled twice."""
    encode = (*X264, "-bf", 0, "-muxdelay", 0, "-muxpreload", 0)
    first = make_clip("first.ts", *counter(27), *encode)
    offset = ("-output_ts_offset", 27 / 25)
    second = make_clip("second.ts", *counter(23, size="96x48"), *encode, *offset)
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    whole, reader = read(path)
    assert whole.images.shape[1:] == reader.shape == (48, 64)
    assert whole.time_s.tolist() == [n / 25 for n in range(50)]
    assert read(path, fps=5)[0].index.tolist() == list(range(0, 50, 5))


def test_range_without_frames_is_told(constant_clip: Path) -> None:
    frames, reader = read(constant_clip, start=60)
    assert len(frames) == 0
    assert reader.warnings == ["no frame lies in the time range asked for"]
    assert reader.expected_frames == 0


@pytest.mark.parametrize(
    "options",
    [{"fps": 0}, {"fps": math.nan}, {"start": -1}, {"start": 2, "end": 1}, {"batch_size": 0}],
)
def test_arguments_out_of_range(constant_clip: Path, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        VideoReader(constant_clip, **options)


# --- damage and refusal ------------------------------------------------------------------------


def test_cut_off_recording(make_clip: MakeClip, long_clip: Path, tmp_path: Path) -> None:
    source = make_clip("fast.mp4", "-i", long_clip, "-c", "copy", "-movflags", "faststart")
    path = tmp_path / "cut.mp4"
    path.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
    frames, reader = read(path)
    assert 900 < len(frames) < 1300
    assert frames.time_s.tolist() == [n / 30 for n in range(len(frames))]
    assert any("of 50.00 s" in line for line in reader.warnings)


def test_damage_in_the_middle(long_clip: Path, tmp_path: Path) -> None:
    data = bytearray(long_clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = np.random.default_rng(1).bytes(20_000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    frames, reader = read(path)
    assert 1000 < len(frames) <= 1500
    assert frames.time_s[-1] > 49
    assert reader.warnings
    assert all(line.isprintable() and line.isascii() for line in reader.warnings)


def test_early_end_is_told_without_sound(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("quiet.flv", *counter(50), *X264)
    data = source.read_bytes()
    path = tmp_path / "quiet.flv"
    path.write_bytes(data[: len(data) // 2])
    frames, reader = read(path)
    assert len(frames) < 45
    assert any("the last frame is at" in line for line in reader.warnings)


def test_sampling_raises_no_false_alarm(long_clip: Path) -> None:
    for fps in (0.3, 1, 7, 12.5):
        assert read(long_clip, fps=fps)[1].warnings == []


def test_lost_packets_of_a_transport_stream(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("lossy.ts", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4", *X264)
    data = source.read_bytes()
    path = tmp_path / "lossy.ts"
    path.write_bytes(data[: 188 * 400] + data[188 * 800 :])
    assert read(path)[1].warnings


GARBAGE: dict[str, bytes] = {
    "text.mp4": b"not a recording\n" * 500,
    "noise.mp4": np.random.default_rng(0).bytes(5000),
    "empty.mp4": b"",
    "head.mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + b"\x00" * 64,
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nconstant.mp4\n#EXT-X-ENDLIST\n",
    "list.mp4": b"ffconcat version 1.0\nfile constant.mp4\n",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>',
    "master.mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\n"
    b"m=video 5004 RTP/AVP 96\n",
}


def refusal(path: Path) -> str:
    """The error's text, after checking its form and that it came soon."""
    began = time.monotonic()
    with pytest.raises(MediaError) as caught:
        VideoReader(path)
    assert time.monotonic() - began < 5
    with pytest.raises(MediaError):
        probe(path)
    text = str(caught.value)
    assert text.isprintable()
    assert text.isascii()
    assert text.startswith(ascii(str(path)))
    assert children() == []
    return text


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused(constant_clip: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GARBAGE[name])
    shutil.copy(constant_clip, tmp_path / "constant.mp4")
    assert " is " in refusal(path)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(Path(os.devnull))
    assert "folder" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing\n.mp4")
    assert "not a valid file name" in refusal(tmp_path / "nul\0.mp4")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
def test_still_image_is_refused(make_clip: MakeClip, suffix: str) -> None:
    still = make_clip(f"still.{suffix}", "-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", 1)
    assert "is not a recording" in refusal(still)


def test_sound_without_video_is_refused(make_clip: MakeClip, cover_picture: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=d=1")
    assert "has no video" in refusal(make_clip("tone.wav", *tone))
    cover = ("-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v", "attached_pic")
    assert "has no video" in refusal(make_clip("tone.m4a", *tone, "-i", cover_picture, *cover))


def test_huge_picture_is_refused(make_clip: MakeClip) -> None:
    source = ("-f", "lavfi", "-i", "color=black:s=16000x8000:r=1,format=gray")
    path = make_clip("huge.mkv", *source, "-frames:v", 1, "-c:v", "png")
    assert "100 megapixels" in refusal(path)


@pytest.mark.parametrize(
    "name",
    [
        b"-y.mp4",
        b"two words.mp4",
        b"new\nline.mp4",
        "naïve 录像.mp4".encode(),
        b"caf\xe9.mp4",
        b"a%03d:b.mp4",
    ],
)
def test_odd_names(
    constant_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    path = Path(os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    shutil.copy(constant_clip, path)
    assert len(read(path)[0]) == 50


def test_tags_cannot_imitate_the_log(make_clip: MakeClip, constant_clip: Path) -> None:
    tag = "x\n  Duration: 99:00:00.00, start: 0.0, bitrate: 1 kb/s"
    path = make_clip("tags.mkv", "-i", constant_clip, "-c", "copy", "-metadata", f"{tag}={tag}")
    assert probe(path).duration_s in (None, pytest.approx(2.0, abs=0.05))
    assert len(read(path)[0]) == 50


# --- the child process -------------------------------------------------------------------------


def test_nothing_is_left_behind(long_clip: Path) -> None:
    process = psutil.Process()
    read(long_clip, end=0.5)
    before = process.num_fds(), threading.active_count()
    for _ in range(5):
        with VideoReader(long_clip) as reader:
            batches = iter(reader)
            next(batches)
            assert len(children()) == 1
        assert children() == []
    assert (process.num_fds(), threading.active_count()) == before
    assert reader.warnings == []


def test_closing_twice_and_reading_on(long_clip: Path) -> None:
    reader = VideoReader(long_clip)
    batches = iter(reader)
    next(batches)
    reader.close()
    reader.close()
    assert list(batches) == []
    assert children() == []


def test_reading_is_lazy(long_clip: Path) -> None:
    """While the reader is idle ffmpeg waits, so memory does not grow with the length."""
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        time.sleep(0.7)
        (child,) = children()
        used = child.cpu_times().user
        time.sleep(0.3)
        assert child.cpu_times().user == used
        assert sum(len(batch) for batch in batches) == 1500 - 16


def test_decoder_does_not_outlive_a_killed_parent(long_clip: Path) -> None:
    script = (
        "import os, pathlib, psutil, sys; from fervid.video import VideoReader\n"
        "batches = iter(VideoReader(pathlib.Path(sys.argv[1]))); next(batches)\n"
        "print(psutil.Process().children()[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(long_clip)]
    pid = int(subprocess.run(command, stdout=subprocess.PIPE, timeout=30).stdout)
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("ffmpeg still runs")


def test_killed_decoder_is_told(long_clip: Path) -> None:
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        children()[0].kill()
        assert sum(len(batch) for batch in batches) < 1400
    assert any("stopped early" in line for line in reader.warnings)


def test_hung_decoder_is_killed(long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_module, "STALL_S", 0.4)
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        children()[0].send_signal(signal.SIGSTOP)
        with pytest.raises(MediaError, match="no progress"):
            list(batches)
    assert children() == []


def test_slow_reader_is_no_stall(long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_module, "STALL_S", 0.4)
    with VideoReader(long_clip) as reader:
        batches = iter(reader)
        next(batches)
        time.sleep(1.0)
        assert sum(len(batch) for batch in batches) == 1500 - 16


@pytest.fixture
def fresh_search() -> Iterator[Callable[[], str]]:
    """`find_ffmpeg` without its memory, before and after."""
    ffmpeg_module.find_ffmpeg.cache_clear()
    yield ffmpeg_module.find_ffmpeg
    ffmpeg_module.find_ffmpeg.cache_clear()


def fake_ffmpeg(folder: Path, version: str) -> Path:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\necho 'ffmpeg version {version} Copyright'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("version", "chosen"),
    [("5.1.6-0+deb12u1", False), ("7.0.2", True), ("n8.1", True), ("N-1-g", False)],
)
def test_which_ffmpeg(
    fresh_search: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    chosen: bool,
) -> None:
    fake = fake_ffmpeg(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (fresh_search() == str(fake)) is chosen


def test_no_usable_ffmpeg(
    fresh_search: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_ffmpeg(tmp_path, "4.4.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    with pytest.raises(SetupError, match="install one"):
        fresh_search()
