"""Live analysis in Python: `watch` and its results."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from fervid.engine.engine import Engine
from fervid.errors import ResultError
from fervid.live.newest import Frame, Newest
from fervid.live.receiver import Plan, Receiver
from fervid.live.sources import Source, check_name, find_source
from fervid.live.tally import Tally
from fervid.records import FrameBatch
from fervid.results.folder_names import result_folder
from fervid.settings import Settings
from fervid.settings.keywords import settings_of

# Imported later because they take a second, during which the source is already being opened.
if TYPE_CHECKING:
    import pandas as pd

    from fervid.live.analysis import LiveAnalysis
    from fervid.live.running import RunningTable
    from fervid.results.writer import ResultWriter

RUNNING_SUFFIX = ".running.csv"
"""Suffix of the growing table, which cannot be mistaken for a result."""

_POLL_S = 0.1

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Moment:
    """The results of one frame of a stream.

    Attributes:
        image: (H, W) uint8 luma at the working size.
        index: the frame's position among all received frames, from 0; missing ones were dropped.
        time_s: time in seconds since the first analysed frame.
        stamp_s: the stream's time stamp in seconds; None if it has none.
        rows: a row (`fervid.results.rows.ROW`) for each face, or one with face_id 0 if there is no
            face.
        latency_s: seconds from the frame's arrival to these results.
        dropped: number of frames dropped so far.
        compared_since_s: for each face whose resting face is known, the time since which it is
            compared with that. Other faces have the absolute reading until then.
    """

    image: NDArray[np.uint8]
    index: int
    time_s: float
    stamp_s: float | None
    rows: NDArray[Any]
    latency_s: float
    dropped: int
    compared_since_s: Mapping[int, float] = field(default_factory=dict)

    @property
    def faces(self) -> NDArray[Any]:
        """The rows with a face."""
        return self.rows[self.rows["face_id"] > 0]

    def table(self) -> pd.DataFrame:
        """The rows as a table with the columns of `frames.csv`."""
        from fervid.results.rows import frame_table

        return frame_table(self.rows)


class Watch:
    """A running analysis of a camera or stream: an iterable context manager.

    Iterating yields a `Moment` for each analysed frame, which is always the newest one. It ends
    with the source, after `duration`, or when `stopped` returns True. Leaving the context writes
    the result, even after Ctrl-C (KeyboardInterrupt). After any other exception, the growing table
    stays, with all rows until then.

    Args:
        source: the source.
        settings: settings, as for a recording; every frame is searched.
        out: folder for the result; None: write nothing.
        name: name of the session; None: made of the source and the time.
        duration: seconds after which to stop.
        reconnect_for: seconds for which to try to reconnect to a network stream.
        stopped: says whether to stop; called ten times a second and after each frame.
        notify: called with lines for the user, also from another thread.

    Raises:
        ValueError: `name` is not a valid file name.

    Attributes:
        source: the source.
        folder: the result folder; None if nothing is written.
        running: path of the growing table; None if nothing is written.
        tally: counts and delays.
        ended_by: "request", "duration", "end" (of the stream) or "lost" (the source was lost);
            empty before the end.
        lost: why the source was lost, in one line; empty if it was not.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        *,
        out: Path | None = None,
        name: str | None = None,
        duration: float | None = None,
        reconnect_for: float = 60.0,
        stopped: Callable[[], bool] = lambda: False,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.source = source
        self._name = name or source.session_name(datetime.now())
        check_name(self._name)
        self.folder = None if out is None else result_folder(Path(self._name), out)
        self.running = None if out is None else out / (self._name + RUNNING_SUFFIX)
        self.tally = Tally()
        self.ended_by = self.lost = ""
        self._engine = Engine(settings)
        self._slot = Newest()
        plan = Plan(settings.search_size, settings.fps, reconnect_for)
        self._receiver = Receiver(source, plan, self._slot, notify)
        self._duration, self._stopped = duration, stopped
        self._writer: ResultWriter | None = None
        self._table: RunningTable | None = None
        self._analysis: LiveAnalysis | None = None
        self._worker = ThreadPoolExecutor(1)

    @property
    def dropped(self) -> int:
        """Number of frames that came faster than they could be analysed."""
        return self._slot.dropped

    @property
    def dropped_while_starting(self) -> int:
        """Number of frames that came while the networks were loaded and compiled."""
        return self._slot.unready

    def __enter__(self) -> Self:
        if self.folder is not None:
            # First make sure that the result can be written.
            from fervid.report.maker import ReportMaker
            from fervid.results.writer import ResultWriter

            if self.folder.exists():
                raise ResultError(f"{self.folder}: already exists; choose another --name")
            self._writer = ResultWriter(self.folder, report=ReportMaker()).__enter__()
        self._receiver.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._receiver.close()
        try:
            self._worker.shutdown()
            if self._analysis is not None and self.tally.analysed and self._is_whole(kind):
                self._finish(self._analysis)
            elif self._table is not None:
                self._leave(self._table)
        finally:
            if self._table is not None:
                self._table.close()
            if self._writer is not None:
                self._writer.__exit__(kind, error, trace)

    def _is_whole(self, kind: type[BaseException] | None) -> bool:
        """Whether to write the result: not after an error, nor if the user does not wait for it."""
        return kind is None or (issubclass(kind, KeyboardInterrupt) and not self._stopped())

    def _leave(self, table: RunningTable) -> None:
        """Keep all rows so far in the growing table, in place of a result."""
        if not self.tally.analysed:
            table.remove()
            return
        with contextlib.suppress(ResultError):  # the disk has already failed
            table.flush()

    def _finish(self, analysis: LiveAnalysis) -> None:
        from fervid.live.history import Session

        if self._table is not None:
            self._table.flush()
        receiver = self._receiver
        about = {
            "source": self.source.name,
            "stopped_by": self.ended_by or "request",
            "times": "stream" if receiver.has_stamps else "arrival",
            "breaks": receiver.breaks,
            "time_stamps_jumped": receiver.jumps,
            **self.tally.to_json(self._slot),
        }
        warnings = [*([self.lost] if self.lost else []), *self.tally.warnings(self._slot)]
        passed_s = self.tally.passed_s
        analysis.finish(Session(self._name, receiver.displayed, about, warnings, passed_s))
        if self._table is not None:
            self._table.remove()

    def __iter__(self) -> Iterator[Moment]:
        if not self._is_ready():
            return
        self._slot.begin()
        while self._analysis is not None and not self._is_over():
            frame = self._slot.take(_POLL_S)
            self._receiver.check()
            if frame is not None:
                yield self._whole(self._moment, frame, self._analysis)
                self._whole(self._analysis.remember)
            elif self._table is not None:
                self._whole(self._table.tick)

    def _whole(self, work: Callable[..., _Answer], *given: Any) -> _Answer:
        """Do some work in another thread, because Ctrl-C ends what the main one does halfway."""
        return self._worker.submit(work, *given).result()

    def _is_over(self) -> bool:
        """Whether to stop; sets `ended_by` to the reason."""
        if self._stopped():
            self.ended_by = "request"
        elif self._duration is not None and self.tally.passed_s >= self._duration:
            self.ended_by = "duration"
        elif self._slot.is_over:
            if self._receiver.error is not None:
                raise self._receiver.error
            self.lost = self._receiver.lost
            self.ended_by = "lost" if self.lost else "end"
        return bool(self.ended_by)

    def _is_ready(self) -> bool:
        """Wait for the first frame and compile for its size; False if the session ends before."""
        while (frame := self._slot.peek(_POLL_S)) is None:
            if self._is_over():
                return False
            self._receiver.check()
        pool = ThreadPoolExecutor(1)
        try:
            making = pool.submit(self._make_analysis, frame.image.shape)
            while not making.done():
                if self._stopped():
                    self.ended_by = "request"
                    return False
                time.sleep(_POLL_S / 10)
            self._analysis = making.result()
        finally:  # a user who stops need not wait for a compilation
            pool.shutdown(wait=False, cancel_futures=True)
        if self.running is not None:
            from fervid.live.running import RunningTable

            self._table = RunningTable(self.running)
        return True

    def _make_analysis(self, shape: tuple[int, int]) -> LiveAnalysis:
        from fervid.live.analysis import LiveAnalysis

        return LiveAnalysis(self._engine, self._receiver.displayed, shape, self._writer)

    def _moment(self, frame: Frame, analysis: LiveAnalysis) -> Moment:
        """Analyse a frame."""
        dropped, time_s = self._slot.dropped_before, self.tally.begin(frame)
        index, times = np.array([frame.index]), np.array([time_s])
        rows = analysis.rows(FrameBatch(frame.image[None], index, times))
        if self._table is not None:
            self._table.add(rows)
        latency_s = self.tally.end(frame)
        about = (frame.image, frame.index, time_s, frame.stamp_s, rows, latency_s, dropped)
        return Moment(*about, dict(analysis.compared_since_s))


_OWN = ("out", "name", "duration", "reconnect_for")


def watch(
    source: str | int = 0,
    *,
    out: str | Path | None = None,
    name: str | None = None,
    duration: float | None = None,
    reconnect_for: float = 60.0,
    **settings: Any,
) -> Watch:
    """Analyse a camera or stream live.

    >>> with fervid.watch(0, out="results", duration=60) as watch:  # doctest: +SKIP
    ...     for moment in watch:
    ...         print(moment.time_s, moment.faces["face_id"], moment.faces["smooth"])

    Args:
        source: number or device of a camera, address of a stream, or "-" for standard input.
        out: folder for a growing table and, at the end, the result; None: write nothing.
        name: name of the session; None: made of the source and the time.
        duration: seconds after which to stop; None: when the source ends or the loop is left.
        reconnect_for: seconds for which to try to reconnect to a network stream.
        **settings: the fields of `fervid.settings.Settings`, such as `fps` or `weights`.

    Raises:
        MediaError: the source does not exist or sends no pictures; also raised while iterating.
        ResultError: a result of this name already exists, or it cannot be written.
        ModelError, SetupError, TypeError, ValueError: as for `fervid.analyze`.
    """
    chosen = settings_of({"detect_every": 1, "batch_size": 1, **settings}, _OWN)
    place = None if out is None else Path(out)
    return Watch(
        find_source(source),
        chosen,
        out=place,
        name=name,
        duration=duration,
        reconnect_for=reconnect_for,
    )
