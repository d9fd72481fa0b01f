"""Recordings that are cut off, unfinished or still growing say so; lengths and frames agree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fervid.errors import MediaError
from fervid.expressions.durations import Durations
from fervid.pipeline import Analyzer
from fervid.results.files import read_frames, read_meta
from fervid.results.rows import ROW
from fervid.settings import Settings
from fervid.video.probing import probe
from fervid.video.reader import VideoReader
from fervid.video.unfinished import is_unfinished
from tests.helpers.clips import X264, MakeClip, counter, read

pytestmark = pytest.mark.slow

NOISE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=12,noise=alls=40:allf=t")
GROWS = "the recording grew while it was being read; analyse it again when it is finished"


def without_length(whole: bytes) -> bytes:
    """Matroska of ffmpeg as it is before its writer knows the length."""
    data = bytearray(whole)
    segment = data.index(b"\x18\x53\x80\x67")
    data[segment + 4 : segment + 12] = b"\x01" + b"\xff" * 7
    duration = re.search(rb"\x44\x89\x88.{8}", bytes(data), re.DOTALL)
    assert duration
    data[slice(*duration.span())] = b"\xec\x89" + bytes(9)
    return bytes(data)


def test_without_its_index_it_is_said_to_be_unfinished(constant_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    whole = constant_clip.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"moov") - 4])
    with pytest.raises(
        MediaError, match="is unfinished or was cut off, as its index is missing; copy"
    ):
        probe(path)


@pytest.mark.parametrize("cut", [1.0, 0.6])
def test_unfinished_matroska_is_partial(make_clip: MakeClip, tmp_path: Path, cut: float) -> None:
    path, folder = tmp_path / "stopped.mkv", tmp_path / "r.fervid"
    whole = without_length(make_clip("whole.mkv", *counter(50), *X264, "-g", 10).read_bytes())
    path.write_bytes(whole[: round(cut * len(whole))])
    Analyzer(Settings(working_size=96)).analyze(path, folder)
    meta = read_meta(folder)
    assert meta["status"] == "partial"
    assert any("never finished" in line for line in meta["warnings"])
    last_s = max(chunk["timestamp"].max() for chunk in read_frames(folder))
    assert meta["recording"]["duration_s"] == pytest.approx(last_s + 0.04)
    # The end that may be missing was not asked for; a cut off cluster is read ahead.
    assert read(path, end=0.4)[1].losses.partial == (cut < 1.0)


def test_unfinished_avi_is_partial(make_clip: MakeClip, tmp_path: Path) -> None:
    data = bytearray(make_clip("whole.avi", *counter(50), *X264, "-bf", 0).read_bytes())
    data[4:8], data[48:52] = b"\xff" * 4, bytes(4)
    (tmp_path / "stopped.avi").write_bytes(data[: data.rindex(b"idx1")])
    reader = read(tmp_path / "stopped.avi")[1]
    assert reader.losses.partial
    assert any("never finished" in line for line in reader.warnings)


def test_unfinished_flv_is_partial(make_clip: MakeClip, tmp_path: Path) -> None:
    data = bytearray(make_clip("whole.flv", *counter(50), *X264, "-bf", 0).read_bytes())
    length = data.index(b"duration") + len(b"duration") + 1
    assert any(data[length : length + 8])
    data[length : length + 8] = bytes(8)
    (tmp_path / "stopped.flv").write_bytes(data)
    frames, reader = read(tmp_path / "stopped.flv")
    assert len(frames) == 50
    assert reader.losses.partial
    assert any("never finished" in line for line in reader.warnings)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.ogv", ("-c:v", "libtheora", "-q:v", 5)),
        ("pal.dv", ("-target", "pal-dv")),
        ("ntsc.dv", ("-target", "ntsc-dv")),
    ],
)
def test_a_cut_off_file_without_a_length_is_partial(
    make_clip: MakeClip, tmp_path: Path, name: str, options: tuple[object, ...]
) -> None:
    clip = make_clip(name, *NOISE, "-t", 2, *options)
    whole = clip.read_bytes()
    path = tmp_path / name
    for kept in (0.57, 0.79):
        path.write_bytes(whole[: int(len(whole) * kept)])
        _, reader = read(path)
        assert reader.losses.partial
        assert reader.warnings[-1] == "the recording was cut off: its end is missing"
    _, reader = read(clip)
    assert not reader.losses.partial
    assert reader.warnings == []


@pytest.mark.parametrize("suffix", ["mkv", "webm", "avi", "flv"])
def test_finished_and_piped_ones_are_whole(make_clip: MakeClip, suffix: str) -> None:
    codec = ["-c:v", "libvpx"] if suffix == "webm" else [*X264, "-bf", 0]
    path = make_clip(f"whole50.{suffix}", *counter(50), *codec)
    assert not is_unfinished(path)
    assert read(path)[1].warnings == []
    if suffix in ("avi", "flv"):
        return
    # A pipe cannot be written again, so the length is never told.
    piped = make_clip(f"live.{suffix}", "-i", path, "-c", "copy", "-f", "matroska", "-live", 1)
    frames, reader = read(piped)
    assert len(frames) == 50
    assert (reader.warnings, reader.losses.partial) == ([], False)
    assert reader.info.duration_s == pytest.approx(2.0, abs=0.002)


def test_a_file_that_grows_is_said_to(make_clip: MakeClip, tmp_path: Path) -> None:
    whole = make_clip("growing.ts", *NOISE, *X264).read_bytes()
    path = tmp_path / "growing.ts"
    path.write_bytes(whole[: len(whole) // 2 // 188 * 188])
    with VideoReader(path) as reader:
        batches = iter(reader)
        times = [next(batches).time_s]
        with path.open("ab") as file:
            file.write(whole[path.stat().st_size :])
        times += [batch.time_s for batch in batches]
    assert GROWS in reader.warnings
    assert reader.losses.partial
    assert len(np.concatenate(times)) > 160
    assert reader.info.duration_s == pytest.approx(times[-1][-1] + 0.04)


@pytest.mark.parametrize(
    ("then", "says"),
    [
        (
            Path.unlink,
            r"could not be read to its end \(No such file or directory\); analyse it again",
        ),
        (Path.touch, "became shorter while it was being read"),
    ],
)
def test_a_file_that_goes_away_while_it_is_read_is_no_partial_result(
    make_clip: MakeClip, tmp_path: Path, then: Callable[[Path], None], says: str
) -> None:
    clip = make_clip("long.mkv", *NOISE, "-c:v", "mpeg2video", "-q:v", 2, "-g", 25)
    path = tmp_path / "on_a_share.mkv"
    path.write_bytes(clip.read_bytes())
    with VideoReader(path, batch_size=1) as reader:
        frames = iter(reader)
        next(frames)
        os.truncate(path, path.stat().st_size // 2)
        then(path)
        with pytest.raises(MediaError, match=says):
            list(frames)


@pytest.mark.parametrize("suffix", ["h264", "nut"])
def test_the_last_frame_counts_where_the_length_is_not_known(
    make_clip: MakeClip, suffix: str
) -> None:
    """Raw streams state no length and no rate; NUT ends with the time of its last frame."""
    clip = make_clip(f"ten_a_second.{suffix}", *counter(20, rate=10), *X264, "-bf", 0)
    frames, reader = read(clip)
    np.testing.assert_allclose(frames.time_s, np.arange(20) / 10, atol=1e-6)
    assert reader.info.duration_s == pytest.approx(2.0, abs=0.001)
    assert reader.info.fps == 10


def rows_at(*times: float) -> np.ndarray:
    rows = np.zeros(len(times), ROW)
    rows["frame"], rows["time_s"] = np.arange(len(times)), times
    return rows


@pytest.mark.parametrize(
    ("end_s", "last_s"), [(6.0, 0.1), (None, 0.239), (5.9, 0.239), (6.135, 0.239)]
)
def test_the_last_frame_ends_with_the_recording(end_s: float | None, last_s: float) -> None:
    rows = rows_at(5.0, 5.9)
    Durations(0.239, 1.0, end_s).back(rows)
    np.testing.assert_allclose(rows["lasts_s"], [0.9, last_s])


def test_no_row_of_a_variable_rate_lasts_longer_than_the_recording(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    portrait = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"
    odd = "scale=96:-2,settb=1/1000,setpts=N*N*10,format=yuv420p"
    still = ("-loop", 1, "-i", portrait, "-vf", odd, "-frames:v", 20)
    scale = ("-video_track_timescale", 1000, "-enc_time_base", "1/1000", "-bf", 0)
    path = make_clip("still_portrait.mp4", *still, "-fps_mode", "passthrough", *X264, *scale)
    folder = tmp_path / "r.fervid"
    Analyzer(Settings(working_size=96, min_score=0.1)).analyze(path, folder)
    length_s = read_meta(folder)["recording"]["duration_s"]
    for frames in read_frames(folder):
        ends = frames["timestamp"] + frames["duration"].fillna(0)
        assert frames["success"].any()
        assert ends.max() <= length_s + 0.01
