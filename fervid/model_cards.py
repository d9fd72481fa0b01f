"""The shipped weights: arrays checked against the sha256 of their model card. No jax here."""

from __future__ import annotations

import hashlib
import io
import json
import textwrap
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import SetupError

CARDS = ("face_detector", "expression")
"""Names of the shipped models, in the order in which a frame meets them."""


def read_card(name: str) -> dict[str, Any]:
    """The model card of shipped weights, by a name from `CARDS`.

    Raises:
        SetupError: the installation lacks the card.
    """
    card: dict[str, Any] = json.loads(_read(f"{name}.json"))
    return card


def read_weights(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of shipped weights by dotted path, checked against the card's sha256.

    Raises:
        SetupError: the file is missing or altered.
    """
    blob = _read(f"{name}.npz")
    if hashlib.sha256(blob).hexdigest() != read_card(name)["sha256"]:
        raise SetupError(f"weights {name}: sha256 differs from the model card; reinstall fervid")
    return load_npz(io.BytesIO(blob))


def load_npz(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name, as float32; pickled objects are refused."""
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in archive.files}


def _read(name: str) -> bytes:
    try:
        return (resources.files("fervid") / "weights" / name).read_bytes()
    except FileNotFoundError as error:
        raise SetupError(f"{name} is missing from this installation; reinstall fervid") from error


def describe(card: dict[str, Any]) -> str:
    """A model card as plain text for a terminal, 88 columns wide."""
    title = f"{card.get('name', 'model')} ({card.get('version', '?')})"
    lines = [title, "=" * len(title)]
    for key, value in card.items():
        if key not in ("name", "version", "config"):
            lines += _entry(key.replace("_", " "), value)
    return "\n".join(lines)


def _entry(key: str, value: Any, indent: int = 0) -> list[str]:
    margin = " " * indent
    if isinstance(value, dict) and value.keys() == {"percent", "plus_minus", "n"}:
        return [f"{margin}{key}: {value['percent']}% ± {value['plus_minus']} (n = {value['n']})"]
    if isinstance(value, dict):
        inner = [line for k, v in value.items() for line in _entry(k, v, indent + 2)]
        return [f"{margin}{key}:", *inner]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [f"{margin}{key}:", *(f"{margin}  {_flat(item)}" for item in value)]
    text = value if isinstance(value, str) else json.dumps(value)
    return textwrap.wrap(
        f"{margin}{key}: {text}", 88, subsequent_indent=margin + "  ", break_long_words=False
    )


def _flat(item: dict[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in item.items())
