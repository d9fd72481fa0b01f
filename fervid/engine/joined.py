"""Joins parts of a recording, as if its frames came one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fervid.engine.answers import Answers, Arrays, unpacked
from fervid.engine.face_reader import PictureReader, Reading
from fervid.records import Detections, Expressions, FrameBatch
from fervid.tracking.frame_faces import FrameFaces

Opened = Callable[[int], AbstractContextManager[Iterable[FrameBatch]]]
"""Opens a part for decoding again, by its number."""


class SeamError(Exception):
    """The first picture of a part differs from the one that decoding the part before gives."""


class JoinedParts:
    """Gives the frames of all parts, and what was read from their faces.

    Knowing everything before a part, faces may be followed differently, so that something is needed
    that was not read. Its pictures are then decoded again.

    Args:
        parts: gives what was stored for each part, in order.
        opened: opens a part for decoding.
        reader: reads faces in pictures that are decoded again.

    Attributes:
        searched: number of frames searched for faces so far.
        read_again: number of faces read in pictures that were decoded again.
    """

    def __init__(self, parts: Iterable[Arrays], opened: Opened, reader: PictureReader) -> None:
        self._parts, self._opened, self._reader = parts, opened, reader
        self._answers_by_frame: dict[int, tuple[int, Answers]] = {}
        self._again: _Again | None = None
        self.searched = self.read_again = 0

    def seen(self) -> Iterator[FrameFaces]:
        """Yield the frames with their faces, batch by batch.

        Raises:
            SeamError: see `SeamError`.
        """
        before: Arrays = {}
        for number, arrays in enumerate(self._parts):
            pieces = unpacked(arrays)
            if before and before["after_picture"] != arrays["first_picture"]:
                raise SeamError
            self.searched += int(arrays["searched"][0])
            for place, (seen, answers) in enumerate(pieces):
                self._answers_by_frame[int(seen.batch.index[0])] = (number, answers)
                if before and not place:
                    changes = np.concatenate([before["after_change"], seen.changes[1:]])
                    seen = replace(seen, changes=changes)
                yield seen
            before = {
                name: arrays[name] for name in ("after_picture", "after_change") if name in arrays
            }

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """Readings of the faces of some frames; call it once for each batch, in order."""
        number, answers = self._answers_by_frame.pop(int(batch.index[0]))
        place = answers.rows_of(faces)
        unknown = np.flatnonzero(place < 0)
        probs, sharpness = answers.probs[place], answers.sharpness[place]
        if len(unknown):
            again = self._read_again(number, batch, faces[unknown])
            probs[unknown] = again.expressions.probs
            sharpness[unknown] = again.sharpness

        def crops_of(rows: list[int]) -> NDArray[np.uint8]:
            return np.stack([self._crop(number, batch, faces, answers, place, row) for row in rows])

        def portrait_of(row: int) -> bytes:
            known = answers.portraits.get(int(place[row]))
            if known is not None:
                return known
            alone = faces[np.array([row])]
            return self._read_again(number, batch, alone).portrait_of(0)

        return Reading(Expressions(probs), sharpness, crops_of, portrait_of)

    def _crop(
        self,
        number: int,
        batch: FrameBatch,
        faces: Detections,
        answers: Answers,
        place: NDArray[np.int64],
        row: int,
    ) -> NDArray[np.uint8]:
        known = answers.crops.get(int(place[row]))
        if known is not None:
            return known
        alone = faces[np.array([row])]
        (crop,) = self._read_again(number, batch, alone).crops_of([0])
        return np.asarray(crop, np.uint8)

    def _read_again(self, number: int, batch: FrameBatch, faces: Detections) -> Reading:
        self.read_again += len(faces)
        if self._again is None or self._again.number != number:
            self.close()
            self._again = _Again(number, self._opened(number))
        return self._reader.read(self._again.pictures(batch), faces)

    def close(self) -> None:
        """Stop decoding, if it is in progress."""
        if self._again is not None:
            self._again.close()
            self._again = None


class _Again:
    """A part that is decoded again, forwards."""

    def __init__(self, number: int, opened: AbstractContextManager[Iterable[FrameBatch]]) -> None:
        self.number = number
        self._opened = opened
        self._batches = iter(opened.__enter__())
        self._now: FrameBatch | None = None

    def pictures(self, batch: FrameBatch) -> FrameBatch:
        """The same frames with pictures; they must not be earlier than those of the last call."""
        while self._now is None or self._now.index[0] != batch.index[0]:
            self._now = next(self._batches)
        return self._now

    def close(self) -> None:
        self._opened.__exit__(None, None, None)
