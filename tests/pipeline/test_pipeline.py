from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import fervid
from fervid.errors import FervidError, MediaError, ResultError
from fervid.pipeline import Analyzer, Progress
from fervid.settings import Settings

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "sample_media"


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(Settings(working_size=96, batch_size=8))


def test_one_call_gives_tables_and_keeps_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clip = SAMPLES / "expressions.mp4"
    timeline = fervid.analyze(str(clip), fps=2, end=3.0)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(timeline.frames, pd.DataFrame)
    np.testing.assert_allclose(timeline.frames["timestamp"], np.arange(6) / 2, atol=1e-6)
    assert timeline.summary[["recording", "frames"]].values.tolist() == [["expressions.mp4", 6]]
    assert timeline.people["face_id"].tolist() == [1]
    assert set(timeline.episodes["face_id"]) <= {1}
    assert timeline.meta["recording"]["name"] == "expressions.mp4"
    assert timeline.meta["recording"]["beside"] is None


def test_a_clip_without_faces_has_a_row_a_frame(
    analyzer: Analyzer, variable_clip: Path, tmp_path: Path
) -> None:
    """Frame N of the clip is shown at N * N + 10 * N ms: not a constant rate."""
    analyzer.analyze(variable_clip, tmp_path / "r.fervid")
    frames = pd.read_csv(tmp_path / "r.fervid" / "frames.csv")
    number = np.arange(40)
    assert frames["frame"].tolist() == number.tolist()
    np.testing.assert_allclose(frames["timestamp"], (number**2 + 10 * number) / 1000, atol=1e-6)
    assert (frames["success"] == 0).all()
    assert frames["emotion"].isna().all()
    assert (tmp_path / "r.fervid" / "report.html").stat().st_size > 1000


def test_progress_counts_every_frame(
    analyzer: Analyzer, constant_clip: Path, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    analyzer.analyze(constant_clip, tmp_path / "r.fervid", progress=seen.append)
    assert [p.frames for p in seen] == [40, 50]  # a call of eight searches, five a second
    assert {p.expected for p in seen} == {50}


def test_an_interrupted_analysis_leaves_nothing(
    analyzer: Analyzer, constant_clip: Path, tmp_path: Path
) -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(KeyboardInterrupt):
        analyzer.analyze(constant_clip, tmp_path / "r.fervid", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_refusals_leave_nothing(analyzer: Analyzer, constant_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html></html>")
    with pytest.raises(MediaError):
        analyzer.analyze(tmp_path / "page.html", tmp_path / "r.fervid")
    late = Analyzer(Settings(start=100.0, working_size=96, batch_size=8))
    with pytest.raises(FervidError, match="no frame"):
        late.analyze(constant_clip, tmp_path / "r.fervid")
    with pytest.raises(ResultError):
        analyzer.analyze(constant_clip, tmp_path / "page.html" / "r.fervid")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"min_face": -1.0}, "min_face must be"), ({"min_face": float("nan")}, "min_face must be")],
)
def test_settings_out_of_range_are_refused(choice: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**choice)


def test_small_faces_can_be_left_out() -> None:
    clip = SAMPLES / "two_speakers.mp4"
    every = fervid.analyze(clip, end=0.25).frames
    assert (every["success"] == 1).all()
    # The working frame is as large as the recording.
    middle = float(every["face_h"].median())
    tall = fervid.analyze(clip, end=0.25, min_face=middle).frames
    expected = every.loc[every["face_h"] >= middle, "face_h"]
    assert 0 < len(expected) < len(every)
    assert tall.loc[tall["success"] == 1, "face_h"].tolist() == expected.tolist()


def test_two_runs_write_the_same_table(
    analyzer: Analyzer, constant_clip: Path, tmp_path: Path
) -> None:
    tables = []
    for name in ("a", "b"):
        analyzer.analyze(constant_clip, tmp_path / f"{name}.fervid")
        tables.append((tmp_path / f"{name}.fervid" / "frames.csv").read_bytes())
    assert tables[0] == tables[1]


def test_memory_does_not_grow_with_length(
    analyzer: Analyzer, long_clip: Path, tmp_path: Path
) -> None:
    process = psutil.Process()
    held: list[int] = []
    analyzer.analyze(
        long_clip, tmp_path / "r.fervid", progress=lambda _: held.append(process.memory_info().rss)
    )
    third = len(held) // 3
    assert max(held[-third:]) - max(held[third : 2 * third]) < 20e6


# Frames, and how many faces a person sees in each: counted by eye; (first frame, end, faces).
SEEN = {
    "one_man_sad_to_happy.mp4": (472, [(0, 472, 1)]),
    "two_people_turning.gif": (56, [(0, 56, 2)]),
    "three_people_walking.gif": (41, [(0, 41, 3)]),
    "phone_vfr_face_then_none.mov": (169, [(0, 70, 1), (75, 169, 0)]),
}


def test_real_recordings_keep_every_frame_and_most_faces(real_clips: Path, tmp_path: Path) -> None:
    analyzer = Analyzer(Settings())
    found = seen = 0
    for name, (count, stretches) in SEEN.items():
        analyzer.analyze(real_clips / name, tmp_path / f"{name}.fervid")
        frames = pd.read_csv(tmp_path / f"{name}.fervid" / "frames.csv")
        faces = frames.groupby("frame")["success"].sum()
        assert faces.index.tolist() == list(range(count)), name
        assert frames.groupby("frame")["timestamp"].first().is_monotonic_increasing
        for first, end, people in stretches:
            found += int(faces[first:end].clip(upper=people).sum())
            seen += people * (end - first)
            extra = (faces[first:end] - people).clip(lower=0).sum()
            assert extra <= 0.02 * (end - first), name
    assert found >= 0.9 * seen
