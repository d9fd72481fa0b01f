"""Weights that ship: arrays, and a model card with their sha256."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from fervid.models.store import to_arrays

WEIGHTS = Path(__file__).parent.parent / "fervid" / "weights"
"""The folder whose content ships in the wheel."""


def save_candidate(path: Path, model: nnx.Module) -> None:
    """Write a model's arrays as float32 .npz, under a temporary name first."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **to_arrays(model))
    temporary.replace(path)


def ship(name: str, candidate: Path, card: dict[str, Any], folder: Path = WEIGHTS) -> None:
    """Put a candidate and its card, with the sha256 filled in, where fervid loads them from."""
    blob = candidate.read_bytes()
    card = {"name": name, **card, "sha256": hashlib.sha256(blob).hexdigest()}
    for suffix, content in (
        (".npz", blob),
        (".json", (json.dumps(card, indent=2) + "\n").encode()),
    ):
        temporary = folder / f"{name}{suffix}.part"
        temporary.write_bytes(content)
        temporary.replace(folder / f"{name}{suffix}")


def today() -> str:
    """The date of a model card, in UTC."""
    return datetime.now(UTC).date().isoformat()
