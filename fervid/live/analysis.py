"""Analyses the frames of a stream twice: at once, and for the result of the session."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fervid.engine.engine import Engine
from fervid.live.history import History, Session
from fervid.records import Detections, FrameBatch

if TYPE_CHECKING:
    from fervid.results.writer import ResultWriter


class LiveAnalysis:
    """A live analysis for frames of one size; its construction compiles, which takes seconds.

    Args:
        engine: loads the models.
        displayed: width and height of the stream's frames in pixels.
        shape: (H, W) of the searched frames.
        writer: writes the result; None: no result.

    Raises:
        ModelError, SetupError: see `Engine`.
    """

    def __init__(
        self,
        engine: Engine,
        displayed: tuple[int, int],
        shape: tuple[int, int],
        writer: ResultWriter | None,
    ) -> None:
        engine.warm_up(shape, displayed)
        shrunk = shape[0] / displayed[1]
        self._search = engine.search(displayed, shrunk)
        self._online = engine.online(displayed, shrunk)
        self._history = None
        if writer is not None:
            analysis = engine.analysis(self._search, displayed, shrunk, engine.baseline)
            self._history = History(analysis, writer)
        self._pending: tuple[FrameBatch, Detections] | None = None
        # Searching all loaded objects for garbage takes longer than a frame lasts.
        gc.freeze()

    def rows(self, batch: FrameBatch) -> NDArray[Any]:
        """Rows (`fervid.results.rows.ROW`) of the next frame, given as a batch of one."""
        self.remember()
        found = self._search.search_every_nth(batch).faces
        self._pending = batch, found
        return self._online.rows(batch, found)

    @property
    def compared_since_s(self) -> dict[int, float]:
        """For each face, the time since which it is compared with its own resting face."""
        return self._online.compared_since_s

    def remember(self) -> None:
        """Keep the latest frame's faces for the result; a separate call, so that rows need not wait
        for it.

        Raises:
            ResultError: the disk is full or fails.
        """
        if self._pending is not None and self._history is not None:
            self._history.add(*self._pending)
        self._pending = None

    def finish(self, session: Session) -> None:
        """Write the result of all frames, if there is to be one."""
        self.remember()
        if self._history is not None:
            self._history.finish(session)
