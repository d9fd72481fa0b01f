"""Analyses one part of a recording, and stores everything that is read from its pictures.

The join follows the faces again over the whole recording. Except near the seams, it needs the same
readings as here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fervid.detection.search import SparseSearch
from fervid.engine.analysis import Analysis
from fervid.engine.face_reader import FaceReader, PictureReader, Reading
from fervid.engine.stored_readings import Arrays, StoredReadings, packed
from fervid.records import Detections, FrameBatch
from fervid.tracking.frame_faces import FrameFaces

if TYPE_CHECKING:
    from fervid.engine.engine import Engine

_BEGUN_BEFORE_S = 4.0
"""Seconds for which a track from before the part may still need crops: 8 views, 0.3 s apart."""


class PartAnalysis:
    """Analyses the frames of one part, and stores what the join needs.

    Args:
        engine, search, displayed, shrunk: as for `fervid.engine.analysis.Analysis`.
        begin_s: time of the part's first frame; None: the part begins the recording.
        frames: number of its own frames; a batch with the first frame of the next part may follow.
    """

    def __init__(
        self,
        engine: Engine,
        search: SparseSearch,
        displayed: tuple[int, int],
        shrunk: float,
        begin_s: float | None,
        frames: int,
    ) -> None:
        lenient_s, keeps_s = -np.inf, -np.inf
        if begin_s is not None:
            lenient_s = begin_s + Analysis.longest_gap_of(engine.settings)
            keeps_s = begin_s + _BEGUN_BEFORE_S
        self._reader = _StoringReader(PictureReader(engine, displayed, shrunk), float(keeps_s))
        self._analysis = Analysis(
            *(engine, search, displayed, shrunk),
            reader=self._reader,
            lenient_until_s=float(lenient_s),
        )
        self._search, self._displayed = search, displayed
        self._frames, self._came = frames, 0
        self._seen: list[FrameFaces] = []
        self._edges: dict[str, float] = {}

    def rows(self, searched: Iterable[tuple[FrameBatch, Detections]]) -> Iterator[NDArray[Any]]:
        """Yield the rows of the part's own frames, with its own track numbers."""
        for batch, faces in searched:
            seen = self._analysis.look_at(batch, faces)
            is_own = self._came < self._frames
            self._note(seen, is_own)
            if is_own:
                yield from self._analysis.follow(seen)
            else:
                yield from self._analysis.last_before(seen)
                return
        yield from self._analysis.flush()

    def _note(self, seen: FrameFaces, is_own: bool) -> None:
        picture = zlib.crc32(seen.batch.images[0].tobytes())
        if not is_own:
            self._edges |= {"after_picture": picture, "after_change": float(seen.changes[0])}
            return
        if not self._came:
            self._edges["first_picture"] = picture
        batch = FrameBatch(
            np.zeros((len(seen.batch), 0, 0), np.uint8), seen.batch.index, seen.batch.time_s
        )
        self._seen.append(FrameFaces(batch, seen.faces, seen.looks, seen.changes))
        self._came += len(batch)

    def arrays(self) -> Arrays:
        """Everything to store; call after all rows."""
        # The first frame of the next part is counted in that part.
        searched = self._search.searched - ("after_picture" in self._edges)
        edges = {name: np.array([value]) for name, value in self._edges.items()}
        pieces = [*zip(self._seen, self._reader.readings, strict=True)]
        return packed(pieces) | edges | {"searched": np.array([searched], np.int64)}


class _StoringReader:
    """Passes requests on to another reader, and stores the readings."""

    def __init__(self, reader: FaceReader, keeps_until_s: float) -> None:
        self._reader, self._keeps_until_s = reader, keeps_until_s
        self.readings: list[StoredReadings] = []

    def read(self, batch: FrameBatch, faces: Detections) -> Reading:
        """Read the faces of some frames."""
        reading = self._reader.read(batch, faces)
        shown = reading.expressions
        readings = StoredReadings(faces, shown.probs, shown.covered, reading.sharpness)
        self.readings.append(readings)

        def crops_of(rows: list[int]) -> NDArray[np.uint8]:
            crops = reading.crops_of(rows)
            readings.crops |= zip(rows, crops.copy(), strict=True)
            return crops

        def portrait_of(row: int) -> bytes:
            readings.portraits[row] = reading.portrait_of(row)
            return readings.portraits[row]

        early = np.flatnonzero(batch.time_s[faces.frame] < self._keeps_until_s)
        crops_of(early.tolist())
        return Reading(reading.expressions, reading.sharpness, crops_of, portrait_of)
