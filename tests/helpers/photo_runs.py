"""Runs of fervid on photos."""

import pandas as pd
from click.testing import CliRunner, Result

from fervid.cli import main
from tests.conftest import SAMPLES

PORTRAIT = SAMPLES / "portrait.jpg"


SPEAKERS = SAMPLES / "two_speakers.mp4"


CENTRE = (208, 194)
"""A point between eyes and mouth of the portrait."""


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, args)])


def shows_happy(faces: pd.DataFrame, width: int = 416) -> bool:
    """Whether the one face of the portrait is where it is, and happy."""
    scale = width / 416
    row = faces.iloc[0]
    x, y = (scale * coordinate for coordinate in CENTRE)
    inside = row.face_x < x < row.face_x + row.face_w and row.face_y < y < row.face_y + row.face_h
    return len(faces) == 1 and inside and row.emotion == "happy" and row.state == "happy"
