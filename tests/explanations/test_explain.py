"""`fervid explain`: the right moment, the right faces, a whole picture or one clear line."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.errors import MediaError, ResultError
from fervid.explanations.moments import moment
from fervid.explanations.numbering import rows_at
from fervid.explanations.panel import draw
from fervid.explanations.recordings import explain_recording
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS
from fervid.settings import Settings

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "sample_media"
SPEAKERS = SAMPLES / "two_speakers.mp4"


@pytest.fixture(autouse=True)
def no_results_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of the clip in the current folder would be used."""
    monkeypatch.chdir(tmp_path)


def command(*args: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, args)])


def refusal(*args: object) -> str:
    """What the command says when it refuses: one line."""
    done = command(*args)
    assert done.exit_code == 1, done.output
    assert done.output.startswith("fervid: ")
    assert done.output.count("\n") == 1
    return done.output


@pytest.mark.parametrize(
    ("at", "frame"), [(0.0, 0), (0.0109, 0), (0.011, 1), (0.74, 22), (1.9, 38)]
)
def test_the_frame_that_is_shown_then(variable_clip: Path, at: float, frame: int) -> None:
    """Frame N of this clip comes at N * N + 10 * N ms."""
    batch, displayed = moment(variable_clip, at, Settings())
    assert batch.index.tolist() == [frame]
    assert batch.time_s[0] == pytest.approx((frame**2 + 10 * frame) / 1000)
    assert displayed == (64, 48)


def test_times_copied_from_a_table_mean_their_frame() -> None:
    for frame in (1, 2, 100):
        batch, _ = moment(SPEAKERS, round(frame / 12, 6), Settings())
        assert batch.index.tolist() == [frame]


def test_faces_are_those_of_the_result(results: dict[str, Path]) -> None:
    folder = results["two_speakers"]
    table = pd.read_csv(folder / "frames.csv")
    for at, frame in ((5.0, 60), (13.2, 158), (17.3, 207)):
        found = explain_recording(SPEAKERS, at, result=folder)
        rows = table[(table["frame"] == frame) & (table["success"] == 1)]
        assert found.batch.index.tolist() == [frame]
        assert found.chosen.number.tolist() == rows["face_id"].tolist()
        boxes = rows[["face_x", "face_y", "face_w", "face_h"]].to_numpy()
        np.testing.assert_allclose(found.chosen.faces.xywh, boxes, atol=0.1)
        assert found.chosen.found.all()
        # Between searched frames, eyes and mouth lie where they were interpolated.
        np.testing.assert_allclose(found.maps.probs, rows[list(EXPRESSIONS)], atol=0.1)
        np.testing.assert_allclose(found.chosen.written, rows[list(EXPRESSIONS)])


def test_a_searched_frame_gets_the_very_probabilities_of_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "all.fervid"
    Analyzer(Settings(detect_every=1, end=1.0)).analyze(SPEAKERS, folder)
    found = explain_recording(SPEAKERS, 0.5, result=folder)
    np.testing.assert_allclose(found.maps.probs, found.chosen.written, atol=0.01)
    with pytest.raises(ResultError, match="outside the analysed part"):
        explain_recording(SPEAKERS, 3.0, result=folder)


def test_the_nearest_sampled_frame_counts(results: dict[str, Path], tmp_path: Path) -> None:
    table = pd.read_csv(results["two_speakers"] / "frames.csv", dtype=str)
    table[table["frame"].astype(int) % 4 == 0].to_csv(tmp_path / "frames.csv", index=False)

    def frame(at: float | None) -> int:
        rows = rows_at(tmp_path, at, length_s=1000.0)
        assert rows["frame"].nunique() == 1
        return int(rows["frame"].iloc[0])

    assert [frame(at) for at in (None, 0.0, 0.16, 0.17, 0.3333, 999.0)] == [0, 0, 0, 4, 4, 260]


def test_without_a_result_faces_go_from_left_to_right(tmp_path: Path) -> None:
    clip = tmp_path / SPEAKERS.name
    shutil.copy(SPEAKERS, clip)
    found = explain_recording(clip, 5.0, numbers=[2], expression="sad")
    assert found.result is None
    assert found.everyone.number.tolist() == [1, 2]
    left, right = found.everyone.faces.xywh[:, 0]
    assert left < right
    assert found.chosen.number.tolist() == [2]
    assert found.maps.expression.tolist() == [EXPRESSIONS.index("sad")]
    assert found.maps.probs[0].argmax() == EXPRESSIONS.index("surprise")


def test_a_result_beside_the_recording_is_used_unless_it_is_of_another(
    results: dict[str, Path], tmp_path: Path
) -> None:
    clip, folder = tmp_path / SPEAKERS.name, tmp_path / f"{SPEAKERS.name}.fervid"
    shutil.copy(SPEAKERS, clip)
    shutil.copytree(results["two_speakers"], folder)
    assert explain_recording(clip, 5.0).result == folder
    meta = json.loads((folder / "meta.json").read_text())
    meta["recording"]["size_bytes"] += 1
    (folder / "meta.json").write_text(json.dumps(meta))
    assert explain_recording(clip, 5.0).result is None
    with pytest.raises(ResultError, match="not the result of"):
        explain_recording(clip, 5.0, result=folder)


def test_a_face_that_only_the_table_knows_is_framed_by_its_box(
    results: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fervid.detection.detector import FaceDetector
    from fervid.records import Detections

    real = explain_recording(SPEAKERS, 5.0, result=results["two_speakers"])
    monkeypatch.setattr(FaceDetector, "detect", lambda *_: Detections.empty())
    found = explain_recording(SPEAKERS, 5.0, result=results["two_speakers"])
    assert not found.chosen.found.any()
    assert found.chosen.number.tolist() == real.chosen.number.tolist()
    off = np.abs(found.chosen.faces.points - real.chosen.faces.points).max(axis=(1, 2))
    assert (off < 0.1 * real.chosen.faces.xywh[:, 3]).all()


def test_the_command_writes_one_whole_picture(tmp_path: Path, monkeypatch: Any) -> None:
    name = "<b>\n\x1b[2J\udcff.jpg"
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "portrait.jpg", name)
    done = command(name)
    assert done.exit_code == 0, done.output
    assert done.output == "picture: <b>\\n\\x1b[2J\\udcff.jpg.png\n"
    (written,) = (path for path in tmp_path.iterdir() if path.suffix == ".png")
    picture = cv2.imdecode(np.fromfile(written, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 1000
    assert len(list(tmp_path.iterdir())) == 2
    before = written.read_bytes()
    assert "--overwrite" in refusal(name)
    assert written.read_bytes() == before
    done = command(name, "--expression", "sad", "--face", 1)
    assert done.exit_code == 0, done.output
    assert Path(f"{name}-face-1-sad.png").read_bytes() != before
    assert command(name, "--overwrite").exit_code == 0
    assert written.read_bytes() == before


def test_a_photo_is_explained_and_drawn() -> None:
    found = explain_recording(SAMPLES / "portrait.jpg")
    assert len(found.chosen) == 1
    assert found.maps.probs[0].argmax() == EXPRESSIONS.index("happy")
    picture = draw(found)
    # Orange and blue are there: grey values have three equal colours.
    red, blue = picture[..., 2].astype(int), picture[..., 0].astype(int)
    assert (red - blue > 40).sum() > 500
    assert (blue - red > 20).sum() > 100


def test_what_cannot_be_explained_gets_one_line(results: dict[str, Path], tmp_path: Path) -> None:
    folder, out = results["two_speakers"], tmp_path / "out.png"
    told = (SPEAKERS, "--result", folder, "-o", out, "--at")
    assert "the last frame is at 21.92 s" in refusal(*told, 22.5)
    clip = tmp_path / "notes.mp4"
    shutil.copy(SPEAKERS, clip)
    assert "the last frame is at 21.92 s" in refusal(clip, "-o", out, "--at", 22.5)
    assert "the recording is 22.00 s long" in refusal(clip, "-o", out, "--at", "1:00:00")
    clip.unlink()
    assert "no face 7; there are faces 1, 2" in refusal(*told, 5, "--face", 7)
    frames = pd.read_csv(folder / "frames.csv")
    there = int(frames[frames["timestamp"] == 15.5]["face_id"].iloc[0])
    gone = 3 - there
    assert f"no face {gone}; there is face {there}" in refusal(*told, 15.5, "--face", gone)
    assert "is a photo, which has no times" in refusal(
        SAMPLES / "portrait.jpg", "--at", 1, "-o", out
    )
    assert "no such folder" in refusal(SPEAKERS, "--result", tmp_path / "no", "-o", out)
    assert "cannot be written" in refusal(SAMPLES / "portrait.jpg", "-o", tmp_path / "no" / "x.png")
    (tmp_path / "notes.txt").write_text("hello")
    assert "not a recording" in refusal(tmp_path / "notes.txt", "-o", out)
    assert command(SPEAKERS, "-o", tmp_path / "x.jpg").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_frame_without_a_face_says_so(corner_clip: Path, tmp_path: Path) -> None:
    assert "no face" in refusal(corner_clip, "-o", tmp_path / "x.png")
    with pytest.raises(MediaError, match="no face"):
        explain_recording(corner_clip, 0.1)
