"""A made result of five faces, two of whom are one person and one of whom is two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fervid.records import Expressions, FrameBatch, Thumbnail
from fervid.report.maker import ReportMaker
from fervid.results.rows import frame_table
from fervid.results.writer import ResultWriter
from tests.helpers.known_faces import faces_at, rows_of, settled, tracked

SEEN = {1: (0, 40), 2: (0, 80), 3: (10, 80), 4: (50, 80), 5: (80, 90)}
"""From which frame to which each face is seen; a tenth of a second apart."""
SHOWS = {1: 3, 2: 3, 3: 4, 4: 0, 5: 5}
"""Index of the expression that each shows throughout."""


def made_talk(home: Path, pictures: Sequence[Thumbnail] = ()) -> Path:
    """Nine seconds of five faces, the last of which is alone at the end."""
    count = 100
    pairs = [(at, face) for at in range(count) for face, (a, b) in SEEN.items() if a <= at < b]
    frames, ids = [at for at, _ in pairs], [face for _, face in pairs]
    probs = 0.02 + 0.86 * np.eye(7, dtype=np.float32)[[SHOWS[face] for face in ids]]
    batch = FrameBatch(np.zeros((count, 1, 1), np.uint8), np.arange(count), np.arange(count) / 10)
    found = faces_at(frames, [[20 * face, 10, 16, 16] for face in ids])
    rows, episodes = settled(rows_of(batch, tracked(found, ids), Expressions.of_free_faces(probs)))
    folder = home / "talk.mp4.fervid"
    rest = {"resting_face": "found", "rest_visits": 2}
    resting = [
        {"face_id": 1, "rest_s": 3.0, "rest_rows": 30, "rest_spread": 0.1, **rest},
        {"face_id": 4, "rest_s": 1.0, "rest_rows": 10, "rest_spread": 0.3, **rest},
    ]
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.append(frame_table(rows))
        about = {"name": "talk.mp4", "duration_s": 10.0, "width": 200, "height": 100}
        meta = {"recording": about, "warnings": [], "resting_faces": resting, "provenance": []}
        writer.finish(episodes, meta, pictures)
    return folder
