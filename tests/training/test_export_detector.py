"""From a finished detector run to a model with its card."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fervid.detection.detector import FaceDetector
from tests.helpers.toy_pictures import toy_picture, toy_pictures, write_parquet
from training.detector import export
from training.detector.pictures import HELD_OUT_SOURCES

pytestmark = pytest.mark.slow


def test_a_run_becomes_a_model_that_loads_and_says_what_it_is(
    detector_run: Path, tmp_path: Path
) -> None:
    held_out = [*toy_pictures(3, HELD_OUT_SOURCES[0]), toy_picture(False, 9, HELD_OUT_SOURCES[0])]
    data = write_parquet([*toy_pictures(), *held_out], tmp_path / "faces.parquet")
    out = tmp_path / "models"
    out.mkdir()
    given = ["--run", str(detector_run), "--version", "7", "--command", "train it"]
    done = CliRunner().invoke(export.main, [str(data), *given, "--out", str(out)])
    assert done.exit_code == 0, done.output
    detector = FaceDetector(out / "face_detector")
    assert detector.card["version"] == "7"
    assert detector.card["data"].startswith("6 grey pictures from the collections toy.")
    assert detector.card["metrics"]["pictures"] == 4
    assert set(detector.card["calibration"]) == {"scale", "shift"}
    assert json.loads(done.output)["command"] == "train it"


def test_what_cannot_be_exported_is_one_clear_line_and_writes_nothing(tmp_path: Path) -> None:
    toys = write_parquet(toy_pictures(), tmp_path / "toys.parquet")
    held_out = write_parquet(toy_pictures(3, HELD_OUT_SOURCES[0]), tmp_path / "held.parquet")
    for data, words in ((toys, "no picture of a held-out collection"), (held_out, "no training")):
        given = ["--run", str(tmp_path / "run"), "--version", "7", "--command", "train it"]
        done = CliRunner().invoke(export.main, [str(data), *given, "--out", str(tmp_path)])
        assert done.exit_code == 1
        assert words in done.output
        assert len(done.output.splitlines()) == 1
    assert not list(tmp_path.glob("face_detector*"))
