"""Damage is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.clips import X264, MakeClip, counter, read


def test_cut_off_recording(make_clip: MakeClip, long_clip: Path, tmp_path: Path) -> None:
    source = make_clip("fast.mp4", "-i", long_clip, "-c", "copy", "-movflags", "faststart")
    path = tmp_path / "cut.mp4"
    path.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
    frames, reader = read(path)
    assert 900 < len(frames) < 1300
    assert frames.time_s.tolist() == [n / 30 for n in range(len(frames))]
    assert any("the recording is 50.00 s long" in line for line in reader.warnings)


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


@pytest.mark.slow
def test_sampling_raises_no_false_alarm(long_clip: Path) -> None:
    for fps in (0.3, 1, 7, 12.5):
        assert read(long_clip, fps=fps)[1].warnings == []


def test_lost_packets_of_a_transport_stream(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("lossy.ts", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4", *X264)
    data = source.read_bytes()
    path = tmp_path / "lossy.ts"
    path.write_bytes(data[: 188 * 400] + data[188 * 800 :])
    assert read(path)[1].warnings


def test_hevc_joined_with_another_kind_of_hevc(
    make_clip: MakeClip, run_ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    """Matroska describes the first part only, so that the second one is decoded to noise."""
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
    source = "testsrc2=s={}:r=15:d=2"
    clips = [
        make_clip(f"{size}.mkv", "-f", "lavfi", "-i", source.format(size), *codec)
        for size in ("320x180", "240x180")
    ]
    names = tmp_path / "names.txt"
    names.write_text("".join(f"file '{clip}'\n" for clip in clips))
    path = tmp_path / "joined.mkv"
    run_ffmpeg("-f", "concat", "-safe", 0, "-i", names, "-c", "copy", path)
    _, reader = read(path)
    assert reader.losses.partial
    assert "frames may be damaged or missing" in reader.warnings[0]
    assert read(clips[0])[1].warnings == []
