"""Small results of made rows."""

from pathlib import Path

import numpy as np

from fervid.records import Expressions, FrameBatch
from fervid.report.maker import ReportMaker
from fervid.results.rows import frame_table
from fervid.results.writer import (
    ResultWriter,
)
from tests.helpers.known_faces import NO_EPISODES, faces_at, rows_of, settled, tracked

FILES = [
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
]


META = {"fervid": "0.1.0", "recording": {"name": "clip.mp4"}, "warnings": []}


def rows(first=0, n=4):
    """n frames, the first without a face, each other with one."""
    index = np.arange(first, first + n)
    batch = FrameBatch(np.zeros((n, 2, 2), np.uint8), index, index / 30)
    k = n - 1
    probs = np.tile(np.array([0.1, 0.1, 0.1, 0.12345, 0.1, 0.1, 0.37655], np.float32), (k, 1))
    found = faces_at(range(1, n), [[10.26, 20, 30, 40]] * k, score=0.9876)
    return settled(
        rows_of(batch, tracked(found, [3] * k), Expressions.of_free_faces(probs)), frame_s=1 / 30
    )[0]


def table(first=0, n=4):
    return frame_table(rows(first, n))


def write(folder, **options):
    with ResultWriter(folder, report=ReportMaker(), **options) as writer:
        writer.append(table())
        writer.append(table(first=4))
        writer.finish(NO_EPISODES, META)
    return folder


def names(folder):
    return sorted(entry.name for entry in Path(folder).iterdir())
