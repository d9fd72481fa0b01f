"""The benchmarks measure what is there."""

from pathlib import Path

import pytest

from benchmarks.live import for_streaming, measured
from benchmarks.stages import profile
from tests.conftest import SAMPLES
from tests.helpers.clips import MakeClip
from tests.helpers.streams import free_port

pytestmark = pytest.mark.slow


def test_delays_of_a_live_stream_are_measured(make_clip: MakeClip, tmp_path: Path) -> None:
    source = SAMPLES / "expressions.mp4"
    clip = for_streaming(
        make_clip("three.mp4", "-t", 3, "-i", source, "-c", "copy"), tmp_path / "x.ts"
    )
    figures = measured(clip, tmp_path, 3, f"udp://127.0.0.1:{free_port()}")
    assert figures["frames matched with what was sent, %"] == 100
    late, inside = (figures[f"latency from the {end}, ms"] for end in ("sender", "decoder"))
    assert 0 < inside["median"] < late["median"] < 2000


def test_every_stage_of_an_analysis_is_timed(make_clip: MakeClip, tmp_path: Path) -> None:
    source = SAMPLES / "expressions.mp4"
    clip = make_clip("stages.mp4", "-t", 1, "-i", source, "-c", "copy")
    stages = profile(clip, tmp_path / "r.fervid")
    busy = stages.busy()
    assert all(seconds > 0 for seconds in busy.values()), busy
    assert stages.wall_s > busy["report"]
