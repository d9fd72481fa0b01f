import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from flax import nnx

from fervid.cli import main
from fervid.errors import ModelError, SetupError
from fervid.models import cards as model_cards
from fervid.models.card_pages import page_of
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import restore, to_arrays
from fervid.records import EXPRESSIONS
from fervid.settings.choices import EXPRESSION_MODELS

TINY = ExpressionNetConfig(stages=((4,), (4,)))


@pytest.mark.parametrize("name", model_cards.CARDS)
def test_cards_say_what_a_reader_needs_and_match_their_weights(name: str) -> None:
    card = model_cards.read_card(name)
    for key in ("task", "data", "splits", "metrics", "limits", "date", "command", "license"):
        assert card[key], key
    weights = model_cards.read_weights(name)
    assert sum(array.size for array in weights.values()) > 100_000
    assert all(np.isfinite(array).all() for array in weights.values())


@pytest.mark.parametrize("name", EXPRESSION_MODELS)
def test_expression_cards_report_a_whole_private_test(name: str) -> None:
    private = model_cards.read_card(name)["metrics"]["PrivateTest"]
    table = np.array(private["confusion"])
    assert table.shape == (len(EXPRESSIONS), len(EXPRESSIONS))
    assert table.sum() == private["fer_accuracy"]["n"] == 3589
    percent = 100 * np.trace(table) / table.sum()
    assert private["fer_accuracy"]["percent"] == pytest.approx(percent, abs=0.01)


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    np.savez(folder / "toy.npz", a=np.ones(3))
    digest = hashlib.sha256((folder / "toy.npz").read_bytes()).hexdigest()
    (folder / "toy.json").write_text(json.dumps({"sha256": digest}))
    monkeypatch.setattr(model_cards.resources, "files", lambda _: tmp_path)
    monkeypatch.setattr(model_cards, "CARDS", ("toy", "none"))
    assert model_cards.read_weights("toy")["a"].tolist() == [1, 1, 1]
    (folder / "toy.npz").write_bytes((folder / "toy.npz").read_bytes() + b"x")
    with pytest.raises(SetupError, match="sha256"):
        model_cards.read_weights("toy")
    with pytest.raises(SetupError, match="missing"):
        model_cards.read_weights("none")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", a=np.array([{"x": 1}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        model_cards.load_npz(tmp_path / "bad.npz")


@pytest.mark.slow
def test_weights_survive_the_way_to_arrays_and_back() -> None:
    one = ExpressionNet(TINY, rngs=nnx.Rngs(1))
    two = restore(lambda rngs: ExpressionNet(TINY, rngs=rngs), to_arrays(one))
    for name, array in to_arrays(one).items():
        np.testing.assert_array_equal(array, to_arrays(two)[name])


@pytest.mark.slow
def test_weights_of_another_network_are_refused() -> None:
    other = ExpressionNet(ExpressionNetConfig(stages=((4,), (8,))), rngs=nnx.Rngs(0))
    with pytest.raises(ModelError, match="do not fit"):
        restore(lambda rngs: ExpressionNet(TINY, rngs=rngs), to_arrays(other))


def test_the_page_of_model_cards_is_current() -> None:
    done = CliRunner().invoke(main, ["models", "--markdown"])
    assert done.exit_code == 0
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    assert page == done.stdout, "fervid models --markdown > docs/models.md"


def test_a_page_shows_every_figure_of_the_cards() -> None:
    page = page_of([model_cards.read_card("expression")])
    assert "| fer accuracy | 68.49% ± 1.52 (n = 3,589) |" in page
    assert "| fear | 67 | 5 | 217 | 17 | 100 | 65 | 57 |" in page
    assert "| fear | 0.559 | 0.411 | 0.474 |" in page


def test_a_card_of_ones_own_may_hold_anything() -> None:
    metrics = {"PublicTest": {"confusion": [[1]], "recall": 0.5, "points": [{"a": 1}, {"b": "|"}]}}
    page = page_of([{"name": "odd", "data": {"from": ["here"]}, "metrics": metrics, "extra": None}])
    for line in ("| recall | 0.5 |", "| confusion | [[1]] |", "| a | b |", r"|  | \| |"):
        assert line in page.splitlines()
