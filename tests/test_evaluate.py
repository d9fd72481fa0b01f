"""Scores against values known by hand, the spoilt copies, groups, and the command as a whole."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fervid.classifier import Calibration
from fervid.errors import FervidError
from fervid.models.expression_net import ExpressionNet
from fervid.models.store import restore
from fervid.records import EXPRESSIONS
from tests.toy_data import toy_fer
from training import fer2013
from training.evaluate import (
    Logits,
    accuracy,
    brier,
    calibration_error,
    confusion,
    cross_entropy,
    evaluate,
    fit_calibration,
    jensen_shannon,
    predict_logits,
    reliability,
    wilson,
)
from training.evaluate import robustness as spoil
from training.evaluate.__main__ import main, read_curves
from training.evaluate.groups import FIGURES, group_figures, read_groups
from training.evaluate.samples import choose_samples
from training.evaluate.scores import (
    balanced_accuracy,
    class_table,
    difference,
    macro_f1,
    paired_loss,
    proportion,
)
from training.presets import smoke
from training.release import write_model

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHARES = arrays(np.float64, (4, 7), elements=st.floats(0, 1)).map(
    lambda x: (x + 1e-9) / (x + 1e-9).sum(axis=1, keepdims=True)
)
FACES = np.random.default_rng(1).integers(0, 256, (5, 48, 48)).astype(np.uint8)


def test_calibration_finds_the_temperature_that_was_used() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    odds = np.exp(logits - logits.max(1, keepdims=True))
    probs = odds / odds.sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=p) for p in probs]).astype(np.int32)
    data = fer2013.Fer2013(
        np.zeros((4000, 48, 48), np.uint8),
        labels,
        np.eye(7, dtype=np.float32)[labels],
        np.zeros((4000, 3), np.float32),
        np.zeros(4000, np.int8),
    )
    sharp = Logits(np.stack([logits, logits]) * 3, np.stack([logits, logits]) * 0.5)
    found = fit_calibration(sharp, data)
    assert found.fer_temperature == pytest.approx(3, rel=0.08)
    assert found.ferplus_temperature == pytest.approx(0.5, rel=0.08)
    raw = sharp.probs(Calibration(ferplus_share=0.0))
    assert calibration_error(sharp.probs(found), labels) < 0.03 < calibration_error(raw, labels)


def test_without_votes_only_the_fer_head_is_fitted() -> None:
    data = _without_votes(toy_fer(48))
    rng = np.random.default_rng(0)
    logits = Logits(rng.normal(0, 1, (2, 48, 7)), rng.normal(0, 1, (2, 48, 7)))
    found = fit_calibration(logits, data)
    assert (found.ferplus_temperature, found.ferplus_share) == (1.0, 0.0)


def test_wilson_intervals_from_the_literature() -> None:
    # Newcombe 1998, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert proportion(0, 0) == {"percent": None, "low": 0.0, "high": 100.0, "n": 0}


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    hits, n = case
    low, high = wilson(hits, n)
    assert -1e-12 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1 + 1e-12
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_the_difference_of_two_shares_from_the_literature() -> None:
    # Newcombe 1998 (interval estimation for the difference), table II, method 10.
    assert difference((56, 48), (70, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_points_lost_on_the_same_images() -> None:
    before = np.array([True] * 60 + [False] * 40)
    after = before.copy()
    after[:20], after[60:65] = False, True
    loss = paired_loss(before, after)
    assert loss["points"] == 15.0
    half = 1.959964 * np.sqrt(26 - 15**2 / 102) / 102
    assert (loss["low"], loss["high"]) == pytest.approx(
        (1500 / 102 - 100 * half, 1500 / 102 + 100 * half), abs=0.01
    )
    same = paired_loss(before, before)
    assert same["points"] == 0.0
    assert same["low"] < 0 < same["high"]


def test_class_scores_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 3, 3, 6, 6, 6, 6])
    predicted = np.array([0, 0, 0, 3, 3, 6, 6, 6, 6, 0])
    table = confusion(predicted, labels)
    assert table.sum() == 10
    assert table[0, 3] == table[3, 6] == table[6, 0] == 1
    rows = {row["expression"]: row for row in class_table(table)}
    assert rows["angry"]["precision"]["percent"] == rows["angry"]["recall"]["percent"] == 75.0
    assert rows["happy"]["recall"] == proportion(1, 2)
    assert rows["disgust"]["precision"]["percent"] is None
    assert [round(rows[name]["f1"], 4) for name in ("angry", "happy", "neutral")] == [
        *(0.75, 0.5, 0.75)
    ]
    assert float(macro_f1(table)) == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert float(balanced_accuracy(table)) == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert accuracy(predicted == labels) == {"percent": 70.0, "plus_minus": 28.4, "n": 10}


def test_probability_scores_by_hand() -> None:
    probs = np.array([[0.7, 0.3, 0, 0, 0, 0, 0], [0.2, 0.8, 0, 0, 0, 0, 0]])
    target = np.eye(7)[[0, 0]]
    assert cross_entropy(probs, target) == pytest.approx(-(np.log(0.7) + np.log(0.2)) / 2)
    assert brier(probs, target) == pytest.approx((0.09 + 0.09 + 0.64 + 0.64) / 2)
    assert cross_entropy(probs, np.eye(7)[[0, 1]] * [[1], [0]]) == pytest.approx(-np.log(0.7))
    # |1 - .7| in one bin and |0 - .8| in another, half of the images each.
    assert calibration_error(probs, np.array([0, 0])) == pytest.approx(0.55)
    assert reliability(probs, np.array([0, 0])) == {
        **{"bin": [10, 12], "n": [1, 1]},
        "confidence": [0.7, 0.8],
        "accuracy": [1.0, 0.0],
    }
    halves = np.array([[0.5, 0.5, 0, 0, 0, 0, 0]])
    expected = 0.5 * np.log(1 / 0.75) + 0.25 * np.log(0.5 / 0.75) + 0.25 * np.log(2)
    assert jensen_shannon(np.eye(7)[[0]], halves)[0] == pytest.approx(expected)
    assert jensen_shannon(np.eye(7)[[0]], np.eye(7)[[1]])[0] == pytest.approx(np.log(2))


@given(SHARES, SHARES)
def test_jensen_shannon_is_a_bounded_symmetric_divergence(p: Any, q: Any) -> None:
    there, back = jensen_shannon(p, q), jensen_shannon(q, p)
    np.testing.assert_allclose(there, back, atol=1e-12)
    assert ((there >= 0) & (there <= np.log(2) + 1e-12)).all()
    np.testing.assert_allclose(jensen_shannon(p, p), 0, atol=1e-12)


@settings(deadline=None)
@given(st.lists(st.integers(2, 20), min_size=1, max_size=6, unique=True))
def test_no_calibration_error_where_confidence_is_the_share_of_right_answers(sizes: Any) -> None:
    probs, labels = [], []
    for n in sizes:
        right = n - n // 3
        row = np.full(7, (1 - right / n) / 6)
        row[2] = right / n
        probs += [row] * n
        labels += [2] * right + [0] * (n - right)
    assert calibration_error(np.array(probs), np.array(labels)) == pytest.approx(0, abs=1e-12)


def test_every_copy_keeps_the_form_and_is_the_same_each_time() -> None:
    for copy in spoil.COPIES:
        made = copy.make(FACES)
        assert (made.shape, made.dtype) == (FACES.shape, FACES.dtype)
        assert (made != FACES).any(), copy.name
        np.testing.assert_array_equal(made, copy.make(FACES), err_msg=copy.name)
        np.testing.assert_array_equal(made[:2], copy.make(FACES[:2]), err_msg=copy.name)


def test_every_copy_but_the_dark_one_leaves_an_even_image_alone() -> None:
    even = np.full((3, 48, 48), 100, np.uint8)
    for copy in spoil.COPIES:
        expected = round(255 * (100 / 255) ** 2) if copy.name == "dark" else 100
        assert np.abs(copy.make(even).astype(int) - expected).max() <= 1, copy.name


def test_blur_has_the_stated_width() -> None:
    point = np.zeros((1, 48, 48), np.uint8)
    point[0, 24, 24] = 255
    # A bright bar is bright enough to survive rounding to whole levels.
    point[0, 24] = 255
    profile = spoil.blurred(point)[0, :, 24].astype(float)
    rows = np.arange(48) - 24
    assert np.sqrt((profile * rows**2).sum() / profile.sum()) == pytest.approx(1.5, abs=0.08)


def test_small_is_the_mean_of_2x2_pixels_enlarged() -> None:
    made = spoil.small(FACES)
    means = FACES[0].reshape(24, 2, 24, 2).mean(axis=(1, 3))
    assert abs(float(made[0, 0, 0]) - means[0, 0]) <= 1
    fine = (np.indices((48, 48)).sum(axis=0) % 2 * 200).astype(np.uint8)[None]
    assert np.ptp(spoil.small(fine)) == 0


def test_jpeg_is_the_codec_s() -> None:
    smooth = cv2.GaussianBlur(FACES[0], (0, 0), 3)[None]
    _, blob = cv2.imencode(".jpg", smooth[0], [cv2.IMWRITE_JPEG_QUALITY, 30])
    expected = cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(spoil.jpeg(smooth)[0], expected)
    error = np.abs(spoil.jpeg(smooth).astype(int) - smooth).mean()
    assert 0.5 < error < 12


def test_dark_is_gamma_two() -> None:
    levels = np.array([0, 64, 128, 255], np.uint8).reshape(1, 2, 2)
    assert spoil.dark(levels).ravel().tolist() == [0, 16, 64, 255]


def _spot(image: np.ndarray) -> tuple[float, float]:
    y, x = np.indices(image.shape)
    weight = image.astype(float)
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


def test_rotation_turns_even_rows_left_and_odd_rows_right_by_15_degrees() -> None:
    image = np.zeros((48, 48), np.float32)
    cv2.circle(image, (38, 24), 3, 255, -1)
    stack = np.stack([image, image]).astype(np.uint8)
    angles = []
    for made in spoil.rotated(stack):
        x, y = _spot(made)
        angles.append(np.degrees(np.arctan2(23.5 - y, x - 23.5)))
    before = np.degrees(np.arctan2(23.5 - 24, 38 - 23.5))
    assert np.array(angles) - before == pytest.approx([15, -15], abs=0.5)


def test_jitter_moves_by_at_most_a_tenth_of_the_side() -> None:
    image = np.zeros((48, 48), np.uint8)
    cv2.circle(image, (23, 23), 2, 255, -1)
    moves = np.array([_spot(made) for made in spoil.jittered(np.stack([image] * 200))]) - 23
    assert 4.3 < np.abs(moves).max() < 4.8 + 0.1
    assert np.abs(moves.mean(axis=0)).max() < 0.8
    ring = np.zeros((48, 48), np.uint8)
    cv2.circle(ring, (23, 23), 10, 255, -1)
    areas = np.array([(made > 127).sum() for made in spoil.jittered(np.stack([ring] * 200))])
    scales = np.sqrt(areas / (ring > 127).sum())
    assert 0.87 < scales.min() < 0.93
    assert 1.07 < scales.max() < 1.13


def test_samples_are_spread_over_the_split() -> None:
    labels = np.repeat(np.arange(7), 10).astype(np.int32)
    probs = np.eye(7)[np.where(np.arange(70) % 2, labels, (labels + 1) % 7)] * 0.9 + 0.1 / 7
    chosen = choose_samples(probs, labels, np.arange(70) + 1000, each=3)
    assert len(chosen) == 7 * 2 * 3
    assert [s["row"] for s in chosen[:6]] == [1001, 1005, 1009, 1000, 1004, 1008]
    assert all((s["label"] == s["predicted"]) == s["right"] for s in chosen)
    assert choose_samples(probs[:1], labels[:1], np.array([7]))[0]["predicted"] == "disgust"


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
    assert metrics["ferplus_votes"].keys() == {"nll", "jensen_shannon"}
    assert metrics.keys() >= {"shipped_mixture", "nll", "ece_15_before_and_after", "confusion"}
    json.dumps(metrics, allow_nan=False)


def _without_votes(data: fer2013.Fer2013) -> fer2013.Fer2013:
    return fer2013.Fer2013(
        data.images,
        data.labels,
        np.zeros_like(data.votes),
        np.zeros_like(data.other_votes),
        data.usage,
    )


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
    done = invoke("--curves", tmp_path / "log.jsonl", "--groups", tmp_path / "groups.csv")
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
