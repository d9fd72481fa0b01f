"""Faces are hidden and lit as recordings do it, and a third head tells covered ones."""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers.toy_data import read_log, toy_fer
from training.looks import Looks, alter, random_cover, random_infrared, random_light
from training.presets import PRESETS
from training.train import train

pytestmark = pytest.mark.slow

GREY = jnp.full((64, 48, 48), 128.0)


def test_things_before_a_face_hide_a_part_of_it_and_say_whether_the_mouth_is_gone() -> None:
    pattern = 60.0 * (-1.0) ** jnp.indices((48, 48)).sum(axis=0)
    cover = jax.jit(random_cover, static_argnames="chance")
    key = jax.random.key(0)
    light, dark = (cover(key, GREY + sign * pattern, chance=1.0) for sign in (1, -1))
    hidden = 1 - np.abs(np.asarray(light[0] - dark[0])) / 120  # what is painted shows no pattern
    covered = np.asarray(light[1]) == 1
    share = hidden.mean(axis=(1, 2))
    assert 0.02 < share.min() < share.max() < 0.75
    mouth = hidden[:, 33:43, 15:33].mean(axis=(1, 2))
    np.testing.assert_array_equal(covered, mouth >= 0.6)
    assert 10 < covered.sum() < 54  # masks and hands, but neither glasses nor most microphones
    same, none = cover(key, GREY + pattern, chance=0.0)
    np.testing.assert_array_equal(same, GREY + pattern)
    assert not none.any()


def test_light_from_one_side_differs_between_the_sides() -> None:
    lit = np.asarray(
        jax.jit(random_light, static_argnames="chance")(jax.random.key(1), GREY, chance=1.0)
    )
    quarters = np.stack(
        [lit[:, :24, :24], lit[:, :24, 24:], lit[:, 24:, :24], lit[:, 24:, 24:]]
    ).mean(axis=(2, 3))
    assert (np.ptp(quarters, axis=0) > 10).mean() > 0.9


def test_an_infrared_lamp_lights_the_middle() -> None:
    lit = np.asarray(
        jax.jit(random_infrared, static_argnames="chance")(jax.random.key(2), GREY, chance=1.0)
    )
    assert (lit[:, 20:28, 20:28].mean(axis=(1, 2)) > lit[:, :4, :4].mean(axis=(1, 2)) + 20).all()


def test_looks_come_as_often_as_asked() -> None:
    for looks in (Looks(hidden=0.5), Looks(uneven=0.5), Looks(infrared=0.5)):
        altered, _ = jax.jit(alter, static_argnums=2)(jax.random.key(3), GREY, looks)
        share = (jnp.abs(altered - GREY).max(axis=(1, 2)) > 1).mean()
        assert 0.3 < float(share) < 0.7, looks


def test_a_third_head_learns_to_tell_covered_faces(tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        PRESETS["smoke"](), epochs=14, ema=0.9, hidden=0.9, covered_weight=4.0
    )
    train(toy_fer(256), recipe, tmp_path, report=lambda _: None)
    last = read_log(tmp_path)[-1]
    assert last["public_covered"] + last["public_free"] > 1.5  # 1 by chance
    assert json.loads((tmp_path / "best.json").read_text())["config"]["covered"] is True
