"""FER-2013 written in all its forms."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from tests.helpers.toy_data import toy_fer
from training import fer2013

FERPLUS_HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)


FERPLUS_ORDER = [6, 3, 5, 4, 0, 1, 2, 7, 8, 9]
"""Where each of FER+'s columns is in `votes` followed by `other_votes`."""


def truth() -> fer2013.Fer2013:
    """14 rows, the splits one after the other as in the official csv, with votes."""
    toy = toy_fer(14)
    rng = np.random.default_rng(1)
    votes, other = np.split(rng.integers(0, 11, (14, 10)).astype(np.float32), [7], axis=1)
    usage = np.repeat(np.arange(3), [8, 3, 3]).astype(np.int8)
    return dataclasses.replace(toy, votes=votes, other_votes=other, usage=usage)


def usage_of(data: fer2013.Fer2013, row: int) -> str:
    return fer2013.USAGES[data.usage[row]]


def write_csv(data: fer2013.Fer2013, path: Path) -> Path:
    lines = ["emotion,pixels,Usage"]
    for row, image in enumerate(data.images):
        pixels = " ".join(map(str, image.ravel()))
        lines.append(f"{data.labels[row]},{pixels},{usage_of(data, row)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_icml_csv(data: fer2013.Fer2013, path: Path) -> Path:
    lines = ["emotion, Usage, pixels"]
    for row, image in enumerate(data.images):
        pixels = " ".join(map(str, image.ravel()))
        lines.append(f"{data.labels[row]},{usage_of(data, row)},{pixels}")
    path.write_text("\r\n".join(lines) + "\r\n")
    return path


def write_votes(data: fer2013.Fer2013, path: Path) -> Path:
    lines = [FERPLUS_HEADER]
    for row, votes in enumerate(np.concatenate([data.votes, data.other_votes], axis=1)):
        counts = ",".join(str(int(votes[place])) for place in FERPLUS_ORDER)
        name = "" if row == 2 else f"fer{row + 7:07d}.png"
        lines.append(f"{usage_of(data, row)},{name},{counts}")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_folders(
    data: fer2013.Fer2013,
    path: Path,
    name: Callable[[str, int], str] = lambda usage, row: f"{usage}_{row:05d}.png",
    emotions: tuple[str, ...] = EXPRESSIONS,
) -> Path:
    for row, image in enumerate(data.images):
        usage = usage_of(data, row)
        half = "train" if usage == "Training" else "test"
        file = path / half / emotions[data.labels[row]] / name(usage, row)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(file.suffix, image)[1].tobytes())
    return path


def write_parquet(data: fer2013.Fer2013, path: Path) -> Path:
    votes = np.concatenate([data.votes, data.other_votes], axis=1).astype(np.int8)
    names = FERPLUS_HEADER.lower().split(",")[2:]
    table = {f"fp_{n}": votes[:, place] for n, place in zip(names, FERPLUS_ORDER, strict=True)}
    table["emotion"] = data.labels
    table["usage"] = [usage_of(data, row) for row in range(len(data))]
    table["image"] = [cv2.imencode(".png", image)[1].tobytes() for image in data.images]
    pd.DataFrame(table).to_parquet(path)
    return path


def assert_same(data: fer2013.Fer2013, expected: fer2013.Fer2013) -> None:
    for name, array in vars(expected).items():
        got = getattr(data, name)
        assert got.dtype == array.dtype, name
        np.testing.assert_array_equal(got, array, err_msg=name)


def one_line(path: Path, votes: Path | None = None) -> str:
    """The error that loading gives; it must be a single line."""
    with pytest.raises(FervidError) as caught:
        fer2013.load(path, votes)
    assert "\n" not in str(caught.value)
    return str(caught.value)
