"""What is said where faces are found of which too little is seen to tell expressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fervid
from fervid.engine.hard_to_read import HardToRead


@pytest.mark.slow
def test_a_warning_where_faces_are_turned_away(real_clips: Path) -> None:
    found = fervid.analyze(real_clips / "hall_backs_of_heads.mp4", start=134, end=136)
    faces = found.frames[found.frames["success"] == 1]
    assert len(faces)
    assert (faces["frontality"] < 0.5).mean() > 0.5
    assert any("are turned away, covered or blurred" in line for line in found.meta["warnings"])


@pytest.mark.slow
def test_none_where_people_look_at_the_camera(real_clips: Path) -> None:
    found = fervid.analyze(real_clips / "phone_vfr_face_then_none.mov", fps=2)
    assert len(found.people) == 1
    assert found.meta["warnings"] == []


def test_faces_of_people_who_are_left_out_do_not_count() -> None:
    found = HardToRead()
    track = np.array([1, 1, 2, 2, 2, 2])
    found.add(
        track, np.array([90.0, 90, 12, 12, 12, 12]), np.array([0.8, 0.05, 0.9, 0.9, 0.9, 0.9])
    )
    found.add(track[:1], np.array([90.0]), np.array([0.0]))
    assert found.warnings([1]) == [
        "67% of the faces are turned away, covered or blurred too much to classify well"
    ]
    (line,) = found.warnings([1, 2])
    assert line.startswith("57% of the faces are shorter than 24 pixels")
    assert found.warnings([]) == []
