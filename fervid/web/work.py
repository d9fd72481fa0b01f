"""Does the page's analyses, one at a time, in order. Independent of Gradio."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fervid.errors import FervidError, MediaError
from fervid.photos.annotated import annotated
from fervid.photos.columns import FACES
from fervid.photos.faces import PhotoAnalyzer
from fervid.photos.files import text_of
from fervid.photos.reading import read_photo
from fervid.photos.tables import face_rows
from fervid.pipeline import Analyzer, Progress
from fervid.results.files import REPORT_NAME, write_rows
from fervid.results.folder_names import result_folder
from fervid.settings import Settings
from fervid.timeline import Timeline
from fervid.video.kinds import kind_of
from fervid.web.visits import Visit

_LOOK_S, _END_S = 0.2, 3.0


class StoppedError(Exception):
    """The user stopped the analysis or left."""


@dataclass(frozen=True)
class Waiting:
    """The number of analyses that come first."""

    before: int


@dataclass(frozen=True)
class Answer:
    """The results of a recording.

    Attributes:
        name: file name of the recording.
        folder: the result folder.
        meta: contents of its `meta.json`.
        people: number of people.
        archive: the folder as a zip archive.
        report: a copy of the report under the recording's name.
    """

    name: str
    folder: Path
    meta: dict[str, Any]
    people: int
    archive: Path
    report: Path

    @classmethod
    def of(cls, folder: Path) -> Answer:
        """Read a result folder, and write the archive and the copy beside it."""
        archive, report = (folder.with_suffix(end) for end in (".zip", ".report.html"))
        _pack(folder, archive)
        report.write_bytes((folder / REPORT_NAME).read_bytes())
        timeline = Timeline.read(folder)
        return cls(folder.stem, folder, timeline.meta, len(timeline.people), archive, report)


@dataclass(frozen=True)
class PhotoAnswer:
    """The results of a photo.

    Attributes:
        name: file name of the photo.
        faces: one row for each face, as in `faces.csv`.
        table: that table as a file.
        picture: the photo with faces drawn in, as JPEG.
    """

    name: str
    faces: pd.DataFrame
    table: Path
    picture: Path


@dataclass
class _Job:
    """A waiting or running analysis."""

    visit: Visit
    upload: Path
    settings: Settings
    stopped: threading.Event = field(default_factory=threading.Event)
    progress: Progress | None = None

    def show(self, progress: Progress) -> None:
        if self.stopped.is_set():
            raise StoppedError
        self.progress = progress


State = Waiting | Progress | Answer | PhotoAnswer


class Workshop:
    """Analyses uploads. Models are loaded once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "analysis")
        self._line: list[Future[Answer | PhotoAnswer]] = []
        self._of_recordings: dict[tuple[str, str], Analyzer] = {}
        self._of_photos: dict[tuple[str, str], PhotoAnalyzer] = {}

    def work(self, visit: Visit, upload: Path, settings: Settings) -> Iterator[State]:
        """Analyse an upload of a visit, reporting progress; end the visit's earlier analysis.

        Raises:
            FervidError: the upload cannot be analysed.
            StoppedError: `visit.stop` was called, or the upload was removed.
        """
        visit.stopped.set()
        if not upload.is_file():
            raise MediaError("the file has been deleted; choose it again")
        job = _Job(visit, upload, settings)
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
                raise StoppedError
        try:
            yield future.result()
        except FervidError as error:
            raise type(error)(without_folder(error, upload)) from error

    def close(self) -> None:
        """Accept no more work, and give stopped analyses a moment to end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._line, timeout=_END_S)

    def _before(self, future: Future[Any]) -> int:
        line = self._line
        return sum(not one.done() for one in line[: line.index(future)])

    def _make(self, job: _Job) -> Answer | PhotoAnswer:
        try:
            if job.stopped.is_set():
                raise StoppedError
            is_photo = kind_of(job.upload) == "photo"
            return self._look(job) if is_photo else self._analyze(job)
        finally:
            job.visit.tidy(job.upload)

    def _analyze(self, job: _Job) -> Answer:
        choice = job.settings
        models = str(choice.weights), choice.labels
        analyzer = self._of_recordings.setdefault(models, Analyzer(choice))
        analyzer.engine.settings = choice
        folder = result_folder(job.upload, job.upload.parent)
        analyzer.analyze(job.upload, folder, progress=job.show)
        return Answer.of(folder)

    def _look(self, job: _Job) -> PhotoAnswer:
        choice = job.settings
        models = str(choice.weights), choice.labels
        analyzer = self._of_photos.setdefault(models, PhotoAnalyzer(choice))
        photo = read_photo(job.upload)
        (found,) = analyzer.find([photo])
        name = job.upload.name
        faces = face_rows([(text_of(name), found)], choice.min_confidence)
        table, picture = (job.upload.with_name(name + end) for end in (".faces.csv", ".faces.jpg"))
        with table.open("w", encoding="utf-8", newline="") as file:
            write_rows(faces, FACES, file, header=True)
        picture.write_bytes(annotated(photo, found, choice.min_confidence))
        return PhotoAnswer(name, faces, table, picture)


def _pack(folder: Path, archive: Path) -> None:
    """Pack a result folder into one file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder.parent))


def without_folder(error: FervidError, upload: Path) -> str:
    """The error's text without the folder of uploads."""
    return str(error).replace(repr(f"{upload.parent}/")[1:-1], "")
