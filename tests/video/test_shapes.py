"""A picture that changes its size or shape on the way: each part is seen by its own shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from fervid.explanations.moments import moment
from fervid.exports import export
from fervid.pipeline import Analyzer
from fervid.results.files import read_frames, read_meta
from fervid.settings import Settings
from fervid.video.shapes import ShapeChangesError
from tests.helpers.clips import MakeClip, read

PORTRAIT = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"
VP8 = ("-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime", "-pix_fmt", "yuv420p")
Join = Callable[..., Path]


def box(size: str) -> list[str]:
    """Twelve frames, white but for a black square of 16 pixels at (16, 16)."""
    drawn = f"color=white:s={size}:r=25,drawbox=x=16:y=16:w=16:h=16:color=black:t=fill"
    return ["-f", "lavfi", "-i", drawn, "-frames:v", "12"]


def face(size: str) -> list[object]:
    width, height = size.split("x")
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}"
    return ["-loop", 1, "-r", 25, "-i", PORTRAIT, "-vf", fit, "-frames:v", 12]


@pytest.fixture
def join(make_clip: MakeClip, run_ffmpeg: Callable[..., None], tmp_path: Path) -> Join:
    """Clips behind each other as they are, without coding them again."""

    def joined(name: str, *parts: Path) -> Path:
        names = tmp_path / "parts.txt"
        names.write_text("".join(f"file '{part}'\n" for part in parts))
        run_ffmpeg("-f", "concat", "-safe", 0, "-i", names, "-c", "copy", tmp_path / name)
        return tmp_path / name

    return joined


def dark(image: np.ndarray) -> tuple[int, int]:
    """Width and height of what is dark in the upper left, which the canvas's rest is not."""
    rows, columns = np.nonzero(image[:34, :34] < 100)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_a_square_stays_square(make_clip: MakeClip, join: Join) -> None:
    wide = make_clip("wide.webm", *box("160x96"), *VP8)
    high = make_clip("high.webm", *box("96x160"), *VP8)
    path = join("turned.webm", wide, high)
    with pytest.raises(ShapeChangesError):
        read(path)
    frames, reader = read(path, working_size=160, square=True)
    assert frames.images.shape == (24, 160, 160)
    for image in frames.images:
        width, height = dark(image)
        assert (abs(width - 16) <= 1) & (abs(height - 16) <= 1)
    sizes = [(one.first, one.start_s, one.width, one.height) for one in reader.parts]
    assert sizes == [(0, 0.0, 160, 96), (12, pytest.approx(0.48, abs=0.002), 96, 160)]
    assert len(reader.warnings) == 1
    assert "160x96 from 0.00 s, 96x160 from 0.48 s" in reader.warnings[0]
    rest = frames.images[0, 100:]
    assert rest.max() < 20


def test_smaller_pictures_of_the_same_shape_need_no_other_canvas(
    make_clip: MakeClip, join: Join
) -> None:
    large = make_clip("large.webm", *box("160x96"), *VP8)
    small = make_clip("small.webm", *box("80x48"), *VP8)
    frames, reader = read(join("smaller.webm", large, small))
    assert frames.images.shape == (24, 96, 160)
    assert [one.used for one in reader.parts] == [(160, 96), (80, 48)]
    with pytest.raises(ShapeChangesError):
        read(join("larger.webm", small, large))


def test_a_frame_that_cannot_be_deinterlaced_is_told(make_clip: MakeClip, join: Join) -> None:
    sizes = ("160x96", "80x48", "160x96")
    clips = [make_clip(f"part{size}.webm", *box(size), *VP8) for size in sizes]
    frames, reader = read(join("fields.webm", *clips), deinterlace="on")
    assert frames.index.tolist() == [n for n in range(36) if n not in (11, 23)]
    assert "the frame before each change is left out" in reader.warnings[0]


def test_a_turned_camera_is_another_shape(
    make_clip: MakeClip, run_ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    codec = ("-c:v", "libx264", "-qp", 4, "-bf", 0, "-pix_fmt", "yuv420p")
    upright = make_clip("upright.h264", *box("160x96"), *codec)
    turned = make_clip(
        *("turned.h264", "-i", upright, "-c", "copy"),
        *("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90"),
    )
    (tmp_path / "both.h264").write_bytes(upright.read_bytes() + turned.read_bytes())
    path = tmp_path / "both.mkv"
    run_ffmpeg("-fflags", "+genpts", "-r", 25, "-i", tmp_path / "both.h264", "-c", "copy", path)
    frames, reader = read(path, square=True, working_size=160)
    assert [(one.width, one.height) for one in reader.parts] == [(160, 96), (96, 160)]
    first, last = frames.images[0], frames.images[-1]
    np.testing.assert_allclose(np.rot90(first[:96, :160]), last[:160, :96], atol=8)


MPEG2 = ("-c:v", "mpeg2video", "-g", 6, "-bf", 0)
X264_SHORT = ("-c:v", "libx264", "-g", 4, "-bf", 0, "-pix_fmt", "yuv420p")
X265_SHORT = ("-c:v", "libx265", "-x265-params", "keyint=4:log-level=none", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize(
    ("raw", "codec", "suffix"),
    [
        *(("m2v", MPEG2, suffix) for suffix in ("m2v", "ts", "mpg", "mkv", "mov")),
        *(("h264", X264_SHORT, suffix) for suffix in ("h264", "ts", "mkv")),
        ("hevc", X265_SHORT, "hevc"),
    ],
)
def test_a_change_of_the_pixel_aspect_alone_is_said(
    make_clip: MakeClip,
    run_ffmpeg: Callable[..., None],
    tmp_path: Path,
    raw: str,
    codec: tuple[object, ...],
    suffix: str,
) -> None:
    """As television switches between 4:3 and 16:9; ffmpeg itself reports the first one only."""
    old, new = (
        make_clip(f"aspect{number}.{raw}", *box("160x96"), *codec, "-aspect", shape)
        for number, shape in enumerate(("4/3", "16/9"))
    )
    path = tmp_path / f"switched.{suffix}"
    for parts, is_said in (((old, new), True), ((new, new), False)):
        both = tmp_path / f"both.{raw}"
        both.write_bytes(b"".join(part.read_bytes() for part in parts))
        if suffix == raw:
            path = both
        else:
            run_ffmpeg("-fflags", "+genpts", "-r", 25, "-i", both, "-c", "copy", path)
        _, reader = read(path)
        lines = [line for line in reader.warnings if "shape changes from 4:3 to 16:9" in line]
        assert len(lines) == is_said
        if is_said and suffix in ("ts", "mkv"):
            assert " at 0.5 s; " in lines[0]  # the second half begins after twelve frames


def analyzed(path: Path, folder: Path) -> tuple[pd.DataFrame, dict]:  # type: ignore[type-arg]
    Analyzer(Settings(working_size=320, detect_every=1)).analyze(path, folder)
    return pd.concat(read_frames(folder)), read_meta(folder)


@pytest.mark.slow
def test_faces_are_found_in_every_part_in_its_own_pixels(
    make_clip: MakeClip, join: Join, tmp_path: Path
) -> None:
    clips = [make_clip(f"face{size}.webm", *face(size), *VP8) for size in ("320x180", "180x320")]
    alone = [analyzed(clip, tmp_path / f"{clip.stem}.fervid")[0] for clip in clips]
    path = join("phone.webm", *clips)
    frames, meta = analyzed(path, tmp_path / "phone.fervid")
    assert [one["width"] for one in meta["recording"]["sizes"]] == [320, 180]
    assert any("changes its size or shape" in line for line in meta["warnings"])
    assert frames["success"].tolist() == [1] * 24
    both = pd.concat(alone)
    columns = ["face_x", "face_y", "face_w", "face_h"]
    np.testing.assert_allclose(frames[columns], both[columns], atol=4)

    (out,) = export(tmp_path / "phone.fervid", "video", tmp_path / "out.mp4", recording=path)
    with av.open(str(out)) as container:
        last = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][-1]
    assert last.shape == (180, 320)
    assert last[:, :90].mean() < 30 < last[:, 120:200].mean()
    batch, displayed = moment(path, 0.8, Settings(working_size=320))
    assert (displayed, batch.images.shape[1:]) == ((180, 320), (320, 180))
