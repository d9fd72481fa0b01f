"""What takes all rows of a recording: smoothing, episodes, people in place of tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from fervid.baseline import Baseline
from fervid.durations import Durations
from fervid.episodes import EpisodeFinder
from fervid.people import numbered
from fervid.results import ResultWriter
from fervid.rows import frame_table
from fervid.settings import Settings
from fervid.smoothing import Smoother


@dataclass(frozen=True)
class Settled:
    """The table of episodes, and what a user should know of how it was made."""

    episodes: pd.DataFrame
    warnings: list[str]


def settle(
    writer: ResultWriter,
    person: Mapping[int, int],
    choice: Settings,
    frame_s: float,
    longest_s: float,
) -> Settled:
    """Write the frame table from the rows that are held, a few thousand at a time.

    Args:
        writer: holds the rows, with the numbers of tracks.
        person: the person that each track shows.
        choice: what the user chose.
        frame_s: seconds from one sampled frame to the next.
        longest_s: no frame lasts longer, whatever gap follows.
    """
    warnings = _take_out_baseline(writer, person, choice) if choice.baseline else []
    durations, smoother = Durations(min(frame_s, longest_s), longest_s), Smoother(choice.smooth)
    for rows in writer.held(back=True):
        durations.back(rows)
        smoother.back(rows)
    finder = EpisodeFinder(choice.min_confidence, choice.min_episode)
    for rows in writer.held():
        smoother.forth(rows)
        finder.find(rows)
    for rows in writer.held_frames():
        rows["state"] = finder.states(rows)
        rows["face_id"] = numbered(rows["face_id"], person)
        writer.append(frame_table(rows))
    return Settled(finder.table(person), warnings)


def _take_out_baseline(
    writer: ResultWriter, person: Mapping[int, int], choice: Settings
) -> list[str]:
    assert choice.baseline is not None
    baseline = Baseline(*choice.baseline, person)
    for rows in writer.held():
        baseline.learn(rows)
    for rows in writer.held():
        baseline.apply(rows)
    without = sorted(set(person.values()) - set(baseline.people))
    if not without:
        return []
    names = ", ".join(map(str, without[:5])) + (" and others" if len(without) > 5 else "")
    return [f"not seen during the baseline, so not adjusted: face {names}"]
