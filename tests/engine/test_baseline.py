"""Resting faces that a file tells: another recording, or a photo."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import fervid
from fervid.engine.baseline import Baseline, learn_baseline
from fervid.engine.engine import Engine
from fervid.errors import MediaError
from fervid.expressions.looks import Looks
from fervid.settings import Settings, baseline_of
from tests.conftest import SAMPLES

CLIP = SAMPLES / "expressions.mp4"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frame of the clip, in which nothing is shown."""
    video = cv2.VideoCapture(str(CLIP))
    _, frame = video.read()
    path = tmp_path_factory.mktemp("photo") / "neutral.jpg"
    cv2.imwrite(str(path), frame)
    return path


@pytest.mark.slow
def test_a_photo_tells_the_resting_face_and_is_named_without_its_folder(photo: Path) -> None:
    timeline = fervid.analyze(CLIP, end=6.0, baseline=photo, thumbnails=False)
    assert timeline.people["resting_face"].tolist() == ["given"]
    assert timeline.meta["settings"]["baseline"] == "neutral.jpg"
    assert str(photo.parent) not in str(timeline.meta)
    truth = pd.read_csv(SAMPLES / "expressions.truth.csv").rename(columns={"intensity": "shown"})
    both = timeline.frames.merge(truth, on="frame")
    held = both[both["shown"] >= 0.9]
    assert (held["state"].astype(str) == held["expression"]).mean() > 0.9


@pytest.mark.slow
def test_a_recording_tells_it_too() -> None:
    engine = Engine(Settings(thumbnails=False))
    baseline = learn_baseline(CLIP, engine)
    ((looks, views),) = baseline.people
    assert looks.seconds == pytest.approx(17.5, abs=0.3)
    assert len(views) > 3


@pytest.mark.slow
def test_a_photo_without_a_face_is_refused_before_any_work(tmp_path: Path) -> None:
    empty = tmp_path / "wall.png"
    cv2.imwrite(str(empty), np.full((200, 300), 128, np.uint8))
    with pytest.raises(MediaError, match=r"wall\.png': shows no face"):
        fervid.analyze(CLIP, out=tmp_path, baseline=empty)
    assert [path.name for path in tmp_path.iterdir()] == ["wall.png"]


def test_of_several_people_each_gets_the_face_of_the_one_most_alike() -> None:
    def looks(value: float) -> Looks:
        one = np.full((1, 6), value)
        return Looks(one, one**2, np.ones(1), np.zeros(1, np.int64), 1, 0.04)

    ann, bob, eve = np.eye(3, 8, dtype=np.float16)[:, None]
    baseline = Baseline(((looks(1.0), ann), (looks(2.0), bob)))
    found = baseline.of({1: bob, 2: eve})
    assert list(found) == [1]
    assert found[1].ratios[0, 0] == 2.0
    assert baseline.of({1: eve, 2: ann})[2].ratios[0, 0] == 1.0
    assert list(Baseline(((looks(1.0), ann),)).of({7: eve})) == [7]


def test_what_is_neither_times_nor_a_file_is_refused(photo: Path) -> None:
    assert baseline_of(str(photo)) == str(photo)
    assert baseline_of("1-2.5") == (1.0, 2.5)
    with pytest.raises(ValueError, match="neither two times"):
        baseline_of(str(photo) + ".gone")
    with pytest.raises(ValueError, match="baseline"):
        fervid.analyze(CLIP, baseline="soon")
