"""Annotated videos: exact times, sound, geometry, colours."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fervid.exports import export
from fervid.exports.sampled_frames import SampledFrames
from fervid.results.files import read_frames
from tests.helpers.annotated_videos import (
    BOX,
    SAMPLES,
    annotated,
    frame_times,
    pictures,
    sound_of,
    start_of,
)
from tests.helpers.clips import X264, MakeClip, counter
from tests.helpers.made_results import made_frames, made_result

pytestmark = pytest.mark.slow


SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100")


@pytest.fixture(scope="module")
def clips(make_clip: MakeClip, variable_clip: Path, constant_clip: Path) -> dict[str, Path]:
    sound = ("-c:a", "aac", "-shortest")
    to_ms = ("-video_track_timescale", 1000, "-enc_time_base", "1/1000", "-bf", 2)
    odd_pts = "settb=1/1000,setpts=N*N+10*N"
    return {
        "constant": constant_clip,
        "variable": variable_clip,
        "sound": make_clip("sound.mp4", *SINE, *counter(50), *X264, "-bf", 2, *sound),
        "both": make_clip(
            "both.mp4", *SINE, *counter(40, extra=odd_pts), *X264, *to_ms, "-t", 1.9, "-c:a", "aac"
        ),
        "late": make_clip(
            "late.ts", *SINE, *counter(50), *X264, "-bf", 2, *sound, "-output_ts_offset", 0.0123456
        ),
        "matroska": make_clip("variable.mkv", "-i", variable_clip, "-c", "copy"),
        "gif": make_clip("small.gif", *counter(10, rate=10)),
        "ntsc": make_clip("ntsc.mov", *counter(30, rate="30000/1001"), *X264),  # type: ignore[arg-type]
    }


CLIPS = ("constant", "variable", "sound", "both", "late", "matroska", "gif", "ntsc")


@pytest.mark.parametrize("which", CLIPS)
def test_every_frame_has_its_time_from_the_start(
    clips: dict[str, Path], tmp_path: Path, which: str
) -> None:
    start = start_of(clips[which])
    assert (start > 1) == (which == "late")
    times = [time - start for time in frame_times(clips[which])]
    assert len(times) >= 10
    assert frame_times(annotated(clips[which], tmp_path)) == times


@pytest.mark.parametrize("which", ["sound", "both", "late"])
def test_the_sound_is_copied_at_its_times(
    clips: dict[str, Path], tmp_path: Path, which: str
) -> None:
    before, after = sound_of(clips[which]), sound_of(annotated(clips[which], tmp_path))
    if which == "late":  # a transport stream wraps every packet of AAC; MP4 has none of that
        times = [float(t - start_of(clips[which])) for t, _ in before]
        assert [float(t) for t, _ in after] == pytest.approx(times, abs=1 / 44_100)
    else:
        assert after == before


def test_matroska_has_the_times_rounded_to_its_milliseconds(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    out = annotated(clips["ntsc"], tmp_path, suffix=".mkv")
    expected = [float(time) for time in frame_times(clips["ntsc"])]
    assert [float(t) for t in frame_times(out)] == pytest.approx(expected, abs=0.00051)


def test_a_real_result_is_drawn_at_the_times_of_its_table(
    results: dict[str, Path], tmp_path: Path
) -> None:
    clip = SAMPLES / "two_speakers.mp4"
    (out,) = export(results["two_speakers"], "video", tmp_path, recording=clip)
    assert out.name == "two_speakers.annotated.mp4"
    times = frame_times(out)
    assert times == frame_times(clip)
    table = next(read_frames(results["two_speakers"], chunk_rows=10**6))
    sampled = table.drop_duplicates("frame")["timestamp"]
    assert sampled.tolist() == pytest.approx([float(time) for time in times], abs=1e-6)
    rows = table[table["frame"] == 100]
    assert len(rows) == 2
    plain, drawn = (pictures(path)[100].astype(int) for path in (clip, out))
    for x, y, w, h in rows[["face_x", "face_y", "face_w", "face_h"]].round().astype(int).to_numpy():
        edge = np.abs(drawn - plain)[y + 5 : y + h - 5, x : x + 1]
        assert edge.mean() > 30
        inside = np.abs(drawn - plain)[y + 5 : y + h - 5, x + 5 : x + w - 5]
        assert inside.mean() < 6


def ffmpeg_pictures(
    run_ffmpeg: Callable[..., None], clip: Path, folder: Path, width: int, height: int
) -> NDArray[np.uint8]:
    """Frames as ffmpeg displays them: upright, with square pixels of this size, red first."""
    raw = folder / "frames.rgb"
    as_raw = ("-pix_fmt", "rgb24", "-f", "rawvideo")
    run_ffmpeg("-i", clip, "-vf", f"scale={width}:{height}", *as_raw, raw)
    return np.fromfile(raw, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("r90", ("-display_rotation", 90), (120, 160)),
        ("r180", ("-display_rotation", 180), (160, 120)),
        ("r270", ("-display_rotation", 270), (120, 160)),
        ("hflip", ("-display_hflip",), (160, 120)),
        ("vflip", ("-display_vflip",), (160, 120)),
        ("mixed", ("-display_rotation", 90, "-display_hflip"), (120, 160)),
    ],
)
def test_pictures_are_upright(
    make_clip: MakeClip,
    run_ffmpeg: Callable[..., None],
    tmp_path: Path,
    name: str,
    options: tuple[object, ...],
    size: tuple[int, int],
) -> None:
    upright = make_clip(
        "pattern.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120", "-frames:v", 3, *X264
    )
    clip = make_clip(f"{name}.mp4", *options, "-i", upright, "-c", "copy")
    out = annotated(clip, tmp_path, faces=[])
    expected = ffmpeg_pictures(run_ffmpeg, clip, tmp_path, *size)
    drawn = np.stack(pictures(out))
    assert drawn.shape == expected.shape
    assert np.abs(drawn.astype(int) - expected).mean() < 8
    mirrored = np.abs(drawn[:, ::-1, ::-1].astype(int) - expected).mean()
    assert mirrored > 30


@pytest.mark.parametrize("rotation", [0, 90])
def test_pixels_are_square(
    make_clip: MakeClip, run_ffmpeg: Callable[..., None], tmp_path: Path, rotation: int
) -> None:
    source = "testsrc2=s=120x120,setsar=4/3"
    flat = make_clip("flat.mp4", "-f", "lavfi", "-i", source, "-frames:v", 2, *X264)
    clip = make_clip(f"flat{rotation}.mp4", "-display_rotation", rotation, "-i", flat, "-c", "copy")
    size = (160, 120) if rotation == 0 else (90, 120)
    drawn = np.stack(pictures(annotated(clip, tmp_path, faces=[])))
    expected = ffmpeg_pictures(run_ffmpeg, clip, tmp_path, *size)
    assert drawn.shape == expected.shape
    assert np.abs(drawn.astype(int) - expected).mean() < 10


def test_odd_sides_are_rounded_up(make_clip: MakeClip, tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "color=0x405060:s=75x51,format=rgb24", "-frames:v", 2)
    odd = make_clip("odd_colours.mkv", *source, "-c:v", "ffv1", "-pix_fmt", "bgr0")
    drawn = pictures(annotated(odd, tmp_path, faces=[]))[0]
    assert drawn.shape == (52, 76, 3)
    assert np.abs(drawn[:51, :75].astype(int) - pictures(odd)[0]).mean() < 12


@pytest.mark.parametrize("space", ["bt709", "smpte170m"])
def test_colours_stay(make_clip: MakeClip, tmp_path: Path, space: str) -> None:
    tag = f"color=0x30A050:s=64x48,scale=out_color_matrix={space},setparams=colorspace={space}"
    clip = make_clip(f"{space}.mp4", "-f", "lavfi", "-i", tag, "-frames:v", 2, *X264)
    drawn = pictures(annotated(clip, tmp_path, faces=[]))[1]
    expected = pictures(clip)[1].astype(int)
    assert np.abs(expected - (0x30, 0xA0, 0x50)).max() < 8
    assert np.abs(drawn - expected).max() < 5


def test_faces_are_shown_as_long_as_their_rows_stand_for(corner_clip: Path, tmp_path: Path) -> None:
    # Frames at 0, .04, .08, .12, .16 s.
    box = (40, 24, 20, 20)
    faces = [(0, 1, box), (1, 1, box)]
    out = annotated(corner_clip, tmp_path, times=[0.0, 0.12], faces=faces, frame_s=0.05)
    lasts = made_frames([0.0, 0.12], faces, frame_s=0.05)["duration"]
    assert lasts.tolist() == pytest.approx([0.12, 0.05])
    assert [picture[24:44, 39:42].max() > 60 for picture in pictures(out)] == [True] * 5
    out = annotated(corner_clip, tmp_path / "b", times=[0.04], faces=faces[:1], frame_s=0.05)
    shown = [picture[24:44, 39:42].max() > 60 for picture in pictures(out)]
    assert shown == [False, True, True, False, False]


def test_a_frame_without_a_face_ends_the_one_before(tmp_path: Path) -> None:
    table = made_frames([0.0, 0.1, 0.2], [(0, 1, BOX), (2, 1, BOX), (2, 2, BOX)])
    faces = SampledFrames(made_result(tmp_path / "r", frames=table))
    found = [faces.at(time) for time in (0.0, 0.05, 0.0999999, 0.1, 0.15, 0.2, 0.29, 0.31)]
    assert [None if f is None else len(f) for f in found] == [1, 1, None, None, None, 2, 2, None]


def test_frames_that_cross_the_pieces_of_the_table_stay_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fervid.exports import sampled_frames

    many = [(frame, who, BOX) for frame in range(5) for who in (1, 2, 3)]
    table = made_frames([0.0, 0.1, 0.2, 0.3, 0.4], many)
    folder = made_result(tmp_path / "r", frames=table)
    for rows in (1, 2, 4, 100):
        pieces = list(read_frames(folder, chunk_rows=rows))
        monkeypatch.setattr(sampled_frames, "read_frames", lambda _, pieces=pieces: iter(pieces))
        faces = SampledFrames(folder)
        found = [faces.at(k / 10) for k in range(5)]
        assert [f.face_id.tolist() for f in found if f] == [[1, 2, 3]] * 5


@pytest.mark.parametrize(("name", "codec"), [("old.wmv", "wmav2"), ("old.avi", "adpcm_ms")])
def test_sound_that_the_container_cannot_hold_becomes_aac(
    make_clip: MakeClip, tmp_path: Path, name: str, codec: str
) -> None:
    clip = make_clip(name, *SINE, *counter(50), "-c:v", "mpeg4", "-c:a", codec, "-t", 2)
    out = annotated(clip, tmp_path)
    assert frame_times(out) == frame_times(clip)
    with av.open(str(out)) as container:
        stream = container.streams.audio[0]
        assert stream.codec.name == "aac"
        frames = list(container.decode(stream))
    wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert len(wave) / 44_100 == pytest.approx(2.0, abs=0.1)
    middle = wave[20_000:64_100]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440


def test_frames_are_let_go_at_once(constant_clip: Path, tmp_path: Path) -> None:
    gc.collect()
    before = _frames_alive()
    gc.disable()  # the command line searches for garbage rarely
    try:
        annotated(constant_clip, tmp_path)
        kept = _frames_alive()
    finally:
        gc.enable()
    assert kept - before <= 5


def _frames_alive() -> int:
    """How many video frames exist; `isinstance` would ask lazy objects for their class."""
    return sum(issubclass(type(thing), av.VideoFrame) for thing in gc.get_objects())


@pytest.mark.parametrize("suffix", ["ts", "flv"])
def test_time_stamps_that_fall_back_are_no_obstacle(
    make_clip: MakeClip, tmp_path: Path, suffix: str
) -> None:
    codec = ("-c:a", "mp2") if suffix == "ts" else ("-c:a", "mp3")
    clip = make_clip(f"once.{suffix}", *SINE, *counter(50), *X264, "-bf", 0, *codec, "-t", 2)
    once = clip.read_bytes()
    twice = tmp_path / f"twice.{suffix}"
    twice.write_bytes(once + (once if suffix == "ts" else once[13:]))
    for ending in (".mp4", ".mkv"):
        assert len(pictures(annotated(twice, tmp_path, suffix=ending))) >= 50
        (tmp_path / "made.fervid").rename(tmp_path / f"made{ending}")


def test_time_stamps_that_wrap_are_no_obstacle(make_clip: MakeClip, tmp_path: Path) -> None:
    offset = ("-output_ts_offset", 95_443, "-muxdelay", 0)  # 0.7 s before 33 bits are full
    clip = make_clip("wraps.ts", *SINE, *counter(50), *X264, "-c:a", "mp2", "-t", 2, *offset)
    times = frame_times(annotated(clip, tmp_path))
    assert len(times) == 50
    assert float(times[-1] - times[0]) == pytest.approx(49 / 25)
    assert 0 <= times[0] < 0.1


def test_the_last_frame_of_a_variable_rate_lies_within_the_length(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    late = "setpts='(N+if(eq(N,29),20,0))/12/TB'"
    clip = make_clip("late_last.mkv", *counter(30, rate=12, extra=late), *X264, "-bf", 2)
    out = annotated(clip, tmp_path)
    with av.open(str(out)) as container:
        assert container.duration is not None
        assert container.duration / 1e6 > frame_times(out)[-1] == pytest.approx(49 / 12, abs=1e-3)
