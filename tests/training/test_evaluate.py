"""The evaluation as a whole: samples, curves, logits, the card, and the command with its page."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from flax import nnx

from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import restore
from fervid.records import EXPRESSIONS
from tests.helpers.toy_data import toy_fer
from training import fer2013
from training.evaluate import (
    evaluate,
    predict_logits,
)
from training.evaluate import robustness as spoil
from training.evaluate.__main__ import main, read_curves
from training.evaluate.samples import choose_samples
from training.presets import smoke
from training.release import write_model

pytestmark = pytest.mark.slow

FACES = np.random.default_rng(1).integers(0, 256, (5, 48, 48)).astype(np.uint8)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_samples_are_spread_over_the_split() -> None:
    labels = np.repeat(np.arange(7), 10).astype(np.int32)
    probs = np.eye(7)[np.where(np.arange(70) % 2, labels, (labels + 1) % 7)] * 0.9 + 0.1 / 7
    chosen = choose_samples(probs, labels, np.arange(70) + 1000, each=3)
    assert len(chosen) == 7 * 2 * 3
    assert [s["row"] for s in chosen[:6]] == [1001, 1005, 1009, 1000, 1004, 1008]
    assert all((s["label"] == s["predicted"]) == s["right"] for s in chosen)
    assert choose_samples(probs[:1], labels[:1], np.array([7]))[0]["predicted"] == "disgust"


def test_training_logs_keep_the_later_line_of_an_epoch(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"epoch": 2, "loss": NaN, "note": "x"}\n\n{"epoch": 1, "loss": 3}\n{"epoch": 1, "loss": 2}'
    )
    assert read_curves(path) == [{"epoch": 1, "loss": 2}, {"epoch": 2, "loss": None}]
    path.write_text("\n")
    with pytest.raises(FervidError, match="has no epoch"):
        read_curves(path)
    path.write_text('{"epoch": 1}\nepoch 2\n')
    with pytest.raises(FervidError, match="line 2 is not a JSON object with epoch"):
        read_curves(path)


@pytest.fixture(scope="module")
def network() -> ExpressionNet:
    def make(rngs: nnx.Rngs) -> ExpressionNet:
        return ExpressionNet(smoke().net, rngs=rngs)

    # Weights from NumPy: JAX takes long to compile its own draws.
    rng = np.random.default_rng(0)
    flat = nnx.to_flat_state(nnx.state(nnx.eval_shape(lambda: make(nnx.Rngs(0)))))
    shapes = {".".join(map(str, path)): leaf.shape for path, leaf in flat}
    draws = {
        name: rng.normal(0, 0.15, shape) if len(shape) > 1 else rng.uniform(0.5, 1, shape)
        for name, shape in shapes.items()
    }
    return restore(make, draws)


def test_logits_do_not_depend_on_how_many_images_come_along(network: ExpressionNet) -> None:
    logits = predict_logits(network, FACES)
    assert logits.fer.shape == logits.ferplus.shape == (2, 5, 7)
    mirrored = predict_logits(network, FACES[:, :, ::-1])
    np.testing.assert_allclose(logits.fer, mirrored.fer[::-1], atol=1e-4)
    one = logits.probs(Calibration(), mirrored=False)
    np.testing.assert_allclose(
        logits.probs(Calibration()),
        (one + mirrored.probs(Calibration(), mirrored=False)) / 2,
        atol=1e-5,
    )


def test_the_model_card_keeps_its_figures(network: ExpressionNet) -> None:
    metrics = evaluate(network, toy_fer(), "PublicTest", Calibration())
    for key in ("fer_accuracy", "fer_accuracy_deduplicated", "ferplus_majority_accuracy"):
        assert metrics[key].keys() == {"percent", "plus_minus", "n"}
    assert metrics["fer_macro_recall"] == pytest.approx(np.mean(metrics["recall"]), abs=1e-3)
    assert metrics["ferplus_votes"].keys() == {"nll", "jensen_shannon"}
    assert metrics.keys() >= {"shipped_mixture", "nll", "ece_15_before_and_after", "confusion"}
    json.dumps(metrics, allow_nan=False)


def _write_data(folder: Path, data: fer2013.Fer2013) -> tuple[Path, Path]:
    pixels = [" ".join(map(str, image.ravel())) for image in data.images]
    usage = [fer2013.USAGES[k] for k in data.usage]
    table = pd.DataFrame({"emotion": data.labels, "pixels": pixels, "Usage": usage})
    names = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    votes = pd.DataFrame(data.votes, columns=names)
    votes[["contempt", "unknown", "NF"]] = data.other_votes
    table.to_csv(folder / "fer2013.csv", index=False)
    votes.to_csv(folder / "fer2013new.csv", index=False)
    return folder / "fer2013.csv", folder / "fer2013new.csv"


@pytest.fixture
def invoke(tmp_path: Path, network: ExpressionNet) -> Any:
    """`invoke(*options)`: the command on toy data with a toy network, writing to tmp_path/out."""
    card = {"version": "1", "config": asdict(smoke().net), "calibration": {"ferplus_share": 0.25}}
    write_model(tmp_path / "toy", network, card)
    data, votes = _write_data(tmp_path, toy_fer())

    def run(*options: Any, with_votes: bool = True) -> Result:
        given_votes = ("--votes", votes) if with_votes else ()
        fixed = ("--out", tmp_path / "out", "--model", tmp_path / "toy")
        return CliRunner().invoke(main, [str(x) for x in (data, *given_votes, *fixed, *options)])

    return run


def _words(page: str) -> str:
    body = re.sub(r"<script.*?</script>|<style.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_command_writes_both_files_and_they_say_the_same(tmp_path: Path, invoke: Any) -> None:
    (tmp_path / "log.jsonl").write_text(
        "".join(
            json.dumps({"epoch": k, "loss": 2 / k, "public_fer": k / 9, "seconds": 1}) + "\n"
            for k in range(1, 4)
        )
    )
    lines = [f"{row},{'<b>left' if row % 4 == 1 else 'right'}\n" for row in range(96)]
    (tmp_path / "groups.csv").write_text("image,group\n" + "".join(lines))
    turned = "".join(f"{row},PublicTest,0,1,{int(row > 20)}\n" for row in range(1, 60, 2))
    (tmp_path / "strata.csv").write_text(f"row,usage,occlusion,pose30,pose45\n{turned}")
    done = invoke(
        *("--curves", tmp_path / "log.jsonl", "--groups", tmp_path / "groups.csv"),
        *("--strata", tmp_path / "strata.csv"),
    )
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"evaluation.json", "evaluation.html"}
    document = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    page = (tmp_path / "out" / "evaluation.html").read_text()
    words = _words(page)

    assert document["split"] == {
        **{"name": "PublicTest", "images": 48, "deduplicated": 48},
        **{"with_majority": 48, "with_votes": 48},
    }
    data = toy_fer()
    public = data.split("PublicTest")
    for rows in document["scores"].values():
        for heads in rows.values():
            assert list(heads) == ["fer", "ferplus", "mixture"]
            for scores in heads.values():
                table = np.array(scores["labels"]["confusion"])
                share = scores["labels"]["accuracy"]
                assert (
                    table.sum(axis=1).tolist() == np.bincount(public.labels, minlength=7).tolist()
                )
                assert share["percent"] == pytest.approx(100 * table.trace() / 48, abs=0.01)
                assert f"{share['percent']:.1f}% {share['low']:.1f} to" in words
                for key in ("ece_15", "nll", "brier"):
                    assert f"{scores['labels'][key]['after']:.3f}" in words
                assert f"{scores['votes']['jensen_shannon']['before']:.3f}" in words
    assert [copy["name"] for copy in document["robustness"]] == [c.name for c in spoil.COPIES]
    for copy in document["robustness"]:
        loss = copy["scores"]["one_pass"]["fer"]["labels"]["loss"]
        assert copy["title"] in words
        shown = f"{-loss['points']:.1f} {-loss['high']:.1f} to {-loss['low']:.1f}"
        assert shown.replace("-", "\N{MINUS SIGN}") in words
    parts = {part["name"]: part for part in document["strata"]}
    assert {name: part["images"] for name, part in parts.items()} == {
        "pose30": 30,
        "pose45": 20,
        "rest": 18,
    }
    for part in parts.values():
        share = part["scores"]["one_pass"]["fer"]["labels"]["accuracy"]
        recall = part["scores"]["one_pass"]["fer"]["labels"]["balanced_accuracy"]
        shown = f"{share['percent']:.1f}% {share['low']:.1f} to {share['high']:.1f}"
        assert f"{part['title']} {part['images']} {shown} {100 * recall:.1f}%" in words
        assert f"{part['title']}: FER-2013 {share['percent']:.2f}%" in done.output
    assert document["groups"]["images"] == {"<b>left": 24, "right": 24}
    gap = document["groups"]["scores"]["mirrored"]["mixture"]["nll"]["gap"]
    assert f"{gap['value']:.3f}" in words
    assert "<b>left" not in page
    assert "&lt;b&gt;left" in page
    assert [line["epoch"] for line in document["training"]] == [1, 2, 3]
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page)[1])
    assert figures.keys() == {"confusion", "reliability", "robustness", "curves"}

    for sample in document["samples"]:
        assert data.usage[sample["row"]] == 1
        assert EXPRESSIONS[data.labels[sample["row"]]] == sample["label"]
    uris = re.findall(r'src="data:image/png;base64,([^"]+)"', page.split("<script")[0])
    assert len(uris) == len(document["samples"])
    blob = np.frombuffer(base64.b64decode(uris[0]), np.uint8)
    shown = cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(shown, data.images[document["samples"][0]["row"]])

    code = re.findall(r"<script>(.*?)</script>\n", page, flags=re.DOTALL)
    allowed = re.findall(r"'sha256-([^']+)'", page)
    assert allowed == [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code
    ]
    assert not re.search(r'<(link|iframe|object)|src="(?!data:)|href=', page.split("<script")[0])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_draws_every_figure_without_complaint(tmp_path: Path, invoke: Any) -> None:
    assert invoke(with_votes=False).exit_code == 0
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    quiet += ["--disable-sync", "--disable-background-networking", "--disable-component-update"]
    output = ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=8000", "--dump-dom"]
    page = (tmp_path / "out" / "evaluation.html").as_uri()
    done = subprocess.run(
        [str(CHROMIUM), *quiet, *output, f"--user-data-dir={tmp_path / 'profile'}", page],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('class="main-svg"') >= 3
    assert done.stdout.count('class="heatmaplayer') >= 6


def test_without_votes_the_page_leaves_them_out(tmp_path: Path, invoke: Any) -> None:
    done = invoke("--split", "PublicTest", with_votes=False)
    assert done.exit_code == 0, done.output
    assert "scored once" not in done.output
    document = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    scores = document["scores"]["all"]["one_pass"]["ferplus"]
    assert scores["majority"] is scores["votes"] is scores["plurality_accuracy"] is None
    assert "FER+ plurality" not in _words((tmp_path / "out" / "evaluation.html").read_text())


def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, invoke: Any) -> None:
    (tmp_path / "groups.csv").write_text("image,group\n1,a\nq,b\n")
    done = invoke("--groups", tmp_path / "groups.csv")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "groups.csv: row 1: image is 'q'" in done.output
    (tmp_path / "groups.csv").write_text("image,group\n0,a\n")
    done = invoke("--groups", tmp_path / "groups.csv")
    assert "lists no image of PublicTest" in done.output
    done = invoke("--split", "PrivateTest")
    assert done.exit_code == 1
    assert "PrivateTest is scored once for each released model" in done.output
    assert "Error: the data has no image of PrivateTest" in done.output
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "file").write_text("")
    done = invoke("--out", tmp_path / "file")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "file: File exists" in done.output
