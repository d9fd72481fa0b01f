"""The result of a damaged recording says so everywhere, and its lost frames are in no number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.explanations.numbering import rows_at
from fervid.exports import export
from fervid.exports.sampled_frames import SampledFrames
from fervid.report import partial_line
from fervid.report.binning import bin_frames
from fervid.timeline import Timeline
from tests.conftest import CLIPS, SAMPLES

pytestmark = pytest.mark.slow

FRAME_S = 1 / 12


def spoilt(folder: Path) -> Path:
    """`two_speakers.mp4` with garbage in the middle."""
    data = bytearray((SAMPLES / "two_speakers.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = np.random.default_rng(1).bytes(60_000)
    path = folder / "spoilt.mp4"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The result of a damaged recording, and what the command said."""
    folder = tmp_path_factory.mktemp("partial")
    done = CliRunner().invoke(main, ["analyze", str(spoilt(folder)), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder / "spoilt.mp4.fervid", done


@pytest.fixture(scope="module")
def folder(run: tuple[Path, Result]) -> Path:
    return run[0]


@pytest.fixture(scope="module")
def frames(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "frames.csv")


def test_each_frame_of_the_intact_recording_has_its_row(frames: pd.DataFrame) -> None:
    truth = pd.read_csv(SAMPLES / "two_speakers.truth.csv")["time_s"].unique()
    times = frames["timestamp"].unique()
    np.testing.assert_allclose(times, truth, atol=FRAME_S / 2)
    lost = frames[frames["status"] == "lost"]
    assert len(lost) > 5
    assert (lost["success"] == 0).all()
    assert lost.drop(columns=["frame", "timestamp", "success", "status"]).isna().all(axis=None)
    assert frames["frame"].is_monotonic_increasing
    assert frames["frame"].unique().tolist() == list(range(frames["frame"].nunique()))
    assert set(frames["status"]) == {"ok", "lost"}


def test_meta_and_summary_count_them_apart(folder: Path, frames: pd.DataFrame) -> None:
    lost = frames[frames["status"] == "lost"]
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["status"] == "partial"
    assert meta["damage"]["lost_frames"] == len(lost)
    assert meta["damage"]["first_bad_s"] == pytest.approx(lost["timestamp"].iloc[0])
    assert sum(one["lost_frames"] for one in meta["damage"]["stretches"]) == len(lost)
    summary = pd.read_csv(folder / "summary.csv").iloc[0]
    assert summary["lost_frames"] == len(lost)
    decoded = frames[frames["status"] == "ok"]
    assert summary["frames"] == decoded["frame"].nunique() == meta["detection"]["frames"]
    assert summary["detection_rate"] == 1.0  # somebody is seen in every frame that came


def test_nothing_is_held_over_a_loss(folder: Path, frames: pd.DataFrame) -> None:
    lost = frames.loc[frames["status"] == "lost", "timestamp"]
    assert lost.max() - lost.min() > 1.0
    assert frames["duration"].max() <= 1.0
    episodes = pd.read_csv(folder / "episodes.csv")
    over = (episodes["onset"] < lost.min()) & (episodes["offset"] > lost.max())
    assert not over.any()
    numbers = frames.drop_duplicates("timestamp").set_index("timestamp")["frame"]
    for row in episodes.itertuples():
        assert numbers[row.onset] == pytest.approx(row.first_frame, abs=1)  # type: ignore[arg-type]


def test_the_last_lines_and_the_head_of_the_report_say_it(
    run: tuple[Path, Result], frames: pd.DataFrame
) -> None:
    folder, done = run
    line = partial_line(json.loads((folder / "meta.json").read_text()))
    lost = frames[frames["status"] == "lost"]
    first = f"0:00:{int(lost['timestamp'].min()):02}"
    assert line == f"partial: {len(lost)} frames could not be decoded, the first at {first}"
    assert done.output.splitlines()[-2] == line
    page = (folder / "report.html").read_text()
    head = page[page.index("<header>") : page.index("</header>")]
    assert line[1:] in head


def test_the_figure_has_a_gap(folder: Path, frames: pd.DataFrame) -> None:
    lost = frames.loc[frames["status"] == "lost", "timestamp"]
    timeline = Timeline.read(folder)
    binned = bin_frames([timeline.frames[:200], timeline.frames[200:]], lanes=[1, 2])
    inside = (binned.edges[:-1] > lost.min() - 1e-3) & (binned.edges[:-1] < lost.max() + 1e-3)
    assert inside.sum() == len(lost)
    assert (binned.faces[:, inside] == 0).all()
    assert np.isnan(binned.faces_a_frame[0, inside]).all()
    assert (binned.faces_a_frame[0, ~inside] >= 1).all()
    for lane in (0, 1, 2):
        start, end = binned.seen(lane).T
        assert not ((start < lost.max()) & (end > lost.min() + FRAME_S / 2)).any()


def test_exports_keep_the_lost_rows(folder: Path, frames: pd.DataFrame, tmp_path: Path) -> None:
    is_lost = frames["status"] == "lost"
    openface = pd.read_csv(export(folder, "openface", tmp_path)[0])
    assert openface["frame"].tolist() == (frames["frame"] + 1).tolist()
    assert (openface.loc[is_lost, ["success", "confidence", "face_id"]] == 0).all(axis=None)
    pyfeat = pd.read_csv(export(folder, "pyfeat", tmp_path)[0])
    assert pyfeat.loc[is_lost, ["FaceRectX", "happiness", "Identity"]].isna().all(axis=None)
    export(folder, "parquet", tmp_path)
    parquet = pd.read_parquet(tmp_path / "frames.parquet")
    assert parquet["status"].tolist() == frames["status"].tolist()
    rows = json.loads(export(folder, "json", tmp_path)[0].read_text())["frames"]
    assert [row["status"] for row in rows] == frames["status"].tolist()
    for to in ("elan", "boris", "datavyu", "webvtt", "srt"):
        assert export(folder, to, tmp_path)


def test_nothing_is_drawn_where_frames_were_lost(folder: Path, frames: pd.DataFrame) -> None:
    faces = SampledFrames(folder)
    for time_s in frames["timestamp"].unique():
        shown = faces.at(float(time_s))
        if (frames.loc[frames["timestamp"] == time_s, "status"] == "lost").any():
            assert not shown
        else:
            assert shown


def test_what_is_shown_in_a_loss_is_the_frame_before(folder: Path, frames: pd.DataFrame) -> None:
    lost = frames.loc[frames["status"] == "lost", "timestamp"]
    before = frames.loc[frames["timestamp"] < lost.min(), "timestamp"].max()
    for at in (before, lost.min(), lost.max()):
        rows = rows_at(folder, float(at))
        assert rows["timestamp"].unique().tolist() == [before]
    clip, picture = folder.parent / "spoilt.mp4", folder.parent / "why.png"
    face = int(rows_at(folder, 15.0)["face_id"].iloc[0])
    command = ["explain", clip, "--at", 15, "--face", face, "--result", folder, "-o", picture]
    done = CliRunner().invoke(main, list(map(str, command)))
    assert done.exit_code == 0, done.output


def test_a_sampled_result_has_rows_at_sampled_places(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["analyze", str(spoilt(tmp_path)), "-o", str(tmp_path), "--fps", "4"]
    )
    frames = pd.read_csv(tmp_path / "spoilt.mp4.fervid" / "frames.csv")
    np.testing.assert_allclose(frames["timestamp"].unique(), np.arange(88) / 4, atol=0.2)
    assert 0 < (frames["status"] == "lost").sum() < 8
    assert "\npartial: " in done.output


@pytest.mark.parametrize(
    ("lost", "first_s", "line"),
    [
        (1, 63.2, "1 frame could not be decoded, the first at 0:01:03"),
        (1200, None, "1,200 frames could not be decoded"),
        (None, 9.0, "frames could not be decoded, the first at 0:00:09"),
        (None, None, "frames may be damaged or missing"),
        (0, None, "frames may be damaged"),
    ],
)
def test_the_line_fits_what_is_known(lost: int | None, first_s: float | None, line: str) -> None:
    damage = {"lost_frames": lost, "first_bad_s": first_s}
    assert partial_line({"status": "partial", "damage": damage}) == f"partial: {line}"


def test_a_whole_recording_is_not_called_partial(results: dict[str, Path]) -> None:
    for folder in (results[clip] for clip in CLIPS):
        meta = json.loads((folder / "meta.json").read_text())
        assert (meta["status"], meta["damage"]) == ("ok", None)
        assert 'class="partial"' not in (folder / "report.html").read_text()
        assert (pd.read_csv(folder / "frames.csv")["status"] == "ok").all()
