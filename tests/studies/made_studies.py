"""Results whose people show what a test says, and tables about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.records import EXPRESSIONS
from fervid.results.codebook import EPISODES, dtypes
from fervid.results.rows import ROW, frame_table
from fervid.results.writer import ResultWriter

FPS = 10.0
SHOWN = 0.65
"""Change in nats from which something counts as shown."""


@dataclass
class Shows:
    """What one person shows.

    Attributes:
        change: nats above rest of some expressions, (N,) each.
        seen: (N,) whether the face is there.
        box: x, y, w, h in a frame of 640x360.
        frontality, sharpness: of all rows.
        rests: whether the resting face is known.
    """

    change: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    seen: NDArray[np.bool_] | None = None
    box: tuple[float, float, float, float] = (100, 100, 80, 80)
    frontality: float = 1.0
    sharpness: float = 1.0
    rests: bool = True


def times(seconds: float, fps: float = FPS) -> NDArray[np.float64]:
    """When frames are shown."""
    return np.arange(round(seconds * fps)) / fps


def bump(
    time_s: NDArray[np.float64], starts: Sequence[float], lasts: float, height: float = 3.0
) -> NDArray[np.float64]:
    """Height for some seconds from each start, else 0."""
    shown = np.zeros(len(time_s))
    for start in starts:
        shown[(time_s >= start - 1e-9) & (time_s < start + lasts - 1e-9)] = height
    return shown


def made_study_result(
    folder: Path, people: Sequence[Shows], seconds: float, *, fps: float = FPS,
    recording: dict[str, Any] | None = None, seed: int = 0,
) -> Path:  # fmt: skip
    """A result of these people, numbered from 1; values jitter by a twentieth of a nat."""
    time = times(seconds, fps)
    rng = np.random.default_rng(seed)
    rows, episodes = [], []
    for face, shows in enumerate(people, 1):
        mine = _rows(time, face, shows, 1 / fps, rng)
        rows.append(mine)
        for name in EXPRESSIONS:
            if name in shows.change:
                on = (shows.change[name] > SHOWN) & (True if shows.seen is None else shows.seen)
                episodes += _episodes(time, on, face, name, 1 / fps)
    both = np.concatenate(rows)
    faceless = np.setdiff1d(np.arange(len(time)), both["frame"])
    empty = np.zeros(len(faceless), ROW)
    empty["frame"], empty["time_s"] = faceless, time[faceless]
    both = np.concatenate([both, empty])
    about = {"name": folder.name.removesuffix(".fervid"), "width": 640, "height": 360}
    meta = {
        "fervid": "0.9.0",
        "recording": {**about, "duration_s": seconds, **(recording or {})},
        "expressions": list(EXPRESSIONS),
        "settings": {"fps": None, "smooth": 0.3, "min_confidence": 0.5},
        "models": [{"name": "expression", "version": "9", "sha256": "ab" * 32}],
        "resting_faces": [
            {"face_id": k, "resting_face": "found" if shows.rests else "unknown"}
            for k, shows in enumerate(people, 1)
        ],
    }
    types = dtypes(EPISODES)
    table = pd.DataFrame(episodes, columns=list(types)).astype(types)
    with ResultWriter(folder) as writer:
        writer.append(frame_table(both[np.argsort(both["frame"], kind="stable")]))
        writer.finish(table.sort_values(["onset", "face_id"], ignore_index=True), meta)
    return folder


def _rows(
    time: NDArray[np.float64], face: int, shows: Shows, lasts: float, rng: np.random.Generator
) -> NDArray[Any]:
    rows = np.zeros(len(time), ROW)
    rows["frame"], rows["time_s"], rows["face_id"] = np.arange(len(time)), time, face
    rows["score"], rows["weight"], rows["lasts_s"] = 0.9, 0.9, lasts
    rows["xywh"], rows["frontality"] = shows.box, shows.frontality
    rows["sharpness"], rows["compared"] = shows.sharpness, shows.rests
    names = [name for name in EXPRESSIONS if name != "neutral"]
    change = rng.normal(0, 0.05, (len(time), len(names)))
    for name, values in shows.change.items():
        change[:, names.index(name)] += values
    rows["change"] = change
    rows["intensity"] = np.clip(change.max(axis=1) / 4, 0, 1)
    logits = np.zeros((len(time), 7))
    logits[:, [EXPRESSIONS.index(name) for name in names]] = change - 3
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows["probs"] = rows["smooth"] = rows["adjusted"] = probs
    rows["state"] = -1
    return rows if shows.seen is None else rows[shows.seen]


def _episodes(
    time: NDArray[np.float64], on: NDArray[np.bool_], face: int, name: str, lasts: float
) -> list[tuple[Any, ...]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        start, stop = time[first], time[end - 1] + lasts
        span = (start, stop, stop - start, first, end - 1)
        found.append((face, name, *span, 0.9, start, 0.8, ""))
    return found


def save_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A table as people save it."""
    pd.DataFrame(list(rows)).to_csv(path, index=False)
    return path
