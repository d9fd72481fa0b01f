"""Hard parts of the data, stills by group, and teachers beside their average."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from flax import nnx

from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration
from fervid.models.expression_net import ExpressionNet
from tests.helpers.toy_data import toy_fer
from training.evaluate import predict_logits
from training.evaluate.stills import main as stills_main
from training.evaluate.strata import in_split, read_strata
from training.evaluate.teachers import AVERAGE, evaluate_teachers, table_of
from training.presets import smoke

PORTRAIT = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"
HEADER = "row,usage,occlusion,pose30,pose45\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_strata_are_read_by_row(tmp_path: Path) -> None:
    data = toy_fer(10)
    path = write(tmp_path / "s.csv", f"{HEADER}1,PublicTest,1,0,0\n7,PublicTest,0,1,1\n")
    masks = in_split(read_strata(path, data), data, "PublicTest")
    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "pose30": [3],
        "pose45": [3],
        "occlusion": [0],
    }
    with pytest.raises(FervidError, match="lists no image of PrivateTest"):
        in_split(read_strata(path, data), data, "PrivateTest")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}1,PrivateTest,1,0,0\n", "row 0: usage is PrivateTest, but row 1 of the data"),
        (f"{HEADER}1,PublicTest,1,0,0\n10,PublicTest,1,0,0\n", "row 1: no such row"),
        ("row,usage\n1,PublicTest\n", "no column pose30, pose45, occlusion"),
        ("", "cannot be read as a table of strata"),
    ],
)
def test_wrong_strata_are_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FervidError, match=message):
        read_strata(write(tmp_path / "s.csv", text), toy_fer(10))


@pytest.mark.slow
def test_teachers_are_scored_one_by_one_and_averaged() -> None:
    public = toy_fer(64).split("PublicTest")
    teachers: dict[str, Any] = {}
    for seed in (1, 2):
        model = ExpressionNet(smoke().net, rngs=nnx.Rngs(seed))
        teachers[str(seed)] = model, {"calibration": {"fer_temperature": 0.5 * seed}}
    found = evaluate_teachers(teachers, public)
    assert list(found) == ["1", "2", AVERAGE]
    both = [
        predict_logits(model, public.images).probs(
            Calibration(fer_temperature=0.5 * seed, ferplus_share=0.0)
        )
        for seed, (model, _) in enumerate(teachers.values(), 1)
    ]
    for name, probs in zip(found, [*both, np.mean(both, axis=0)], strict=True):
        right = probs.argmax(axis=1) == public.labels
        assert found[name]["fer_accuracy"]["percent"] == pytest.approx(100 * right.mean(), abs=0.01)
        recalls = [right[public.labels == k].mean() for k in np.unique(public.labels)]
        assert found[name]["fer_macro_recall"] == pytest.approx(100 * np.mean(recalls), abs=0.01)
    assert table_of(found).count("\n") == 4
    assert list(evaluate_teachers({"1": teachers["1"]}, public)) == ["1"]


@pytest.mark.slow
def test_stills_are_read_by_group(tmp_path: Path) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    shutil.copy(PORTRAIT, folder / "smile.jpg")
    cv2.imwrite(str(folder / "empty.jpg"), np.full((300, 300), 90, np.uint8))
    head = "image,expression,person,age,gender,ethnicity\n"
    write(
        folder / "labels.csv",
        f"{head}smile.jpg,happy,001,24,female,white\nempty.jpg,happy,002,40,male,black\n",
    )
    out = tmp_path / "stills.json"
    done = CliRunner().invoke(stills_main, [str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())["expression"]
    assert (found["stills"], found["found"]) == (2, 1)
    assert found["groups"]["gender"]["female"]["accuracy"]["percent"] == 100
    assert found["groups"]["ethnicity"]["black"]["accuracy"]["percent"] == 0
    assert found["groups"]["age"]["35 and more"]["happy"]["n"] == 1
    assert found["women_less_men"]["value"] == 100
    assert found["read_as"]["happy"] == {"happy": 1, "none": 1}
    assert "women less men on smiles: 100 points" in done.output
    (folder / "empty.jpg").unlink()
    done = CliRunner().invoke(stills_main, [str(folder), "--out", str(out)])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "labels.csv: no such picture: empty.jpg" in done.output
