"""The second pass, over all rows of a recording: resting faces, smoothing, episodes, people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.expressions.durations import Durations
from fervid.expressions.episodes import EpisodeFinder
from fervid.expressions.looks import Looks
from fervid.expressions.reading import RelativeReading
from fervid.expressions.resting import RestingFace
from fervid.expressions.smoothing import Smoother
from fervid.results.rows import frame_table, lost_rows, one_a_frame, without_tracks
from fervid.results.writer import ResultWriter
from fervid.settings import Settings
from fervid.tracking.people import numbered
from fervid.video.losses import Losses


@dataclass(frozen=True)
class SecondPass:
    """The results of the second pass: the table of episodes, warnings, and resting faces.

    Attributes:
        resting: resting faces for `meta.json`; empty for the absolute reading.
    """

    episodes: pd.DataFrame
    warnings: list[str]
    resting: list[dict[str, Any]]


def second_pass(
    writer: ResultWriter,
    person: Mapping[int, int],
    settings: Settings,
    frame_s: float,
    longest_s: float,
    losses: Losses,
    end_s: float | None = None,
    at_rest: Mapping[int, Looks] | None = None,
) -> SecondPass:
    """Write the frame table from the stored rows, some thousands at a time.

    Args:
        writer: has stored the rows, with numbers of tracks and positions among decoded frames.
        person: the person of each track; faces of other tracks are left out.
        settings: the user's settings.
        frame_s: seconds from one sampled frame to the next.
        longest_s: longest duration of a frame, even before a longer gap.
        losses: frames that could not be decoded but get a row.
        end_s: end of the recording in seconds; None: unknown.
        at_rest: looks of people at rest in another recording or a photo; None: there is none.
    """
    durations, smoother = (
        Durations(min(frame_s, longest_s), longest_s, end_s),
        Smoother(settings.smooth),
    )
    kept = np.array(sorted(person), np.int64)
    for rows in writer.stored(back=True):
        without_tracks(rows, kept)
        rows["frame"] = losses.positions(rows["frame"])
        durations.back(rows)
    reading = (
        _learned(writer, person, settings, at_rest) if settings.reading == "relative" else None
    )
    for rows in writer.stored(back=True):
        if reading is not None:
            reading.apply(rows)
        smoother.back(rows)
    finder = EpisodeFinder(settings.min_confidence, settings.min_episode)
    for rows in writer.stored():
        smoother.forth(rows)
        finder.find(rows)
    for rows in _with_lost(map(one_a_frame, writer.stored_frames()), losses):
        rows["state"] = finder.states(rows)
        rows["face_id"] = numbered(rows["face_id"], person)
        writer.append(frame_table(rows))
    faces = reading.faces if reading is not None else {}
    resting = [face.stated(person_id) for person_id, face in faces.items()]
    return SecondPass(finder.table(person), _not_seen_at_rest(faces, settings), resting)


def _with_lost(pieces: Iterator[NDArray[Any]], losses: Losses) -> Iterator[NDArray[Any]]:
    """Yield rows piece by piece, with rows for lost frames in their places."""
    missing = (lost_rows(*some) for some in losses.sampled())
    lost = next(missing, None)
    for rows in pieces:
        while lost is not None and len(rows) and lost["frame"][0] < rows["frame"][-1]:
            place = int(np.searchsorted(rows["frame"], lost["frame"][0]))
            yield rows[:place]
            yield lost
            rows, lost = rows[place:], next(missing, None)
        yield rows
    while lost is not None:
        yield lost
        lost = next(missing, None)


def _learned(
    writer: ResultWriter,
    person: Mapping[int, int],
    settings: Settings,
    at_rest: Mapping[int, Looks] | None,
) -> RelativeReading:
    stretch = settings.baseline if isinstance(settings.baseline, tuple) else None
    reading = RelativeReading(person, stretch, at_rest)
    for rows in writer.stored():
        reading.learn(rows)
    return reading


def _not_seen_at_rest(faces: Mapping[int, RestingFace], settings: Settings) -> list[str]:
    """A warning if some people are not seen where the user says that they rest."""
    without = [person_id for person_id, face in faces.items() if face.source != "given"]
    if settings.baseline is None or not without:
        return []
    names = ", ".join(map(str, without[:5])) + (" and others" if len(without) > 5 else "")
    whose = f"face {names} is" if len(without) == 1 else f"faces {names} are"
    return [f"{whose} not seen in the baseline; fervid looks for the resting face in the recording"]
