"""Which frames are sampled, and what asks for none."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fervid.video.reader import VideoReader
from fervid.video.sampling import Sampler, Sampling
from tests.helpers.clips import X264, MakeClip, counter, drawn_numbers, read


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
    whole, reader = read(path, square=True)
    assert whole.images.shape[1:] == reader.shape
    assert whole.time_s.tolist() == [n / 25 for n in range(50)]
    assert read(path, fps=5, square=True)[0].index.tolist() == list(range(0, 50, 5))


def test_range_without_frames_is_told(constant_clip: Path) -> None:
    frames, reader = read(constant_clip, start=60)
    assert len(frames) == 0
    assert reader.warnings == ["there is no frame in the chosen time range"]
    assert reader.expected_frames == 0


@pytest.mark.parametrize(
    "options",
    [{"fps": 0}, {"fps": math.nan}, {"start": -1}, {"start": 2, "end": 1}, {"batch_size": 0}],
)
def test_arguments_out_of_range(constant_clip: Path, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        VideoReader(constant_clip, **options)
