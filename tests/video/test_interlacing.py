"""Interlaced recordings are seen as whole pictures, at the times of their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fervid.pipeline import Analyzer
from fervid.results.files import read_meta
from fervid.settings import Settings
from tests.helpers.clips import MakeClip, read

# A black bar goes to the right by 16 pixels a field over a field of gray.
MOVING = (
    "color=gray:s={size}:r=50:d=1.2,geq=lum='if(between(X,40+8*N,120+8*N),40,180)':cb=128:cr=128"
)
TFF, BFF = "interlace=scan=tff:lowpass=off", "interlace=scan=bff:lowpass=off"
H264 = ("-c:v", "libx264", "-qp", 12, "-pix_fmt", "yuv420p", "-bf", 2)
FIELDS = ("-flags", "+ilme+ildct", "-x264opts")


def moving(size: str, *filters: str) -> list[str]:
    return ["-f", "lavfi", "-i", ",".join((MOVING.format(size=size), *filters))]


def combs(frames: np.ndarray) -> float:
    """How much lines differ from the mean of both neighbours, in the worst frame."""
    images = frames.astype(np.float32)
    between = np.abs(images[:, 1:-1] - (images[:, :-2] + images[:, 2:]) / 2)
    return float(between.mean(axis=(1, 2))[2:-2].max())


CLIPS = {
    "mts": ("fields.mts", [*moving("320x180", TFF), *H264, *FIELDS, "tff=1"]),
    "bff": ("bottom.mkv", [*moving("320x180", BFF), *H264, *FIELDS, "bff=1"]),
    "dv": ("camera.dv", [*moving("720x576", BFF, "setsar=16/15"), "-c:v", "dvvideo"]),
    "wrong order": (
        "wrong.mts",
        [*moving("320x180", TFF, "setfield=bff"), *H264, *FIELDS, "bff=1"],
    ),
    "unmarked hd": (
        "capture.mkv",
        [*moving("320x1080", BFF, "setfield=prog"), *H264, "-preset", "ultrafast"],
    ),
    "unmarked": ("capture.mp4", [*moving("640x480", TFF, "setfield=prog"), *H264]),
}


@pytest.mark.parametrize("which", CLIPS)
def test_interlaced_frames_become_whole_pictures(make_clip: MakeClip, which: str) -> None:
    name, args = CLIPS[which]
    path = make_clip(name, *args)
    combed, _ = read(path, working_size=1080, deinterlace="off")
    frames, reader = read(path, working_size=1080)
    assert reader.is_deinterlaced
    assert combs(combed.images) > 1.5
    assert combs(frames.images) < combs(combed.images) / 4
    assert frames.index.tolist() == combed.index.tolist()
    assert frames.time_s.tolist() == combed.time_s.tolist()
    assert reader.warnings == []


@pytest.mark.parametrize("which", ["mts", "wrong order"])
def test_frames_are_those_of_the_first_field(make_clip: MakeClip, which: str) -> None:
    name, args = CLIPS[which]
    frames, _ = read(make_clip(name, *args))
    truth, _ = read(make_clip("every_field.mp4", *moving("320x180"), *H264))
    even = truth.images[::2][: len(frames)].astype(float)
    assert np.abs(frames.images[4:-2] - even[4 : len(frames) - 2]).mean() < 2.0


def test_sampled_frames_keep_their_times(make_clip: MakeClip) -> None:
    name, args = CLIPS["mts"]
    path = make_clip(name, *args)
    whole, part = read(path)[0], read(path, fps=5)[0]
    assert part.index.tolist() == [0, 5, 10, 15, 20, 25]
    assert part.time_s.tolist() == whole.time_s[part.index].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("psf.mts", [*moving("320x180", "fps=25"), *H264, *FIELDS, "tff=1"]),
        ("plain.mp4", [*moving("640x480", "fps=25"), *H264]),
        ("small.mp4", [*moving("320x180", "fps=25"), *H264]),
        ("hd.mp4", [*moving("320x1080", "fps=25"), *H264, "-preset", "ultrafast"]),
    ],
)
def test_whole_pictures_are_left_as_they_are(
    make_clip: MakeClip, name: str, args: list[str]
) -> None:
    path = make_clip(name, *args)
    frames, reader = read(path, working_size=1024)
    assert not reader.is_deinterlaced
    assert read(path, deinterlace="on")[1].is_deinterlaced
    np.testing.assert_array_equal(
        frames.images, read(path, working_size=1024, deinterlace="off")[0].images
    )


@pytest.mark.slow
def test_the_result_says_so(make_clip: MakeClip, tmp_path: Path) -> None:
    name, args = CLIPS["mts"]
    path = make_clip(name, *args)
    for choice, done in (("auto", True), ("off", False)):
        folder = tmp_path / f"{choice}.fervid"
        Analyzer(Settings(working_size=96, deinterlace=choice)).analyze(path, folder)  # type: ignore[arg-type]
        assert read_meta(folder)["recording"]["deinterlaced"] is done
