"""Weights on disk: one .npz of plain arrays (never pickled) and a JSON model card beside it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from fervid.errors import SetupError

Arrays = Mapping[str, NDArray[Any]]


def to_arrays(model: nnx.Module) -> dict[str, NDArray[Any]]:
    """Parameters and batch statistics by dotted path, as NumPy arrays."""
    state = nnx.state(model, nnx.Any(nnx.Param, nnx.BatchStat))
    return {
        ".".join(map(str, path)): np.asarray(leaf[...]) for path, leaf in nnx.to_flat_state(state)
    }


def from_arrays(model: nnx.Module, arrays: Arrays) -> None:
    """Set the model's parameters and batch statistics in place.

    Raises:
        SetupError: a name or a shape does not fit the model.
    """
    state = nnx.state(model, nnx.Any(nnx.Param, nnx.BatchStat))
    flat = dict(nnx.to_flat_state(state))
    names = {".".join(map(str, path)): path for path in flat}
    if set(names) != set(arrays):
        raise SetupError(f"weights do not fit the network: {sorted(set(names) ^ set(arrays))[:3]}")
    for name, path in names.items():
        if flat[path].shape != arrays[name].shape:
            raise SetupError(f"weights do not fit the network: {name} has {arrays[name].shape}")
        flat[path].set_value(jnp.asarray(arrays[name], flat[path].dtype))
    nnx.update(model, nnx.from_flat_state(list(flat.items())))


def read_card(name: str) -> dict[str, Any]:
    """The model card of shipped weights, by name ("expression" or "face_detector").

    Raises:
        SetupError: the installation lacks the card.
    """
    try:
        text = (resources.files("fervid.weights") / f"{name}.json").read_text("utf-8")
    except FileNotFoundError as error:
        raise SetupError(f"no weights named {name}: fervid is not whole, install it again") from error
    card: dict[str, Any] = json.loads(text)
    return card


def read_weights(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of shipped weights, checked against the card's sha256.

    Raises:
        SetupError: the file is missing or altered.
    """
    try:
        blob = (resources.files("fervid.weights") / f"{name}.npz").read_bytes()
    except FileNotFoundError as error:
        raise SetupError(f"no weights named {name}: fervid is not whole, install it again") from error
    if hashlib.sha256(blob).hexdigest() != read_card(name)["sha256"]:
        raise SetupError(f"weights {name}: sha256 differs from the model card, install fervid again")
    return load_npz(io.BytesIO(blob))


def load_npz(file: Any) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name; pickled objects are refused."""
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
