"""How well showings are found, against numbers worked out by hand, and the page of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.errors import FervidError
from training.evaluate_reading import main, truth_of
from training.reading.showings import check_truth, figures_of, read_person

SAMPLES = Path(__file__).parents[2] / "sample_media"


def truth() -> pd.DataFrame:
    """Ten frames a second: rest, ramp, full, ramp, rest, half, rest."""
    levels = [0.0] * 10 + [0.5] + [1.0] * 10 + [0.5] + [0.0] * 8 + [0.5] * 10 + [0.0] * 10
    table = pd.DataFrame({"frame": range(len(levels)), "intensity": levels})
    table = table.assign(clip="a", person="1", time_s=table["frame"] / 10)
    return table.assign(x0=0, y0=0, x1=100, y1=100)


def frames(states: list[str]) -> pd.DataFrame:
    table = pd.DataFrame({"frame": range(len(states)), "state": states, "success": 1})
    return table.assign(face_x=20.0, face_y=20.0, face_w=50.0, face_h=60.0)


def test_showings_rest_and_onset_are_counted() -> None:
    states = ["neutral"] * 50
    states[13:24] = ["happy"] * 11
    states[45] = "sad"
    read = read_person(truth(), frames(states))
    full, half = read.showings
    assert (full.full, full.found, half.full, half.found) == (True, True, False, False)
    assert full.onset_error_s == pytest.approx(0.4)
    assert (read.rest_frames, read.rest_misread) == (28, 3)
    figures = figures_of([read])
    assert figures["full"]["share"] == 1.0
    assert 0 < figures["full"]["low"] < figures["full"]["high"] <= 1
    assert figures["weaker"]["share"] == 0.0
    assert figures["rest_misread"] == pytest.approx(3 / 28)


def test_another_name_is_no_find() -> None:
    states = ["neutral"] * 50
    states[10:22] = ["fear"] * 12
    full = read_person(truth(), frames(states)).showings[0]
    assert (full.found, full.named_other) == (False, True)
    assert np.isnan(full.onset_error_s)


def test_faces_of_others_do_not_count() -> None:
    beside = frames(["happy"] * 50).assign(face_x=120.0)
    read = read_person(truth(), beside)
    assert (read.seen, read.rest_misread) == (0, 0)
    assert not any(one.found for one in read.showings)


def test_a_table_without_intensity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FervidError, match="lacks intensity"):
        check_truth(truth().drop(columns="intensity"), "truth.csv")
    with pytest.raises(FervidError, match=r"no truth\.csv"):
        truth_of(tmp_path)


@pytest.mark.slow
def test_four_real_people_in_a_call(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("video_call.mp4", "video_call.truth.csv"):
        shutil.copy(SAMPLES / name, clips)
    done = CliRunner().invoke(main, [str(clips), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "out" / "reading.json").read_text())
    everyone, *groups = document["groups"]
    assert everyone["people"] == 4
    assert everyone["full"]["share"] >= 0.8
    assert everyone["rest_misread"] <= 0.1
    assert {group["group"] for group in groups} >= {"female", "male", "black", "white"}
    page = (tmp_path / "out" / "reading.html").read_text()
    assert "://" not in page.split("<script")[0]
    assert "female" in page
