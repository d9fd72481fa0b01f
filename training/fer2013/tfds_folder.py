"""A data set that TensorFlow Datasets prepared (see `tfds_builder`), read without TensorFlow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from training.fer2013 import pictures
from training.fer2013.records import Fer2013, record

USAGE_BY_SPLIT = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
"""The splits of the TFDS data set and their names in the official csv."""

NAME = "fer2013"
_INFO = "dataset_info.json"


def find(path: Path) -> Path | None:
    """The prepared data set at `path` or below it; None if there is none.

    Args:
        path: `.../fer2013/<config>/<version>`, or one of the folders above up to the data_dir.

    Raises:
        FervidError: there is more than one.
    """
    below = (_INFO, f"*/{_INFO}", f"*/*/{_INFO}", f"{NAME}/*/*/{_INFO}")
    infos = (info for pattern in below for info in path.glob(pattern))
    folders = sorted({info.parent for info in infos if _name(info) == NAME})
    if len(folders) > 1:
        several = ", ".join(str(folder.relative_to(path)) for folder in folders)
        raise FervidError(
            f"{path}: contains more than one prepared data set; give one of {several}"
        )
    return folders[0] if folders else None


def _name(info: Path) -> str | None:
    try:
        return str(json.loads(info.read_bytes()).get("name"))
    except (ValueError, AttributeError):
        return None


def files(folder: Path) -> list[Path]:
    """All files of a prepared data set."""
    return sorted(path for path in folder.iterdir() if path.is_file())


def read(folder: Path) -> Fer2013:
    """Read a prepared data set, in the order of its rows; with votes if its config has them.

    Raises:
        FervidError: tensorflow-datasets is not installed, or the data set is not as
            `tfds_builder` prepares it.
    """
    again = "prepare it again with: python -m training.fer2013.prepare"
    try:
        examples = _examples(folder)
    except ImportError as error:
        raise FervidError(
            f"{folder}: needs {error.name}, which is not installed; install fervid[training], or "
            "give fer2013.csv"
        ) from error
    except Exception as error:  # TFDS and its readers raise many kinds of errors.
        reason = " ".join(str(error).split())[:200]
        raise FervidError(f"{folder}: cannot be read: {reason}; {again}") from error
    examples.sort(key=lambda example: example["row"])
    if [example["row"] for example in examples] != list(range(len(examples))):
        raise FervidError(f"{folder}: rows are missing or repeated; {again}")
    images = [pictures.decode(e["image"], f"{folder}: row {e['row']}") for e in examples]
    labels, usages = [e["label"] for e in examples], [e["usage"] for e in examples]
    data = record(folder, images, labels, usages)
    if "votes" not in examples[0]:
        return data
    votes = np.array([example["votes"] for example in examples], np.float32)
    seven, others = np.split(votes, [len(EXPRESSIONS)], axis=1)
    return replace(data, votes=seven, other_votes=others)


def _examples(folder: Path) -> list[dict[str, Any]]:
    """The features of all examples, the image as file bytes, and `usage`."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    features = builder.info.features
    missing = {"image", "label", "row"} - features.keys()
    if missing:
        raise ValueError(f"it has no feature {', '.join(sorted(missing))}")
    if tuple(features["label"].names) != EXPRESSIONS:
        raise ValueError(f"its classes are {', '.join(features['label'].names)}")
    undecoded = {"image": tfds.decode.SkipDecoding()}
    return [
        {**example, "usage": usage}
        for split, usage in USAGE_BY_SPLIT.items()
        for example in builder.as_data_source(split=split, decoders=undecoded)
    ]
