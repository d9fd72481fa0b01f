"""Cuts on clips that were joined at known frames, and none where light or heads move."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch
from fervid.tracking.cuts import CutFinder
from fervid.tracking.frame_faces import Changes, FrameFaces
from fervid.video.reader import VideoReader

SAMPLES = Path(__file__).parents[2] / "sample_media"


def frames_of(name: str, start: float, end: float) -> NDArray[np.uint8]:
    """(T, 90, 120) luma of a part of a sample clip."""
    with VideoReader(SAMPLES / name, start=start, end=end, batch_size=64) as reader:
        images = np.concatenate([batch.images for batch in reader])
    return np.ascontiguousarray(images[:, ::4, :: images.shape[2] // 119][:, :90, :119])


@pytest.fixture(scope="module")
def shots() -> list[NDArray[np.uint8]]:
    parts = [("two_speakers.mp4", 0), ("expressions.mp4", 2), ("two_speakers.mp4", 8)]
    return [frames_of(name, start, start + 2.0) for name, start in parts]


def found(images: NDArray[np.uint8], size: int = 7) -> list[int]:
    """Frames at which shots begin."""

    def searched() -> Iterator[FrameFaces]:
        changes = Changes()
        for first in range(0, len(images), size):
            part = images[first : first + size]
            index = np.arange(first, first + len(part))
            batch = FrameBatch(part, index, index / 25.0)
            yield FrameFaces.of(batch, Detections.empty(), (119, 90), changes.of(batch))

    finder = CutFinder()
    followed = list(finder.follow(searched()))
    came = np.concatenate([seen.batch.index for seen, _ in followed])
    assert came.tolist() == [*range(len(images))]
    first = np.flatnonzero(np.concatenate([cuts for _, cuts in followed]))
    np.testing.assert_allclose(finder.times_s, first / 25.0)
    return first.tolist()


@pytest.mark.parametrize("size", [1, 2, 7, 500])
def test_cuts_are_where_clips_were_joined(shots: list[NDArray[np.uint8]], size: int) -> None:
    lengths = np.cumsum([len(shot) for shot in shots])
    assert found(np.concatenate(shots), size) == lengths[:-1].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two_speakers.mp4", "expressions.mp4"])
@pytest.mark.parametrize("every", [1, 2, 4, 6, 12])
def test_one_long_shot_has_no_cut_however_few_frames_are_sampled(name: str, every: int) -> None:
    assert found(frames_of(name, 0.0, 30.0)[::every]) == []


@pytest.mark.parametrize("every", [2, 4])
def test_cuts_are_found_among_a_few_frames_a_second(
    shots: list[NDArray[np.uint8]], every: int
) -> None:
    sampled = [shot[::every] for shot in shots]
    lengths = np.cumsum([len(shot) for shot in sampled])
    assert found(np.concatenate(sampled)) == lengths[:-1].tolist()


@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_a_flash_is_no_cut(shots: list[NDArray[np.uint8]], length: int) -> None:
    bright = shots[0].copy()
    lit = bright[9 : 9 + length].astype(np.int64) * 3 // 2 + 40
    bright[9 : 9 + length] = np.minimum(lit, 255).astype(np.uint8)
    assert found(bright) == []


def test_a_slow_fade_is_no_cut(shots: list[NDArray[np.uint8]]) -> None:
    light = np.linspace(1, 0.05, len(shots[0]))[:, None, None]
    assert found((shots[0] * light).astype(np.uint8)) == []


def test_a_black_recording_has_no_cut() -> None:
    assert found(np.zeros((20, 90, 119), np.uint8)) == []
