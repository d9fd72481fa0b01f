"""What is said where faces are found of which too little is seen to tell expressions."""

from __future__ import annotations

from pathlib import Path

import pytest

import fervid


@pytest.mark.slow
def test_a_warning_where_faces_are_turned_away(real_clips: Path) -> None:
    found = fervid.analyze(real_clips / "hall_backs_of_heads.mp4", start=134, end=136)
    faces = found.frames[found.frames["success"] == 1]
    assert len(faces)
    assert (faces["frontality"] < 0.5).mean() > 0.5
    assert any("are turned away or blurred" in line for line in found.meta["warnings"])


@pytest.mark.slow
def test_none_where_people_look_at_the_camera(real_clips: Path) -> None:
    found = fervid.analyze(real_clips / "phone_vfr_face_then_none.mov", fps=2)
    assert len(found.people) == 1
    assert found.meta["warnings"] == []
