"""Frame tables under the column names of other tools."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.exports import FormatName, export
from fervid.records import EXPRESSIONS

pytestmark = pytest.mark.slow

OPENFACE = ["frame", "face_id", "timestamp", "confidence", "success"]
PYFEAT = [
    *("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"),
    *("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"),
]


def tables(folder: Path, to: FormatName, out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    (path,) = export(folder, to, out)
    return pd.read_csv(path), pd.read_csv(folder / "frames.csv")


def test_openface_counts_from_one_and_keeps_times(results: dict[str, Path], tmp_path: Path) -> None:
    theirs, ours = tables(results["two_speakers"], "openface", tmp_path)
    assert theirs.columns[:5].tolist() == OPENFACE
    assert len(theirs) == len(ours)
    np.testing.assert_array_equal(theirs["frame"], ours["frame"] + 1)
    np.testing.assert_allclose(theirs["timestamp"], ours["timestamp"], atol=1e-6)
    np.testing.assert_array_equal(theirs["success"], ours["success"])
    np.testing.assert_array_equal(theirs["face_id"], ours["face_id"].fillna(0))
    for name in EXPRESSIONS:
        np.testing.assert_allclose(theirs[name], ours[name], equal_nan=True)


def test_pyfeat_has_its_names(results: dict[str, Path], tmp_path: Path) -> None:
    theirs, ours = tables(results["two_speakers"], "pyfeat", tmp_path)
    assert theirs.columns[: len(PYFEAT)].tolist() == PYFEAT
    np.testing.assert_allclose(theirs["happiness"], ours["happy"], equal_nan=True)
    np.testing.assert_allclose(theirs["FaceRectX"], ours["face_x"], equal_nan=True)
    np.testing.assert_allclose(theirs["approx_time"], ours["timestamp"], atol=1e-6)
    assert (theirs["input"] == "two_speakers.mp4").all()
    people = theirs["Identity"].dropna().str.removeprefix("Person_").astype(int)
    np.testing.assert_array_equal(people, ours["face_id"].dropna())
