"""Writes models: arrays in NAME.npz, and a model card with their sha256 in NAME.json."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from fervid.models.store import to_arrays
from training.atomic import whole_file

WEIGHTS = Path(__file__).parent.parent / "fervid" / "weights"
"""The folder of shipped weights."""


def write_model(
    stem: Path, model: nnx.Module, card: dict[str, Any], dtype: type[np.floating] = np.float32
) -> None:
    """Write `stem`.npz and `stem`.json; the card gets the name and the sha256 of the arrays.

    Args:
        stem: path without suffix; its last part names the model.
        model: any of fervid's networks.
        card: the model card, ready for JSON.
        dtype: dtype of the stored arrays; float16 halves the file, but networks compute in float32.
    """
    buffer = io.BytesIO()
    arrays = {name: array.astype(dtype) for name, array in to_arrays(model).items()}
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_files(stem, buffer.getvalue(), card)


def write_files(stem: Path, blob: bytes, card: dict[str, Any]) -> None:
    """Write the content of `stem`.npz, and `stem`.json with its sha256."""
    card = {"name": stem.name, **card, "sha256": hashlib.sha256(blob).hexdigest()}
    for suffix, content in (
        (".npz", blob),
        (".json", (json.dumps(card, indent=2) + "\n").encode()),
    ):
        with whole_file(stem.with_name(stem.name + suffix)) as file:
            file.write(content)


def today() -> str:
    """The date of a model card, in UTC."""
    return datetime.now(UTC).date().isoformat()
