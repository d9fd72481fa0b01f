"""YuNet through OpenCV: its file is the user's, so a stand-in for OpenCV's class answers here."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.detection.yunet import YunetDetector
from fervid.errors import ModelError
from fervid.records import FrameBatch
from fervid.settings.choices import check_detector

ROW = [20, 10, 40, 50, 30, 30, 50, 30, 40, 40, 32, 50, 48, 50, 0.9]
"""One face as OpenCV documents it: box, right eye, left eye, nose, mouth corners, score."""


class StandIn:
    """Finds the same face in every frame that is not black."""

    def __init__(self) -> None:
        self.size = (0, 0)

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802  OpenCV's name
        self.size = size

    def detect(self, image: np.ndarray) -> tuple[int, Any]:
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        if not image.any():
            return 1, None
        time.sleep(0.001)  # time for another thread to change the size
        assert image.shape[1::-1] == self.size
        weak = [*ROW[:14], 0.6]
        return 1, np.array([weak, ROW], np.float32)


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> YunetDetector:
    class Factory:
        @staticmethod
        def create(*_: Any) -> StandIn:
            return StandIn()

    monkeypatch.setattr(cv2, "FaceDetectorYN", Factory)
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"weights")
    return YunetDetector(path)


def test_faces_come_in_pixels_of_the_displayed_frame(detector: YunetDetector) -> None:
    images = np.zeros((3, 80, 100), np.uint8)
    images[[0, 2]] = 9
    batch = FrameBatch(images, np.arange(3), np.arange(3.0))
    found = detector.detect(batch, (200, 240))
    assert found.frame.tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(found.score, [0.9, 0.6, 0.9, 0.6])
    np.testing.assert_allclose(found.xywh[0], [40, 30, 80, 150])
    np.testing.assert_allclose(found.points[0], [[60, 90], [100, 90], [80, 150]])


def test_the_card_says_which_file(detector: YunetDetector) -> None:
    assert detector.card["file"] == "yunet.onnx"
    assert len(detector.card["sha256"]) == 64
    assert detector.min_score < detector.start_score


def test_a_file_that_is_missing_or_no_yunet_is_one_clear_line(
    tmp_path: Path, constant_clip: Path
) -> None:
    with pytest.raises(ModelError, match="No such file"):
        YunetDetector(tmp_path / "yunet.onnx")
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"no network at all")
    with pytest.raises(ModelError, match="not a YuNet file"):
        YunetDetector(path)
    chosen = ["--detector", f"yunet:{path}", "-o", str(tmp_path)]
    done = CliRunner().invoke(main, ["analyze", str(constant_clip), *chosen])
    assert done.exit_code == 1
    assert "not a YuNet file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("choice", ["", "retina", "yunet", "yunet:", "fervid:x"])
def test_other_detectors_are_refused(choice: str) -> None:
    with pytest.raises(ValueError, match="detector must be fervid or yunet:FILE"):
        check_detector(choice)
    done = CliRunner().invoke(main, ["analyze", "x.mp4", "--detector", choice])
    assert done.exit_code == 2
    assert "detector must be" in done.stderr


def test_threads_take_turns(detector: YunetDetector) -> None:
    def search(side: int) -> int:
        images = np.full((8, side, side), 9, np.uint8)
        return len(detector.detect(FrameBatch(images, np.arange(8), np.arange(8.0)), (side, side)))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(search, [64, 96, 64, 96])) == [16] * 4
