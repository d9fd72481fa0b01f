"""BORIS: a spreadsheet of state events, to load into an observation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from openpyxl import Workbook

from fervid.exports import Job
from fervid.exports.tables import read_episodes, read_names
from fervid.results.people_edits import unnamed

COLUMNS = ("time", "subject", "code", "modifier", "comment")


def write(job: Job, out: Path) -> None:
    """Write a row for each onset and offset, sorted by time; times in seconds.

    There are no modifiers, because BORIS splits its time budget by them. No name begins like a
    formula.

    Raises:
        ResultError: the table of episodes is missing or damaged.
    """
    episodes = read_episodes(job.folder)
    names, count = read_names(job.folder), len(episodes)
    rows = [
        (names.get(int(face), unnamed(int(face))), expression, None, f"peak {peak:.4f}")
        for face, expression, peak in zip(
            episodes["face_id"], episodes["expression"], episodes["peak"], strict=True
        )
    ]
    times = np.concatenate([episodes["offset"], episodes["onset"]])
    book = Workbook(write_only=True)
    sheet = book.create_sheet("events")
    sheet.append(COLUMNS)
    # A stable sort with offsets first, so that a state ends before the next begins.
    for place in np.argsort(times, kind="stable"):
        *what, comment = rows[place % count]
        edge = "offset" if place < count else "onset"
        sheet.append((float(times[place]), *what, f"{edge}, {comment}"))
    book.save(out)
