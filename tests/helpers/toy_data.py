"""Miniature data for tests of the training code."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fervid.models.cards import load_npz
from fervid.records import EXPRESSIONS
from training import fer2013


def toy_fer(count: int = 96, seed: int = 0) -> fer2013.Fer2013:
    """Seven classes that differ in the row of a bright bar; half Training, half PublicTest."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(EXPRESSIONS), count).astype(np.int32)
    images = rng.integers(0, 80, (count, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 6 * label : 8 + 6 * label] += 150
    votes = np.eye(len(EXPRESSIONS), dtype=np.float32)[labels] * 10
    usage = (np.arange(count) % 2).astype(np.int8)
    return fer2013.Fer2013(images, labels, votes, np.zeros((count, 3), np.float32), usage)


def without_votes(data: fer2013.Fer2013) -> fer2013.Fer2013:
    """The same as if nobody had voted."""
    return dataclasses.replace(data, votes=data.votes * 0, other_votes=data.other_votes * 0)


def write_csv(data: fer2013.Fer2013, path: Path) -> Path:
    """The data as the official fer2013.csv."""
    pd.DataFrame(
        {
            "emotion": data.labels,
            "pixels": [" ".join(map(str, image.ravel())) for image in data.images],
            "Usage": [fer2013.USAGES[usage] for usage in data.usage],
        }
    ).to_csv(path, index=False)
    return path


def read_log(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's log, without the seconds, which no two runs share."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name != "seconds"} for line in lines]


def check_resume(
    train: Any, data: Any, recipe: Any, folder: Path, whole: Path | None = None
) -> None:
    """A training killed at its first report and given again ends with the very same weights.

    `whole` is the stem of what an uninterrupted run wrote, if there is one.
    """
    if whole is None:
        whole = train(data, recipe, folder / "whole", report=lambda _: None)

    class KilledError(Exception):
        pass

    def stop_after_the_first(_: str) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(data, recipe, folder / "cut", report=stop_after_the_first)
    resumed = train(data, recipe, folder / "cut", report=lambda _: None)
    assert read_log(whole.parent) == read_log(folder / "cut")
    expected, got = (load_npz(stem.with_name(stem.name + ".npz")) for stem in (whole, resumed))
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], got[name], err_msg=name)
