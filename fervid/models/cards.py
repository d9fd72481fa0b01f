"""Reads model cards, and weights checked against the sha256 in their card. No jax here.

A model is given by a name in `CARDS` or by a path: of its weights NAME.npz, of its card NAME.json
beside them, or NAME for both. Shipped names win; write ./expression for a file of that name.
"""

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

from fervid.errors import FervidError, ModelError, SetupError
from fervid.settings.choices import EXPRESSION_MODELS

CARDS = ("face_detector", "face_likeness", *EXPRESSION_MODELS)
"""Names of the shipped models, in the order in which they process a frame."""


def read_card(model: str | Path) -> dict[str, Any]:
    """Read the model card of a shipped model or of one on disk.

    Raises:
        ModelError: the model or its card is missing, or the card is not a JSON object.
        SetupError: the same for a shipped model.
    """
    blob = _read(model, ".json")
    try:
        card = json.loads(blob)
    except (ValueError, RecursionError) as error:
        raise unusable(model, "the model card is not JSON") from error
    if not isinstance(card, dict):
        raise unusable(model, "the model card is not a JSON object")
    return card


def read_weights(model: str | Path) -> dict[str, NDArray[Any]]:
    """Read the float32 arrays of a model by dotted path, checked against the sha256 in its card.

    Raises:
        ModelError: the model, or one of its files, is missing, altered or damaged.
        SetupError: the same for a shipped model.
    """
    card = read_card(model)
    blob = _read(model, ".npz")
    if "sha256" not in card:
        raise unusable(model, "the model card lacks sha256")
    if hashlib.sha256(blob).hexdigest() != card["sha256"]:
        raise unusable(model, "sha256 differs from the model card")
    try:
        return load_npz(io.BytesIO(blob))
    except Exception as error:  # a damaged archive can raise almost any exception
        raise unusable(model, "weights are damaged or not plain arrays of numbers") from error


def unusable(model: str | Path, reason: str) -> FervidError:
    """The error for an unusable model: SetupError for a shipped one, else ModelError."""
    if _is_shipped(model):
        return SetupError(f"model {model}: {reason}; reinstall fervid")
    return ModelError(f"model {model}: {reason}")


def load_npz(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file by name, as float32; pickled objects are refused.

    Numbers too large for float32 become infinite.
    """
    with np.load(file, allow_pickle=False) as archive, np.errstate(over="ignore"):
        return {name: archive[name].astype(np.float32) for name in archive.files}


def _is_shipped(model: str | Path) -> bool:
    return str(model) in CARDS


def _read(model: str | Path, suffix: str) -> bytes:
    """Read a model's card (.json) or weights (.npz)."""
    if _is_shipped(model):
        file = resources.files("fervid") / "weights" / f"{model}{suffix}"
        try:
            return file.read_bytes()
        except FileNotFoundError as error:
            raise unusable(model, f"{file.name} is missing from this installation") from error
    path = _on_disk(model, suffix)
    try:
        if path.is_file():
            return path.read_bytes()
        raise _missing(model, path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error


def _on_disk(model: str | Path, suffix: str) -> Path:
    path = Path(model)
    stem = path.with_suffix("") if path.suffix in (".npz", ".json") else path
    return Path(f"{stem}{suffix}")  # with_suffix would cut names such as net-0.2


def _missing(model: str | Path, path: Path) -> ModelError:
    weights, card = _on_disk(model, ".npz"), _on_disk(model, ".json")
    beside = card if path == weights else weights
    if beside.is_file():
        return ModelError(f"{path}: is missing; it must be beside {beside.name}")
    shipped = ", ".join(EXPRESSION_MODELS)
    return ModelError(
        f"no model {model}: neither {weights} nor {card} exists; shipped expression models: "
        f"{shipped}"
    )


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
