"""A mask before the mouth: fervid says that the face is covered, and names no expression."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import fervid
from fervid.video.executable import find_ffmpeg

PORTRAIT = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"


def masked(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with a pale mask before the lower part of its only face."""
    face = fervid.analyze_image(picture).iloc[0]
    left, top, width, height = face[["face_x", "face_y", "face_w", "face_h"]].astype(float)
    shape = [(0.05, 0.55), (0.5, 0.45), (0.95, 0.55), (0.85, 0.9), (0.5, 1.05), (0.15, 0.9)]
    corners = [(left + x * width, top + y * height) for x, y in shape]
    painted = picture.copy()
    cv2.fillPoly(painted, [np.array(corners, np.int32)], (190, 200, 205), cv2.LINE_AA)
    return painted


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    picture = cv2.imread(str(PORTRAIT))
    assert picture is not None
    return np.asarray(picture[:, :, ::-1], np.uint8)


def test_a_masked_face_in_a_picture_is_uncertain(portrait: NDArray[np.uint8]) -> None:
    (free,) = fervid.analyze_image(portrait).to_dict("records")
    (hidden,) = fervid.analyze_image(masked(portrait)).to_dict("records")
    assert free["covered"] < 0.6
    assert free["state"] == "happy"
    assert hidden["covered"] > 0.9
    assert hidden["state"] == "uncertain"


def test_a_person_who_puts_on_a_mask_is_read_only_before(
    portrait: NDArray[np.uint8], tmp_path: Path
) -> None:
    inputs: list[str] = []
    for name, picture in (("free", portrait), ("masked", masked(portrait))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture[:, :, ::-1])
        inputs += ["-loop", "1", "-framerate", "10", "-t", "2", "-i", str(tmp_path / f"{name}.png")]
    clip = tmp_path / "clip.mp4"
    command = [*inputs, "-lavfi", "concat=n=2,scale=-2:360", str(clip)]
    subprocess.run([find_ffmpeg(), "-v", "error", *command], check=True)
    rows = fervid.analyze(clip, reading="absolute").frames
    before, after = rows[rows["timestamp"] < 1.6], rows[rows["timestamp"] > 2.6]  # smoothed
    assert len(before) == 16
    assert len(after) == 13
    assert (before["state"] == "happy").all()
    assert (after["covered"] > 0.6).all()
    assert (after["state"] == "uncertain").all()
    assert before["weight"].min() > 10 * after["weight"].max()
