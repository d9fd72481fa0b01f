"""Frames, times and places of recordings are read right."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from fervid.video.probing import probe
from fervid.video.reader import VideoReader
from tests.helpers.clips import X264, MakeClip, counter, drawn_numbers, read

SAMPLES = Path(__file__).parents[2] / "sample_media"


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


def test_video_of_a_transport_stream_that_starts_after_the_sound(
    make_clip: MakeClip, constant_clip: Path
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=3", "-c:v", "copy", "-c:a", "mp2")
    path = make_clip("sound_first.ts", "-itsoffset", 0.5, "-i", constant_clip, *sound)
    frames, reader = read(path)
    delay_s = 481 / 44_100  # of the sound's encoder, which begins so much before zero
    np.testing.assert_allclose(frames.time_s, 0.5 + delay_s + np.arange(50) / 25, atol=1 / 90_000)
    assert reader.warnings == []


def test_late_start_of_matroska_is_no_loss(make_clip: MakeClip) -> None:
    path = make_clip("late_all.mkv", *counter(10), *X264, "-output_ts_offset", 100)
    frames, reader = read(path)
    assert frames.time_s.tolist() == [n / 25 for n in range(10)]
    assert reader.info.duration_s == pytest.approx(0.4)
    assert reader.warnings == []


def test_gap_keeps_its_length_and_is_told(make_clip: MakeClip) -> None:
    pts = "setpts='if(gte(N,20),N+50,N)'"
    path = make_clip("gap.mkv", *counter(40, extra=pts), *X264)
    frames, reader = read(path)
    assert frames.time_s.tolist() == [(n + 50 * (n >= 20)) / 25 for n in range(40)]
    assert reader.warnings == ["no frame for 2.00 s from 0.76 s on"]


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


def test_decoding_can_begin_before_the_iteration(constant_clip: Path) -> None:
    with VideoReader(constant_clip, batch_size=8) as reader:
        usual = [batch.index.tolist() for batch in reader]
        reader.begin()
        time.sleep(0.2)
        assert [batch.index.tolist() for batch in reader] == usual
        assert [batch.index.tolist() for batch in reader] == usual
        reader.begin()
    assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]
