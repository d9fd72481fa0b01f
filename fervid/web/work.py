"""The analyses of the page, one at a time in the order they were asked for. Knows no browser."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from fervid.errors import FervidError, MediaError
from fervid.names import result_folder
from fervid.pipeline import Analyzer, Progress
from fervid.result_files import REPORT_NAME
from fervid.settings import Settings
from fervid.timeline import Timeline
from fervid.web.visits import Visit

_LOOK_S = 0.2


class Stopped(Exception):
    """Somebody asked for an end, or left."""


@dataclass(frozen=True)
class Waiting:
    """So many analyses come first."""

    before: int


@dataclass(frozen=True)
class Answer:
    """What came out of a recording.

    Attributes:
        timeline: all tables.
        tables: a zip archive of the result folder, without its report.
        report: the report.
    """

    timeline: Timeline
    tables: Path
    report: Path


@dataclass
class _Job:
    """An analysis that waits or is under way."""

    visit: Visit
    upload: Path
    settings: Settings
    stopped: threading.Event = field(default_factory=threading.Event)
    progress: Progress | None = None

    def show(self, progress: Progress) -> None:
        if self.stopped.is_set():
            raise Stopped
        self.progress = progress


class Workshop:
    """Makes results of uploads. Models are loaded once, whatever is asked for."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "analysis")
        self._line: list[Future[Answer]] = []
        self._analyzers: dict[tuple[str, str], Analyzer] = {}

    def work(self, visit: Visit, settings: Settings) -> Iterator[Waiting | Progress | Answer]:
        """Analyse the upload of a visit, telling how far it is; an earlier analysis of it is ended.

        Raises:
            FervidError: it cannot be analysed.
            Stopped: `visit.stop` was called meanwhile.
        """
        visit.stop()
        if visit.upload is None or not visit.upload.is_file():
            raise MediaError("the file is no longer here; choose it again")
        job = _Job(visit, visit.upload, settings)
        visit.stopped = job.stopped
        future = self._pool.submit(self._make, job)
        self._line = [one for one in self._line if not one.done()] + [future]
        while not future.done():
            visit.touch()
            if before := self._before(future):
                yield Waiting(before)
            else:
                yield job.progress or Progress(0, None, 0.0)
            wait([future], timeout=_LOOK_S)
            if job.stopped.is_set():
                raise Stopped
        try:
            yield future.result()
        except FervidError as error:
            raise type(error)(_without_folder(error, job.upload)) from error

    def close(self) -> None:
        """Take no more work, and wait until what was stopped has ended."""
        self._pool.shutdown(cancel_futures=True)

    def _before(self, future: Future[Answer]) -> int:
        line = self._line
        return sum(not one.done() for one in line[: line.index(future)])

    def _make(self, job: _Job) -> Answer:
        try:
            if job.stopped.is_set():
                raise Stopped
            return self._analyze(job)
        finally:
            job.visit.tidy(job.upload)

    def _analyze(self, job: _Job) -> Answer:
        choice = job.settings
        analyzer = self._analyzers.setdefault(
            (str(choice.weights), choice.labels), Analyzer(choice)
        )
        analyzer.settings = choice
        folder = result_folder(job.upload, job.upload.parent)
        analyzer.analyze(job.upload, folder, progress=job.show)
        tables = folder.with_suffix(".tables.zip")
        _pack(folder, tables)
        report = (folder / REPORT_NAME).rename(folder.with_suffix(".report.html"))
        return Answer(Timeline.read(folder), tables, report)


def _pack(folder: Path, archive: Path) -> None:
    """The tables, meta.json and pictures of a result folder as one file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.name != REPORT_NAME and path.is_file():
                file.write(path, path.relative_to(folder.parent))


def _without_folder(error: FervidError, upload: Path) -> str:
    """What it says, without where uploads lie; such paths are printed in ASCII."""
    return str(error).replace(ascii(f"{upload.parent}/")[1:-1], "")
