"""Result folders made without analysing anything, for whoever reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervid.records import EXPRESSIONS, Expressions, FrameBatch
from fervid.report.maker import ReportMaker
from fervid.results.codebook import EPISODES, dtypes
from fervid.results.rows import frame_table
from fervid.results.writer import ResultWriter
from tests.helpers.known_faces import faces_at, rows_of, settled, tracked

Episode = tuple[int, str, float, float]
"""Who, what, onset and offset in seconds."""

HAPPY = (0.05, 0.0, 0.05, 0.7, 0.05, 0.1, 0.05)


def episode_table(episodes: Sequence[Episode]) -> pd.DataFrame:
    """The table of these episodes, by onset."""
    rows = [
        (face, what, onset, offset, offset - onset, 0, 1, 0.875, onset, 0.75, _before(onset))
        for face, what, onset, offset in episodes
    ]
    types = dtypes(EPISODES)
    table = pd.DataFrame(rows, columns=list(types)).astype(types)
    return table.sort_values(["onset", "face_id"], kind="stable", ignore_index=True)


def _before(onset: float) -> str:
    return "" if onset == 0 else "neutral"


def made_frames(
    times: Sequence[float],
    faces: Sequence[tuple[int, int, Sequence[float]]],
    *,
    frame_s: float = 0.1,
    probs: Sequence[float] = HAPPY,
) -> pd.DataFrame:
    """A table of frames at these times with faces (place in `times`, id, box x, y, w, h)."""
    count = len(times)
    batch = FrameBatch(np.zeros((count, 1, 1), np.uint8), np.arange(count), np.array(times))
    found = faces_at([frame for frame, *_ in faces], [list(box) for *_, box in faces])
    shown = Expressions.of_free_faces(
        np.tile(np.array(probs, np.float32), (len(faces), 1)).reshape(-1, 7)
    )
    rows = rows_of(batch, tracked(found, [who for _, who, _ in faces]), shown)
    return frame_table(settled(rows, frame_s=frame_s)[0])


def made_result(
    folder: Path,
    *,
    episodes: Sequence[Episode] = (),
    frames: pd.DataFrame | None = None,
    recording: dict[str, Any] | None = None,
) -> Path:
    """A result folder with these episodes and frames; a face for each person unless told."""
    if frames is None:
        people = sorted({face for face, *_ in episodes})
        frames = made_frames([0.0], [(0, who, (1, 1, 8, 8)) for who in people])
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.append(frames)
        meta = {"recording": recording or {"name": "clip.mp4"}, "expressions": list(EXPRESSIONS)}
        writer.finish(episode_table(episodes), {**meta, "warnings": []})
    return folder


AWKWARD: tuple[Episode, ...] = (
    (1, "happy", 0.0, 0.0004),
    (1, "sad", 0.0004, 0.0333667),
    (2, "angry", 0.0333667, 59.9995),
    (1, "neutral", 59.9995, 3599.9996),
    (12, "surprise", 3600.000499, 35_999.123456),
    (1, "happy", 35_999.9995, 86_399.5555),
)
"""Shorter than a millisecond, rounded up to a full minute or hour, and after a day."""
