"""Resting faces from another recording or a photo in which people show no expression."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fervid.detection.search import search_ahead, searched_every
from fervid.errors import MediaError, quoted
from fervid.expressions.looks import Looks, LooksKeeper
from fervid.records import FrameBatch
from fervid.tracking.likeness import likeness
from fervid.tracking.people import SAME
from fervid.video.kinds import kind_of
from fervid.video.reader import VideoReader

if TYPE_CHECKING:
    from fervid.engine.engine import Engine

_FPS = 10.0
"""Frames per second read from the other recording."""

_ONE_FRAME_S = 0.04

Views = NDArray[np.float16]
People = tuple[tuple[Looks, Views], ...]
"""For each person, how the classifier reads them, and views to recognise them by."""


@dataclass(frozen=True)
class Baseline:
    """People at rest in another recording or a photo."""

    people: People

    def of(self, views: Mapping[int, Views]) -> dict[int, Looks]:
        """The looks at rest of the people who are also in a recording.

        If both have only one person, that is taken to be the same person.

        Args:
            views: views of each person in the recording.
        """
        if len(views) == 1 == len(self.people):
            return dict.fromkeys(views, self.people[0][0])
        alike = [
            (likeness(seen, own), person, looks)
            for person, own in views.items()
            for looks, seen in self.people
        ]
        found: dict[int, Looks] = {}
        taken: list[Looks] = []
        for value, person, looks in sorted(alike, key=lambda one: -one[0]):
            if value >= SAME and person not in found and not any(one is looks for one in taken):
                found[person] = looks
                taken.append(looks)
        return found


def learn_baseline(path: Path, engine: Engine) -> Baseline:
    """Read the people in a recording or photo, who are taken to be at rest throughout.

    Raises:
        MediaError: the file cannot be read, or shows no face.
    """
    is_photo = path.is_file() and kind_of(path) == "photo"
    people = (_in_photo if is_photo else _in_recording)(path, engine)
    if not people:
        raise MediaError(f"{quoted(path)}: shows no face, so it cannot be a baseline")
    return Baseline(people)


def _in_recording(path: Path, engine: Engine) -> People:
    with VideoReader(path, working_size=engine.settings.search_size, fps=_FPS) as reader:
        every = searched_every(reader.rate)
        reader.batch_size = every * engine.batch_size
        frame_s = 1 / reader.rate if reader.rate < math.inf else _ONE_FRAME_S
        return _in_frames(reader, reader.displayed, reader.shrunk, engine, every, frame_s)


def _in_photo(path: Path, engine: Engine) -> People:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise MediaError(f"{quoted(path)}: cannot be read as a baseline; save it as JPEG or PNG")
    height, width = image.shape
    shrink = min(1.0, engine.settings.search_size / max(height, width))
    size = tuple(max(2, round(side * shrink / 2) * 2) for side in (width, height))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    batch = FrameBatch(small[None].astype(np.uint8), np.zeros(1, np.int64), np.zeros(1))
    return _in_frames([batch], (width, height), size[1] / height, engine)


def _in_frames(
    batches: Iterable[FrameBatch],
    displayed: tuple[int, int],
    shrunk: float,
    engine: Engine,
    every: int = 1,
    frame_s: float = _ONE_FRAME_S,
) -> People:
    """All people in some frames; see `Engine.analysis`."""
    search = engine.search(displayed, shrunk, every)
    analysis = engine.analysis(search, displayed, shrunk)
    pieces = list(analysis.rows(search_ahead(batches, search)))
    numbers = analysis.people.numbers()
    keeper = LooksKeeper(numbers)
    for rows in pieces:
        rows["lasts_s"] = frame_s
        keeper.learn(rows)
    views = analysis.people.views(numbers)
    return tuple((looks, views[person]) for person, looks in keeper.everyone().items())
