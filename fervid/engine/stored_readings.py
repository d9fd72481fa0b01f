"""Stores what was read from the faces in one part of a recording, for the join."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.records import FACE_SIZE, Detections, FrameBatch
from fervid.tracking.frame_faces import FrameFaces

Arrays = dict[str, NDArray[Any]]

_FRAMES_TOGETHER = 512
"""Batches are joined to about this many frames, because each batch costs a millisecond to follow,
however many frames it has."""

_row = itemgetter(0)


@dataclass
class StoredReadings:
    """What was read from N faces of a batch.

    Attributes:
        faces: the faces.
        probs: (N, 7) float32 probabilities.
        covered: (N,) float32 probabilities that a face is covered.
        sharpness: (N,) float32.
        crops: (48, 48) uint8 crops of some faces, by row.
        portraits: JPEG portraits of some faces, by row.
    """

    faces: Detections
    probs: NDArray[np.float32]
    covered: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    crops: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    portraits: dict[int, bytes] = field(default_factory=dict)

    def of(self, faces: Detections) -> tuple[StoredReadings, bool]:
        """The readings of M faces, and whether all were read; the others have meaningless
        probabilities."""
        mine, wanted = _keys(self.faces), _keys(faces)
        if np.array_equal(mine, wanted):
            return self, True
        place = {key.tobytes(): row for row, key in enumerate(mine)}
        rows = np.array([place.get(key.tobytes(), -1) for key in wanted], np.int64)
        readings = StoredReadings(faces, self.probs[rows], self.covered[rows], self.sharpness[rows])
        for row, old in enumerate(rows.tolist()):
            if old in self.crops:
                readings.crops[row] = self.crops[old]
            if old in self.portraits:
                readings.portraits[row] = self.portraits[old]
        return readings, bool((rows >= 0).all())


def _keys(faces: Detections) -> NDArray[np.int32]:
    """(N, 11) keys that identify faces in a batch exactly: frame, box and points."""
    numbers = np.concatenate([faces.xywh, faces.points.reshape(-1, 6)], axis=1)
    return np.concatenate([faces.frame[:, None], numbers.view(np.int32)], axis=1)


def packed(pieces: Sequence[tuple[FrameFaces, StoredReadings]]) -> Arrays:
    """Pack the frames of a part, and what was read from their faces, into arrays."""
    found, read = [piece for piece, _ in pieces], [readings for _, readings in pieces]
    starts = np.cumsum([0, *(len(one.faces) for one in read)])
    crops = [
        (start + row, crop)
        for start, one in zip(starts, read, strict=False)
        for row, crop in sorted(one.crops.items(), key=_row)
    ]
    portraits = [
        (start + row, jpeg)
        for start, one in zip(starts, read, strict=False)
        for row, jpeg in sorted(one.portraits.items(), key=_row)
    ]
    images = np.array([crop for _, crop in crops], np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE)
    return {
        "index": np.concatenate([one.batch.index for one in found]),
        "time_s": np.concatenate([one.batch.time_s for one in found]),
        "frames": np.array([len(one.batch) for one in found], np.int64),
        "changes": np.concatenate([one.changes for one in found]),
        "looks": np.concatenate([one.looks for one in found]),
        **_columns("found", [one.faces for one in found]),
        **_columns("read", [one.faces for one in read]),
        "probs": np.concatenate([one.probs for one in read]),
        "covered": np.concatenate([one.covered for one in read]),
        "sharpness": np.concatenate([one.sharpness for one in read]),
        "crop_row": np.array([row for row, _ in crops], np.int64),
        "crops": images,
        "portrait_row": np.array([row for row, _ in portraits], np.int64),
        "portrait_ends": np.cumsum([len(jpeg) for _, jpeg in portraits], dtype=np.int64),
        "portraits": np.frombuffer(b"".join(jpeg for _, jpeg in portraits), np.uint8),
    }


def unpacked(arrays: Arrays) -> Iterator[tuple[FrameFaces, StoredReadings]]:
    """Unpack what `packed` returned, many frames at a time; they have pictures of size 0."""
    counts = arrays["frames"]
    frame_ends, found_ends, read_ends = (
        np.concatenate([[0], np.cumsum(each)])
        for each in (counts, arrays["found_count"], arrays["read_count"])
    )
    step = max(1, _FRAMES_TOGETHER // int(counts[0]))
    for first in range(0, len(counts), step):
        last = min(first + step, len(counts))
        frames, found_rows, read_rows = (
            slice(int(ends[first]), int(ends[last])) for ends in (frame_ends, found_ends, read_ends)
        )
        batch = FrameBatch(
            np.zeros((frames.stop - frames.start, 0, 0), np.uint8),
            arrays["index"][frames],
            arrays["time_s"][frames],
        )
        before = (frame_ends[first:last] - frames.start).astype(np.int32)
        found = FrameFaces(
            batch,
            _faces("found", arrays, found_rows, before, slice(first, last)),
            arrays["looks"][found_rows],
            arrays["changes"][frames],
        )
        readings = StoredReadings(
            _faces("read", arrays, read_rows, before, slice(first, last)),
            arrays["probs"][read_rows],
            arrays["covered"][read_rows],
            arrays["sharpness"][read_rows],
        )
        _add_pictures(readings, arrays, read_rows)
        yield found, readings


def _add_pictures(readings: StoredReadings, arrays: Arrays, rows: slice) -> None:
    first, last = np.searchsorted(arrays["crop_row"], [rows.start, rows.stop]).tolist()
    for place in range(first, last):
        readings.crops[int(arrays["crop_row"][place]) - rows.start] = arrays["crops"][place]
    starts = np.concatenate([[0], arrays["portrait_ends"]])
    first, last = np.searchsorted(arrays["portrait_row"], [rows.start, rows.stop]).tolist()
    for place in range(first, last):
        jpeg = arrays["portraits"][starts[place] : starts[place + 1]].tobytes()
        readings.portraits[int(arrays["portrait_row"][place]) - rows.start] = jpeg


def _columns(name: str, pieces: Sequence[Detections]) -> Arrays:
    together = Detections.concatenate(pieces)
    return {
        f"{name}_count": np.array([len(faces) for faces in pieces], np.int64),
        f"{name}_frame": together.frame,
        f"{name}_xywh": together.xywh,
        f"{name}_score": together.score,
        f"{name}_points": together.points,
    }


def _faces(
    name: str, arrays: Arrays, rows: slice, before: NDArray[np.int32], batches: slice
) -> Detections:
    """Faces of some batches, of which each has (B,) `before` frames before it."""
    names = ("xywh", "score", "points")
    frame = arrays[f"{name}_frame"][rows] + np.repeat(before, arrays[f"{name}_count"][batches])
    return Detections(frame, *(arrays[f"{name}_{column}"][rows] for column in names))
