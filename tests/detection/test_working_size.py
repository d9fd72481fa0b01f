"""The working size that is chosen for a recording, on made clips of real people."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import fervid
from fervid.detection.working_size import choose, sizes_for
from fervid.records import Detections
from fervid.video.executable import find_ffmpeg
from fervid.video.reader import VideoReader

CALL = Path(__file__).parents[2] / "sample_media/video_call.mp4"


def in_full_hd(path: Path, height: int, *options: str) -> Path:
    """Three seconds of the call, so high, in the middle of a gray picture of 1920 x 1080."""
    chain = f"scale=-2:{height},pad=1920:1080:(ow-iw)/2:(oh-ih)/2:gray"
    command = [find_ffmpeg(), "-v", "error", "-y", "-t", "3", "-i", str(CALL), "-an", "-vf", chain]
    subprocess.run([*command, "-preset", "veryfast", *options, str(path)], check=True)
    return path


@pytest.mark.slow
def test_small_faces_are_found_without_being_asked_for(tmp_path: Path) -> None:
    clip = in_full_hd(tmp_path / "far.mp4", 180)  # faces are 35 px high: 12 at 640
    found = fervid.analyze(clip, fps=2)
    assert found.meta["settings"]["working_size"] == 1280
    at = found.meta["tracking"]["faces_at_working_sizes"]
    assert at["640"] == 0 < 0.9 * at["1920"] <= at["1280"]
    assert len(found.people) == 4
    assert not len(fervid.analyze(clip, fps=2, working_size=640).people)


@pytest.mark.slow
def test_large_faces_are_searched_at_the_usual_size(tmp_path: Path) -> None:
    found = fervid.analyze(in_full_hd(tmp_path / "near.mp4", 1080), fps=2)
    assert found.meta["settings"]["working_size"] == 640
    at = found.meta["tracking"]["faces_at_working_sizes"]
    assert at["640"] >= 0.9 * at["1920"] > 0
    assert len(found.people) == 4


def test_the_part_that_is_read_decides(tmp_path: Path) -> None:
    clip = in_full_hd(tmp_path / "far.mp4", 180, "-g", "5")
    with VideoReader(clip, working_size=640, start=1.0, end=1.5) as reader:
        glimpses = reader.glimpses(4)
    assert glimpses.shape == (4, 360, 640)
    with VideoReader(clip, working_size=640) as reader:
        assert reader.glimpses(4).std(axis=(1, 2)).min() > 0


@pytest.mark.slow
def test_what_cannot_be_entered_gives_no_glimpses(tmp_path: Path) -> None:
    raw = in_full_hd(tmp_path / "far.h264", 180, "-f", "h264")
    with VideoReader(raw) as reader:
        assert reader.glimpses(4).shape[1:] == reader.shape
    found = fervid.analyze(raw, fps=2)
    assert found.meta["settings"]["working_size"] in (640, 1280, 1920)


def faces(heights: list[float], frame: int = 0) -> Detections:
    """Faces of these heights beside each other."""
    boxes = [[200.0 * place, 100.0, 0.8 * tall, tall] for place, tall in enumerate(heights)]
    count = len(heights)
    return Detections(
        np.full(count, frame, np.int32),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(count, np.float32),
        np.zeros((count, 3, 2), np.float32),
    )


@pytest.mark.parametrize(
    ("found", "size"),
    [
        ({640: 8, 1280: 8, 1920: 8}, 640),
        ({640: 8, 1280: 9, 1920: 10}, 640),  # two more may be chance
        ({640: 4, 1280: 9, 1920: 9}, 1280),
        ({640: 0, 1280: 4, 1920: 9}, 1920),
    ],
)
def test_the_smallest_size_that_finds_them(found: dict[int, int], size: int) -> None:
    chosen, _ = choose([640, 1280, 1920], 1920, lambda each: faces([40.0] * found[each]))
    assert chosen == size


def test_no_size_at_which_a_face_is_too_large() -> None:
    asked = []

    def find(size: int) -> Detections:
        asked.append(size)
        return faces([900.0] if size == 640 else [900.0, 30.0, 30.0, 30.0, 30.0])

    assert choose([640, 1280, 1920], 1920, find) == (640, {"640": 1})
    assert asked == [640]


def test_recordings_are_not_enlarged() -> None:
    assert [sizes_for(side) for side in (320, 640, 799, 800, 1280, 1920, 3840)] == [
        [640], [640], [640], [640, 1280], [640, 1280], [640, 1280, 1920], [640, 1280, 1920]
    ]  # fmt: skip


@pytest.mark.slow
def test_a_warning_where_faces_are_too_short_to_be_read(tmp_path: Path) -> None:
    clip = in_full_hd(tmp_path / "far.mp4", 240)  # faces are 53 px high: 18 at 640
    found = fervid.analyze(clip, fps=2, working_size=640)
    assert len(found.people) == 4
    assert any("shorter than 24 pixels" in line for line in found.meta["warnings"])
