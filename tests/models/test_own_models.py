"""`--weights` and `--labels`: models from disk, one head or both, and what is refused."""

import functools
import io
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner, Result
from flax import nnx
from scipy.special import softmax

import fervid
from fervid.cli import main
from fervid.errors import SetupError
from fervid.expressions.classifier import ExpressionClassifier
from fervid.models import cards as model_cards
from fervid.models.cards import read_card, read_weights
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import set_evaluation, to_arrays
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS, FaceCrops
from fervid.results.files import read_meta
from fervid.settings import Settings
from fervid.settings.choices import EXPRESSION_MODELS, LABELS
from fervid.timeline import Timeline
from training.release import write_files, write_model

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "sample_media" / "expressions.mp4"
CARD: dict[str, Any] = {
    "version": "7",
    "config": {"stages": [[4], [6]], "squeeze_excite": True},
    "calibration": {"fer_temperature": 0.5, "ferplus_temperature": 2.0, "ferplus_share": 0.3},
}


@functools.cache
def tiny_model() -> ExpressionNet:
    return ExpressionNet(ExpressionNetConfig.of_card(CARD), rngs=nnx.Rngs(3))


def put(folder: Path, card: dict[str, Any] | None = None, name: str = "net-0.2") -> Path:
    """Save the tiny model as training does; the common stem of its two files."""
    write_model(folder / name, tiny_model(), CARD if card is None else card)
    return folder / name


def ship_blob(folder: Path, blob: bytes) -> None:
    """Other weights under the same name, with the right sha256."""
    write_files(folder / "net-0.2", blob, CARD)


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def random_crops(count: int = 3) -> FaceCrops:
    images = np.random.default_rng(0).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    return FaceCrops(images, np.arange(count, dtype=np.int32))


def expected(images: Any, temperatures: tuple[float, float], share: float) -> Any:
    """(N, 7) mixture of the heads' distributions, the mean over mirroring."""
    model = tiny_model()
    set_evaluation(model)
    views = []
    for view in (images, images[:, :, ::-1]):
        fer, ferplus = (
            softmax(np.asarray(logits, np.float64) / t, axis=1)
            for logits, t in zip(model(jnp.asarray(view)), temperatures, strict=True)
        )
        views.append((1 - share) * fer + share * ferplus)
    return np.mean(views, axis=0)


@pytest.mark.parametrize("suffix", ["", ".npz", ".json"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_to_either_file_or_the_stem_names_a_model(
    tmp_path: Path, suffix: str, kind: type
) -> None:
    path = kind(f"{put(tmp_path)}{suffix}")
    assert read_card(path)["name"] == "net-0.2"
    assert read_card(path)["config"] == CARD["config"]
    saved, read = to_arrays(tiny_model()), read_weights(path)
    assert read.keys() == saved.keys()
    for name, array in read.items():
        np.testing.assert_array_equal(array, saved[name])


@pytest.mark.parametrize(("labels", "share"), [("fer2013", 0), ("ferplus", 1), ("mixture", 0.3)])
def test_a_saved_model_answers_with_the_calibrated_heads_that_labels_choose(
    tmp_path: Path, labels: Any, share: float
) -> None:
    crops = random_crops()
    classifier = ExpressionClassifier(put(tmp_path), labels, batch_size=2)
    assert classifier.warnings == ()
    probs = classifier.classify(crops).probs
    np.testing.assert_allclose(probs, expected(crops.images, (0.5, 2.0), share), atol=1e-5)


def test_a_card_without_calibration_means_temperatures_of_1_and_a_warning(tmp_path: Path) -> None:
    bare = {key: value for key, value in CARD.items() if key != "calibration"}
    classifier = ExpressionClassifier(put(tmp_path, bare))
    crops = random_crops()
    probs = classifier.classify(crops).probs
    np.testing.assert_allclose(probs, expected(crops.images, (1.0, 1.0), 0.5), atol=1e-5)
    assert len(classifier.warnings) == 1
    assert "net-0.2 is not calibrated" in classifier.warnings[0]


def test_half_precision_weights_are_read_as_float32(tmp_path: Path) -> None:
    path = put(tmp_path)
    full = to_arrays(tiny_model())
    ship_blob(tmp_path, npz({name: array.astype(np.float16) for name, array in full.items()}))
    for name, array in read_weights(path).items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, full[name].astype(np.float16).astype(np.float32))
    crops = random_crops()
    probs = ExpressionClassifier(path).classify(crops).probs
    np.testing.assert_allclose(probs, expected(crops.images, (0.5, 2.0), 0.3), atol=0.01)


def test_a_shipped_name_wins_over_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, name="expression")
    assert read_card("expression")["version"] != "7"
    assert read_card("./expression")["version"] == read_card("expression.npz")["version"] == "7"


def test_a_broken_installation_is_no_fault_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_cards.resources, "files", lambda _: tmp_path)
    (tmp_path / "weights").mkdir()
    with pytest.raises(SetupError, match="missing"):
        ExpressionClassifier()
    put(tmp_path / "weights", {"version": "1"}, "expression")
    with pytest.raises(SetupError, match="lacks config; reinstall"):
        ExpressionClassifier()


@pytest.fixture
def invoke() -> Iterator[Callable[..., Result]]:
    """Run a command in this process; what it does to signals is undone."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(name) for name in names]
    yield lambda *args: CliRunner().invoke(main, [str(arg) for arg in args])
    for name, handler in zip(names, before, strict=True):
        signal.signal(name, handler)


def test_own_weights_and_labels_reach_tables_meta_and_report(
    tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    path = put(tmp_path, {key: value for key, value in CARD.items() if key != "calibration"})
    options = ("--end", "0.5", "--fps", "4", "--labels", "ferplus", "-o", tmp_path)
    done = invoke("analyze", CLIP, "--weights", path, *options)
    assert done.exit_code == 0, done.stderr
    assert "warning: model net-0.2 is not calibrated" in done.stderr
    folder = tmp_path / "expressions.mp4.fervid"
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["settings"]["weights"] == meta["models"][1]["name"] == "net-0.2"
    assert meta["settings"]["labels"] == "ferplus"
    assert meta["models"][1]["sha256"] == read_card(path)["sha256"]
    page = (folder / "report.html").read_text("utf-8")
    assert "<dt>weights</dt><dd>net-0.2</dd>" in page
    assert "<dt>labels</dt><dd>ferplus</dd>" in page
    assert read_card(path)["sha256"] in page
    assert "not calibrated" in page
    assert str(tmp_path) not in page + (folder / "meta.json").read_text()
    written = Timeline.read(folder)
    other = fervid.analyze(CLIP, end=0.5, fps=4, weights=path, labels="fer2013")
    columns = list(EXPRESSIONS)
    assert not np.allclose(other.frames[columns], written.frames[columns], atol=1e-3)


def edit(folder: Path, **changes: Any) -> None:
    """Change entries of the card; None removes one."""
    path = folder / "net-0.2.json"
    card = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def test_a_model_that_changes_meanwhile_is_told_as_it_was_loaded(tmp_path: Path) -> None:
    """The models of a run are loaded once: later results must not pass for another model's."""
    path = put(tmp_path)
    settings = Settings(weights=path, end=0.3, fps=4)
    analyzer = Analyzer(settings)
    analyzer.analyze(CLIP, tmp_path / "first.fervid")
    edit(tmp_path, calibration={**CARD["calibration"], "ferplus_share": 0.9})
    analyzer.analyze(CLIP, tmp_path / "second.fervid")
    first, second = (
        read_meta(tmp_path / f"{name}.fervid")["request"] for name in ("first", "second")
    )
    assert first == second
    assert Analyzer(settings).analyze(CLIP, tmp_path / "second.fervid").redone == (
        "the expression model has changed"
    )


def calibrate(folder: Path, value: Any) -> None:
    edit(folder, calibration=value)


def reshape(folder: Path, **config: Any) -> None:
    edit(folder, config={**CARD["config"], **config})


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def write_card(folder: Path, text: str) -> None:
    (folder / "net-0.2.json").write_text(text)


def wrong_weights(folder: Path, change: Callable[[Any], Any]) -> None:
    arrays = to_arrays(tiny_model())
    ship_blob(folder, npz({**arrays, "fer.bias": change(arrays["fer.bias"])}))


REFUSED: dict[str, Callable[[Path], object]] = {
    "exists; shipped expression models: expression": remove,
    "net-0.2.json: is missing; it must be beside net-0.2.npz": lambda f: (
        f / "net-0.2.json"
    ).unlink(),
    "net-0.2.npz: is missing; it must be beside net-0.2.json": lambda f: (
        f / "net-0.2.npz"
    ).unlink(),
    "the model card is not JSON": lambda f: write_card(f, "{"),
    "card is not JSON": lambda f: write_card(f, "[" * 100_000),
    "the model card is not a JSON object": lambda f: write_card(f, "[]"),
    "not an expression model": lambda f: write_card(f, json.dumps(read_card("face_detector"))),
    "the model card lacks name": lambda f: edit(f, name=None),
    "the model card lacks version": lambda f: edit(f, version=2),
    "the model card lacks config": lambda f: edit(f, config=None),
    "the model card lacks sha256": lambda f: edit(f, sha256=None),
    "config of the model card: unknown key depth": lambda f: reshape(f, depth=3),
    "stages must be a list": lambda f: reshape(f, stages=3),
    "stages must be lists of": lambda f: reshape(f, stages=[4, [6]]),
    "stages must be lists of whole": lambda f: reshape(f, stages=[[4], []]),
    "lists of whole numbers above 0": lambda f: reshape(f, stages=[[4], [-6]]),
    "block must be one of conv, residual": lambda f: reshape(f, block="dense"),
    "fold must be a whole number": lambda f: reshape(f, fold=2.5),
    "fold and pools must divide 48": lambda f: reshape(f, fold=5),
    "pools must divide 48 pixels": lambda f: reshape(f, stages=[[4]] * 9),
    "squeeze_excite must be true or false": lambda f: reshape(f, squeeze_excite=1),
    "squeeze_excite needs stages of 4": lambda f: reshape(f, stages=[[2], [6]]),
    "dropout from 0 to below 1": lambda f: reshape(f, dropout=1),
    "calibration of the model card: not a JSON object": lambda f: calibrate(f, [1, 2]),
    "unknown key temperature": lambda f: calibrate(f, {"temperature": 1}),
    "fer_temperature must be a number": lambda f: calibrate(f, {"fer_temperature": "1"}),
    "temperatures must be above 0": lambda f: calibrate(f, {"fer_temperature": 0}),
    "ferplus_share must be between": lambda f: calibrate(f, {"ferplus_share": 1.5}),
    "sha256 differs from the model card": lambda f: edit(f, sha256="0" * 64),
    "weights are damaged or not plain": lambda f: ship_blob(f, npz(to_arrays(tiny_model()))[:900]),
    "damaged or not plain": lambda f: ship_blob(f, b"\x93NUMPY"),
    "not plain arrays": lambda f: wrong_weights(f, lambda _: np.array([{"x": 1}], object)),
    "not plain arrays of numbers": lambda f: wrong_weights(f, lambda _: np.array(["x"])),
    "contain numbers that are not finite": lambda f: wrong_weights(f, lambda a: a * np.nan),
    "numbers that are not finite": lambda f: wrong_weights(f, lambda _: np.full(7, 1e300)),
    "do not fit the network at fer.bias": lambda f: wrong_weights(f, lambda a: a[:6]),
    "do not fit the network at stages.0.0": lambda f: reshape(f, stages=[[8], [6]]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_an_own_model_is_refused_in_one_line_before_anything_is_written(
    tmp_path: Path, invoke: Callable[..., Result], message: str
) -> None:
    path = put(tmp_path)
    REFUSED[message](tmp_path)
    before = sorted(file.name for file in tmp_path.iterdir())
    done = invoke("analyze", CLIP, "--weights", path, "-o", tmp_path)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("fervid: ")
    assert message in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == before


@pytest.mark.parametrize("weights", ["face_detector", "nobody", "", ".", "no\nsuch/x.npz", "a\0b"])
def test_names_that_are_no_expression_model_are_refused(
    tmp_path: Path, invoke: Callable[..., Result], weights: str
) -> None:
    done = invoke("analyze", CLIP, "--weights", weights, "-o", tmp_path)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "model" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_weights_that_give_no_numbers_end_in_one_line(
    tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    path = put(tmp_path)
    arrays = to_arrays(tiny_model())
    broken = {name: -array if name.endswith(".var") else array for name, array in arrays.items()}
    ship_blob(tmp_path, npz(broken))
    options = ("--end", "0.2", "-o", tmp_path / "out")
    done = invoke("analyze", CLIP, "--weights", path, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "fervid: model net-0.2: its weights give no probabilities\n"


def test_other_labels_are_refused(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    assert invoke("analyze", CLIP, "--labels", "both", "-o", tmp_path).exit_code == 2
    with pytest.raises(ValueError, match="mixture, fer2013, ferplus"):
        fervid.analyze(CLIP, labels="both")
    labels: Any = "both"
    with pytest.raises(ValueError, match="mixture, fer2013, ferplus"):
        ExpressionClassifier(labels=labels)


def test_help_says_what_the_choices_are(invoke: Callable[..., Result]) -> None:
    words = " ".join(invoke("analyze", "--help").stdout.split())
    assert f"[{'|'.join(LABELS)}]" in words
    assert f"[default: {EXPRESSION_MODELS[0]}]" in words
    assert "NAME for your own NAME.npz with its card NAME.json" in words


def test_models_prints_one_card_or_all(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    every = invoke("models")
    for name in model_cards.CARDS:
        one = invoke("models", name)
        assert one.exit_code == 0
        assert one.stdout in every.stdout
        assert one.stdout.startswith(f"{name} (")
    assert every.stdout.endswith(f"Default for expressions: {EXPRESSION_MODELS[0]}\n")
    own = invoke("models", put(tmp_path, {**CARD, "task": "red \x1b[31m"}))
    assert own.stdout.startswith("net-0.2 (7)\n===========\n")
    assert "\ntask: red \\x1b[31m\n" in own.stdout
    missing = invoke("models", tmp_path / "none")
    assert (missing.exit_code, missing.stdout, missing.stderr.count("\n")) == (1, "", 1)
