"""Cameras of this machine."""

import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

import fervid
from fervid.timeline import Timeline
from tests.helpers.live_runs import FERVID, result_of

pytestmark = pytest.mark.slow


class FakeCapture:
    """A camera with a person before it, unplugged after some frames."""

    frames = 12
    pictures: ClassVar[list[Any]] = []

    def __init__(self, *_: object) -> None:
        self._given = 0

    def isOpened(self) -> bool:  # noqa: N802
        return bool(self.pictures)

    def set(self, *_: object) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.1 if self._given else 0)
        self._given += 1
        return (True, self.pictures[0]) if self._given < self.frames else (False, None)

    def release(self) -> None:
        pass


def test_a_camera_is_watched_until_it_is_unplugged(
    clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    capture = cv2.VideoCapture(str(clip))
    monkeypatch.setattr(FakeCapture, "pictures", [capture.read()[1]])
    capture.release()
    monkeypatch.setattr(FakeCapture, "frames", 40)
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    with fervid.watch(1, out=tmp_path) as watch:
        moments = list(watch)
    assert watch.ended_by == "lost"
    assert watch.lost == "camera 1: sends no more frames; it may have been unplugged"
    assert len(moments[0].faces)
    timeline = Timeline.read(result_of(tmp_path))
    assert timeline.meta["live"]["times"] == "arrival"
    assert watch.lost in timeline.meta["warnings"]
    assert np.median(np.diff(timeline.frames["timestamp"].unique())) == pytest.approx(0.1, abs=0.05)


def test_a_camera_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = subprocess.run([*FERVID, "97", "-o", str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fervid: camera 97: cannot be opened")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
