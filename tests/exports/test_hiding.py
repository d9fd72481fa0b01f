"""A blurred export: nobody can be recognised in any frame, but for those who agreed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.detection.detector import load_detector
from fervid.errors import ResultError
from fervid.exports import export
from fervid.exports.hiding import Hidden, _bridged
from fervid.pipeline import Analyzer
from fervid.report.page import write_report
from fervid.settings import Settings
from fervid.video.reader import VideoReader
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]) -> Path:
    """The result of two seconds of four people, of which only the first second was analysed."""
    folder = tmp_path_factory.mktemp("people")
    call = folder / "call.mp4"
    run_ffmpeg("-i", SAMPLES / "video_call.mp4", "-t", 2, "-c", "copy", call)
    Analyzer(Settings(end=1.0)).analyze(call, folder / "call.mp4.fervid")
    return folder / "call.mp4.fervid"


def faces_in(video: Path) -> list[np.ndarray]:
    """The faces of 24 pixels and more that the detector finds in each frame, (N, 4)."""
    detector, found = load_detector("fervid", batch_size=8), []
    with VideoReader(video) as reader:
        for batch in reader:
            faces = detector.detect(batch, reader.displayed)
            kept = (faces.score >= detector.start_score) & (faces.xywh[:, 3] >= 24)
            found += [faces.xywh[kept & (faces.frame == k)] for k in range(len(batch.index))]
    return found


@pytest.mark.parametrize("blur", ["mosaic", "soft"])
def test_no_face_is_bare_in_any_frame(result: Path, tmp_path: Path, blur: str) -> None:
    assert any(len(faces) == 4 for faces in faces_in(result.parent / "call.mp4"))
    (out,) = export(result, "video", tmp_path, blur=blur)  # type: ignore[arg-type]
    assert out.name == "call.blurred.mp4"
    seen = faces_in(out)
    assert len(seen) >= 28
    assert not any(len(faces) for faces in seen)


def test_those_who_agreed_are_seen(result: Path, tmp_path: Path) -> None:
    (out,) = export(result, "video", tmp_path, blur="mosaic", keep=[1])
    table = pd.read_csv(result / "frames.csv").query("face_id == 1").iloc[5]
    centre = [table.face_x + table.face_w / 2, table.face_y + table.face_h / 2]
    seen = faces_in(out)[int(table.frame)]
    assert len(seen) == 1
    assert seen[0, :2] + seen[0, 2:] / 2 == pytest.approx(centre, abs=0.3 * table.face_w)
    with pytest.raises(ResultError, match="has no face 9"):
        export(result, "video", tmp_path / "other.mp4", blur="mosaic", keep=[9])


def test_a_face_that_is_missed_for_a_while_stays_hidden() -> None:
    rows = pd.DataFrame(
        {"timestamp": [0.0, 1.0, 9.0], "face_x": [0.0, 100.0, 0.0], "face_y": 50.0}
        | {"face_w": 40.0, "face_h": 40.0}
    )
    points = _bridged(rows)
    assert len(points) == 3 + 9
    points = points[np.argsort(points[:, 0])]
    hidden = Hidden(points[:, 0], points[:, 1:], soft=False)
    for time_s, is_hidden in [(0.5, True), (1.2, True), (5.0, False), (8.8, True)]:
        image = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
        before = image.copy()
        hidden.hide(image, time_s)
        assert (image != before).any() == is_hidden
        if time_s == 0.5:
            assert (image[50:90, 50:90] != before[50:90, 50:90]).mean() > 0.9


def test_the_command_asks_for_what_fits(result: Path) -> None:
    def code(*args: object) -> int:
        return CliRunner().invoke(main, ["export", str(result), *map(str, args)]).exit_code

    assert code("--to", "elan", "--blur", "mosaic") == 2
    assert code("--to", "video", "--keep", "1") == 2
    assert code("--to", "video", "--blur", "mosaic", "--keep", "one") == 2


def test_a_report_without_faces(result: Path, tmp_path: Path) -> None:
    copy = tmp_path / "call.mp4.fervid"
    shutil.copytree(result, copy)
    pictures = "data:image/jpeg"
    assert pictures in write_report(copy).read_text("utf-8")
    assert "pictures of people: share" in write_report(copy).read_text("utf-8")
    page = write_report(copy, faces_shown=False).read_text("utf-8")
    assert pictures not in page
    assert 'src="call' not in page
    assert "contains no pictures of people" in page
    (copy / "call.blurred.mp4").write_bytes(b"a video")
    assert 'src="call.blurred.mp4"' in write_report(copy, faces_shown=False).read_text("utf-8")
