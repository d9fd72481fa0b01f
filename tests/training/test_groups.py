"""Figures of groups, and tables of groups that cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from fervid.errors import FervidError
from tests.helpers.toy_data import toy_fer
from training.evaluate import (
    brier,
    calibration_error,
    confusion,
    cross_entropy,
    jensen_shannon,
)
from training.evaluate.groups import FIGURES, group_figures, read_groups
from training.evaluate.scores import (
    balanced_accuracy,
    macro_f1,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image,group\n0,a\n5,b\n99,c\n", "row 2: image is '99', not a number from 0 to 9"),
        ("image,group\n0,a\n-1,b\n", "row 1: image is '-1'"),
        ("image,group\nx,a\n", "row 0: image is 'x'"),
        ("image,group\n3,\n", "row 0: image 3 has no group"),
        ("image,group\n3,a\n3,b\n", "row 1: image 3 is listed a second time"),
        ("picture,group\n3,a\n", "no column image; it needs image and group"),
        ("", "cannot be read as a table of groups"),
        ("image,group\n1,a\n2,b,c\n", "cannot be read as a table of groups"),
        (None, "No such file"),
    ],
)
def test_a_bad_table_of_groups_is_told_in_one_line(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    path = tmp_path / "groups.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FervidError) as caught:
        read_groups(path, 10)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_groups_are_joined_by_row(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("note, group , image\nx,old,4\ny,young,0\n")
    assert read_groups(path, 6).tolist() == ["young", "", "", "", "old", ""]


def test_group_figures_agree_with_the_scores_of_the_group_alone() -> None:
    data = toy_fer(120)
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.ones(7), 120) * 0.4 + 0.6 * np.eye(7)[data.labels]
    probs[:30] = rng.dirichlet(np.ones(7), 30)
    groups = np.array(["weak"] * 30 + ["strong"] * 60 + [""] * 30)
    found = group_figures(probs, data, groups)
    assert found.keys() == {figure.name for figure in FIGURES}
    for name, rows in (("weak", slice(0, 30)), ("strong", slice(30, 90))):
        part, labels = probs[rows], data.labels[rows]
        one_hot, table = np.eye(7)[labels], confusion(part.argmax(1), labels)
        shares = data.vote_shares()[rows].astype(np.float64)
        expected = {
            "accuracy": 100 * float((part.argmax(1) == labels).mean()),
            "balanced_accuracy": 100 * float(balanced_accuracy(table)),
            "macro_f1": float(macro_f1(table)),
            "nll": cross_entropy(part, one_hot),
            "brier": brier(part, one_hot),
            "ece_15": calibration_error(part, labels),
            "ferplus_accuracy": 100 * float((part.argmax(1) == labels).mean()),
            "ferplus_nll": cross_entropy(part, shares),
            "ferplus_js": float(jensen_shannon(part, shares).mean()),
        }
        for figure, value in expected.items():
            entry = found[figure]["by_group"][name]
            assert entry["value"] == pytest.approx(value, abs=0.006), figure
            if figure != "ece_15":  # resampling makes this one larger
                assert entry["low"] - 1e-9 <= entry["value"] <= entry["high"] + 1e-9, figure
    gap = found["accuracy"]["gap"]
    assert (gap["best"], gap["worst"]) == ("strong", "weak")
    assert gap["low"] > 0
    assert found["nll"]["gap"]["worst"] == "weak"
    assert found["nll"]["gap"]["value"] > 0
    assert group_figures(probs, data, np.array(["one"] * 120))["accuracy"]["gap"] is None
