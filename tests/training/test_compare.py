"""Variants are trained on equal budgets, resumed, and told in a table and a page."""

import csv
import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from flax import nnx

from fervid.models.blocks import fold_luma
from fervid.models.expression_net import ExpressionNet, ExpressionNetConfig
from fervid.models.store import to_arrays
from tests.helpers.toy_data import toy_fer, write_csv
from training import fer2013
from training.compare import main, smaller
from training.comparison.variants import BASE, SMALL, VGG, multiplications, started, variants
from training.imagenet import gray_stem, with_stem
from training.presets import SHIPPED, TEACHER

pytestmark = pytest.mark.slow


def test_variants_change_one_thing_each_and_cost_what_their_shape_says() -> None:
    every = variants(8, 128, 3)
    base = every[0].recipe
    assert [variant.name for variant in every].index(BASE) == 0
    assert len({variant.name for variant in every}) == len(every)
    for variant in every[1:]:
        recipe = variant.recipe
        assert (recipe.epochs, recipe.batch, recipe.seed) == (8, 128, 3)
        assert recipe != base
        assert recipe.net == SMALL or vars(recipe) | {"net": SMALL} == vars(base)
    assert multiplications(SHIPPED) / 1e6 == pytest.approx(20.7, abs=0.05)
    assert multiplications(TEACHER) / 1e6 == pytest.approx(43.8, abs=0.05)
    tiny = ExpressionNetConfig(((8,), (4,)), block="residual", fold=1)
    kernels = to_arrays(ExpressionNet(tiny, rngs=nnx.Rngs(0))).items()
    taps = {name: array.size for name, array in kernels if name.endswith("kernel")}
    first = sum(size for name, size in taps.items() if name.startswith("stages.0"))
    second = sum(size for name, size in taps.items() if name.startswith("stages.1"))
    heads = sum(size for name, size in taps.items() if not name.startswith("stages"))
    assert multiplications(tiny) == 48**2 * first + 24**2 * second + heads


def test_a_start_is_compared_with_what_has_its_shape() -> None:
    every = variants(8, 128, 0)
    assert started(every, VGG, "x").recipe == next(v for v in every if v.name == "vgg").recipe
    assert started(every, SHIPPED, "x").recipe == every[0].recipe


def test_a_layer_from_imagenet_gives_the_same_for_gray_pictures() -> None:
    rng = np.random.default_rng(0)
    state = {
        "_conv_stem.weight": rng.normal(size=(32, 3, 3, 3)),
        **{f"_bn0.{name}": rng.normal(size=32) for name in ("weight", "bias", "running_mean")},
        "_bn0.running_var": rng.uniform(0.5, 2, 32),
    }
    model = with_stem(gray_stem(state), VGG)
    levels = rng.integers(0, 256, (1, 48, 48)).astype(np.float32)
    found = model.stages[0][0](fold_luma(jnp.asarray(levels), 1))
    colours = np.repeat((levels[..., None] - 127) / 128, 3, axis=3)
    kernel = jnp.asarray(state["_conv_stem.weight"].transpose(2, 3, 1, 0))
    made = jax.lax.conv_general_dilated(
        jnp.asarray(colours), kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    made = (made - state["_bn0.running_mean"]) / np.sqrt(state["_bn0.running_var"] + 1e-3)
    made = np.maximum(made * state["_bn0.weight"] + state["_bn0.bias"], 0)
    inner = np.s_[:, 1:-1, 1:-1]  # at the edge, zero is another level of gray
    np.testing.assert_allclose(found[inner], made[inner], atol=1e-3)


def test_fewer_images_keep_the_whole_of_public_test() -> None:
    part = smaller(toy_fer(96), 10)
    assert np.bincount(part.usage).tolist() == [10, 48]
    assert len(fer2013.without_leaks(part)) == 10


def test_the_command_trains_resumes_and_writes_table_and_page(tmp_path: Path) -> None:
    csv_file, out = write_csv(toy_fer(40), tmp_path / "fer2013.csv"), tmp_path / "compare"
    args = [str(csv_file), "--epochs", "1", "--batch", "8", "--out", str(out)]
    args += ["--only", "unnormalized", "--only", "kernel5"]
    done = CliRunner().invoke(main, [*args, "--only", "nothing"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "no variant nothing; variants are base, shallow" in done.output
    done = CliRunner().invoke(main, [*args, "--start", "expression"])
    assert done.exit_code == 0, done.output
    with (out / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == ["base", "kernel5", "unnormalized", "start"]
    for row in rows:
        (line,) = (out / row["variant"] / "log.jsonl").read_text().splitlines()
        assert float(row["public_fer"]) == json.loads(line)["public_fer"]
    logs = {path: path.read_bytes() for path in out.glob("*/log.jsonl")}
    again = CliRunner().invoke(main, [*args, "--start", "expression"])
    assert again.exit_code == 0, again.output
    assert logs == {path: path.read_bytes() for path in out.glob("*/log.jsonl")}
    page = (out / "comparison.html").read_text()
    assert "as base, started from expression" in page
    drawn = json.loads(re.search(r'id="figures">(.*?)</script>', page)[1])  # type: ignore[index]
    assert len(drawn) == 3
    assert all(f'id="{name}"' in page for name in drawn)
    assert (out / "comparison.md").read_text() in done.output
