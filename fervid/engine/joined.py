"""Joins parts of a recording, as if its frames came one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fervid.engine.face_reader import PictureReader, Reading
from fervid.engine.stored_readings import Arrays, StoredReadings, unpacked
from fervid.records import FACE_SIZE, Detections, Expressions, FrameBatch
from fervid.tracking.frame_faces import FrameFaces

Opened = Callable[[int], AbstractContextManager[Iterable[FrameBatch]]]
"""Opens a part for decoding again, by its number."""


class SeamError(Exception):
    """The first picture of a part differs from the same picture decoded with the part before."""


class JoinedParts:
    """Yields the frames of all parts, and what was read from their faces.

    Once everything before a part is known, its faces may be followed differently, and readings may
    be needed that were not stored. The part's pictures are then decoded again.

    Args:
        parts: yields what was stored for each part, in order.
        opened: opens a part for decoding.
        reader: reads faces in pictures that are decoded again.

    Attributes:
        searched: number of frames searched for faces so far.
        read_again: number of faces read in pictures that were decoded again.
    """

    def __init__(self, parts: Iterable[Arrays], opened: Opened, reader: PictureReader) -> None:
        self._parts, self._opened, self._reader = parts, opened, reader
        self._readings_by_frame: dict[int, tuple[int, StoredReadings]] = {}
        self._decoder: _PartDecoder | None = None
        self.searched = self.read_again = 0

    def seen(self) -> Iterator[FrameFaces]:
        """Yield the frames with their faces, batch by batch.

        Raises:
            SeamError: see `SeamError`.
        """
        before: Arrays = {}
        for number, arrays in enumerate(self._parts):
            if before and before["after_picture"] != arrays["first_picture"]:
                raise SeamError
            self.searched += int(arrays["searched"][0])
            for place, (seen, readings) in enumerate(unpacked(arrays)):
                self._readings_by_frame[int(seen.batch.index[0])] = (number, readings)
                if before and not place:
                    changes = np.concatenate([before["after_change"], seen.changes[1:]])
                    seen = replace(seen, changes=changes)
                yield seen
            before = {
                name: arrays[name] for name in ("after_picture", "after_change") if name in arrays
            }

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """Readings of the faces of some frames; call it once for each batch, in order."""
        number, stored = self._readings_by_frame.pop(int(batch.index[0]))
        readings, are_known = stored.of(faces)
        if not are_known:
            self._complete(readings, number, batch)

        def crops_of(rows: list[int]) -> NDArray[np.uint8]:
            if not readings.crops.keys() >= {*rows}:
                self._complete(readings, number, batch)
            crops = [readings.crops[row] for row in rows]
            return np.array(crops, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE)

        def portrait_of(row: int) -> bytes:
            if row not in readings.portraits:
                self._complete(readings, number, batch)
            return readings.portraits[row]

        shown = Expressions(readings.probs, readings.covered)
        return Reading(shown, readings.sharpness, crops_of, portrait_of)

    def _complete(self, readings: StoredReadings, number: int, batch: FrameBatch) -> None:
        """Read everything about all faces in some frames, so that they are decoded only once."""
        self.read_again += len(readings.faces)
        if self._decoder is None or self._decoder.number != number:
            self.close()
            self._decoder = _PartDecoder(number, self._opened(number))
        for pictures, first in self._decoder.pictures(batch):
            frame = readings.faces.frame
            rows = np.flatnonzero((frame >= first) & (frame < first + len(pictures)))
            faces = readings.faces[rows]
            faces = replace(faces, frame=faces.frame - np.int32(first))
            reading = self._reader.read(pictures, faces)
            readings.probs[rows] = reading.expressions.probs
            readings.covered[rows] = reading.expressions.covered
            readings.sharpness[rows] = reading.sharpness
            places = [*range(len(rows))]
            readings.crops |= zip(rows.tolist(), reading.crops_of(places), strict=True)
            readings.portraits |= zip(rows.tolist(), map(reading.portrait_of, places), strict=True)

    def close(self) -> None:
        """Stop decoding, if it is in progress."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None


class _PartDecoder:
    """A part that is decoded again, forwards."""

    def __init__(self, number: int, opened: AbstractContextManager[Iterable[FrameBatch]]) -> None:
        self.number = number
        self._opened = opened
        self._batches = iter(opened.__enter__())

    def pictures(self, batch: FrameBatch) -> Iterator[tuple[FrameBatch, int]]:
        """The same frames with pictures, in several batches with the row of the first frame of
        each; they must come after those of the last call."""
        for pictures in self._batches:
            if pictures.index[0] >= batch.index[0]:
                yield pictures, int(np.searchsorted(batch.index, pictures.index[0]))
            if pictures.index[-1] >= batch.index[-1]:
                return

    def close(self) -> None:
        self._opened.__exit__(None, None, None)
