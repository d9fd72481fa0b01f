"""Agreement with coders whose errors are known, as other libraries figure it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.errors import ResultError
from fervid.studies.agreement import (
    block_tables,
    cohen_kappa,
    coincidences,
    confusion,
    interval,
    krippendorff_alpha,
)
from fervid.studies.excerpts import sample_of
from fervid.studies.validating import validate
from fervid.studies.validation import Validation
from tests.studies.made_studies import FPS, Shows, bump, made_study_result, times

SMILES = [5.0, 20.0, 35.0, 50.0]
FROWNS = [12.0, 42.0]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve recordings of one minute with four smiles and two frowns of three seconds."""
    folder = tmp_path_factory.mktemp("results")
    time = times(60)
    shows = Shows({"happy": bump(time, SMILES, 3.0), "angry": bump(time, FROWNS, 3.0)})
    for k in range(12):
        made_study_result(folder / f"p{k:02}.mp4.fervid", [shows], 60, seed=k)
    return folder


def truth() -> pd.DataFrame:
    rows = [
        {"recording": f"p{k:02}.mp4", "start": start, "end": start + 3.0, "label": label}
        for k in range(12)
        for label, starts in (("smile", SMILES), ("angry", FROWNS))
        for start in starts
    ]
    return pd.DataFrame(rows).assign(participant="")


def with_errors(seed: int = 0) -> pd.DataFrame:
    """The truth in steps of a tenth of a second, of which one in ten says something else."""
    rng, time = np.random.default_rng(seed), times(60)
    rows = []
    for k in range(12):
        codes = np.zeros(len(time), int)
        codes[bump(time, SMILES, 3.0) > 0], codes[bump(time, FROWNS, 3.0) > 0] = 1, 2
        wrong = rng.random(len(time)) < 0.1
        codes = np.where(wrong, (codes + rng.integers(1, 3, len(time))) % 3, codes)
        edges = np.flatnonzero(np.diff(codes, prepend=-1))
        for first, last in zip(edges, [*edges[1:], len(codes)], strict=True):
            if codes[first]:
                label = ("", "smile", "angry")[codes[first]]
                span = {"start": first / FPS, "end": last / FPS}
                rows.append({"recording": f"p{k:02}.mp4", **span, "label": label})
    return pd.DataFrame(rows).assign(participant="")


def test_a_perfect_coder_agrees_in_all(results: Path) -> None:
    made = validate(results, {"ann": truth()})
    all_frames = made.frame_agreement.iloc[0]
    assert all_frames[["agreement", "kappa", "alpha"]].tolist() == [1, 1, 1]
    assert all_frames["frames"] == 12 * 600
    assert made.episode_agreement["both"].tolist() == [24, 48]
    assert made.episode_agreement["onset_median"].abs().max() < 1e-9
    assert len(made.disagreements()) == 0


def test_known_errors_give_the_figures_of_scikit_learn_and_krippendorff(results: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    krippendorff = pytest.importorskip("krippendorff")
    made = validate(results, {"ann": with_errors(0), "bob": with_errors(1)})
    ann, bob, ours = made.codes.T
    assert (ann != ours).mean() == pytest.approx(0.1, abs=0.01)
    figures = made.frame_agreement.set_index(["rater", "other", "expression"])
    for rater, other, a, b in (("ann", "bob", ann, bob), ("ann", "fervid", ann, ours)):
        row = figures.loc[(rater, other, "all")]
        assert row["agreement"] == pytest.approx(metrics.accuracy_score(a, b))
        assert row["kappa"] == pytest.approx(metrics.cohen_kappa_score(a, b))
        alpha = krippendorff.alpha([a, b], level_of_measurement="nominal")
        assert row["alpha"] == pytest.approx(alpha)
        smiles = figures.loc[(rater, other, "happy")]
        assert smiles["kappa"] == pytest.approx(metrics.cohen_kappa_score(a == 2, b == 2))
        assert row["kappa_low"] < row["kappa"] < row["kappa_high"]
    of_all = figures.loc[("ann + bob + fervid", "", "all")]
    alpha = krippendorff.alpha(made.codes.T, level_of_measurement="nominal")
    assert of_all["alpha"] == pytest.approx(alpha)
    assert of_all["alpha_low"] < alpha < of_all["alpha_high"]
    expected = metrics.confusion_matrix(ann, ours) + metrics.confusion_matrix(bob, ours)
    assert np.array_equal(made.confusion.to_numpy(), expected)


def test_alpha_with_missing_values_agrees_with_krippendorff() -> None:
    krippendorff = pytest.importorskip("krippendorff")
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (3, 200)).astype(float)
    codes[1] = np.where(rng.random(200) < 0.7, codes[0], codes[1])
    codes[rng.random((3, 200)) < 0.2] = np.nan
    counts = np.stack([(codes == k).sum(axis=0) for k in range(4)], axis=1).astype(float)
    alpha = krippendorff.alpha(codes, level_of_measurement="nominal")
    assert krippendorff_alpha(coincidences(counts)) == pytest.approx(alpha)


def test_intervals_of_kappa_hold_the_truth() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 2, 200_000)
    b = np.where(rng.random(200_000) < 0.8, a, 1 - a)
    true = float(cohen_kappa(confusion(a, b, 2)))
    held = []
    for k in range(200):
        part = slice(k * 1000, (k + 1) * 1000)
        tables = block_tables(np.repeat(np.arange(20), 50), a[part], b[part], 2)
        found = interval(tables, cohen_kappa, draws=400, seed=k)
        held.append(found.low <= true <= found.high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_late_and_missing_episodes_are_counted(results: Path) -> None:
    codes = truth()
    codes[["start", "end"]] -= 0.4
    codes = codes[~((codes["label"] == "smile") & (codes["start"] > 45))]
    table = validate(results, {"ann": codes}).episode_agreement.set_index("expression")
    assert table.loc["happy", ["both", "only_coder", "only_fervid"]].tolist() == [36, 0, 12]
    assert table.loc["happy", "precision"] == pytest.approx(0.75)
    assert table.loc["happy", "onset_mean"] == pytest.approx(0.4)


def test_excerpts_are_drawn_blind_and_their_codes_find_back(results: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["validate", str(results), "--sample", "10x6s", "-o", str(tmp_path), "--seed", "3"]
    )
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "excerpts.csv", dtype=str).to_dict("records")
    assert len(rows) == 10
    assert set(rows[0]) == {"excerpt", "recording", "start", "end"}
    spans = [(row["recording"], float(row["start"]), float(row["end"])) for row in rows]
    for k, (recording, start, end) in enumerate(spans):
        assert end - start == pytest.approx(6)
        assert all(
            other[0] != recording or other[1] >= end or other[2] <= start for other in spans[:k]
        )
    codes = [
        {"recording": f"{row['excerpt']}.mp4", "start": smile - float(row["start"]),
         "end": smile + 3 - float(row["start"]), "label": "smile"}
        for row in rows for smile in SMILES
    ]  # fmt: skip
    codes = [
        {**code, "start": max(code["start"], 0), "end": min(code["end"], 6)}
        for code in codes if code["end"] > 0 and code["start"] < 6
    ]  # fmt: skip
    table = pd.DataFrame(codes).assign(participant="")
    made = validate(results, {"ann": table}, excerpts=tmp_path / "excerpts.csv")
    assert len(made.codes) == pytest.approx(10 * 60, abs=10)
    assert made.frame_agreement.iloc[0]["agreement"] == 1


def test_the_command_writes_a_page(results: Path, tmp_path: Path) -> None:
    with_errors().drop(columns="participant").to_csv(tmp_path / "ann.csv", index=False)
    out = tmp_path / "out"
    args = ["validate", str(results), "--codes", str(tmp_path / "ann.csv"), "-o", str(out)]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    assert re.search(r"ann: kappa 0\.\d\d \(0\.\d\d to 0\.\d\d\)", done.output)
    assert "The worst disagreements" in (out / "validation.html").read_text("utf-8")
    table = pd.read_csv(out / "confusion.csv", index_col="coders")
    assert table.to_numpy().sum() == 12 * 600


def test_labels_that_are_no_expressions_are_told(results: Path) -> None:
    codes = truth().replace("angry", "AU4")
    said: list[str] = []
    made = validate(results, {"ann": codes}, notify=said.append)
    assert made.categories == ["none", "happy"]
    assert said == ["codes that are not expressions (24): 'AU4'"]
    named = validate(results, {"ann": codes}, names={"AU4": "angry"})
    assert isinstance(named, Validation)
    assert named.categories == ["none", "angry", "happy"]
    with pytest.raises(ResultError, match="--map"):
        validate(results, {"ann": codes[codes["label"] == "AU4"]})


@pytest.mark.parametrize("text", ["20", "x10s", "0x10s", "20x0s", "20x10m"])
def test_samples_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="20x10s"):
        sample_of(text)
