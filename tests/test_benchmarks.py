"""The benchmarks measure what is there."""

from pathlib import Path

from benchmarks.stages import profile
from tests.clips import MakeClip
from tests.conftest import SAMPLES


def test_every_stage_of_an_analysis_is_timed(make_clip: MakeClip, tmp_path: Path) -> None:
    source = SAMPLES / "expressions.mp4"
    clip = make_clip("second.mp4", "-t", 1, "-i", source, "-c", "copy")
    stages = profile(clip, tmp_path / "r.fervid")
    busy = stages.busy()
    assert all(seconds > 0 for seconds in busy.values()), busy
    assert stages.wall_s > busy["report"]
