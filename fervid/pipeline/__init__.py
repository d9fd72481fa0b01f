"""The analysis of one recording into one result folder. Only this package connects the stages."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from fervid.detection.search import search_ahead
from fervid.engine.engine import Engine
from fervid.errors import MediaError, quoted
from fervid.pipeline import part_plans, parts
from fervid.pipeline.part_plans import AnalysisPlan, PartLength
from fervid.pipeline.stages import (
    Progress,
    compiling,
    new_writer,
    opened,
    resized,
    search_of,
    write,
)
from fervid.results.folder_names import result_folder
from fervid.results.reuse import AnalysisOutcome, difference, digests_of_models, request_of
from fervid.settings import Settings
from fervid.settings.keywords import SettingsKeywords, lists_settings, settings_of
from fervid.video.identity import identity_of
from fervid.video.kinds import kind_of
from fervid.video.reader import VideoReader
from fervid.video.shapes import ShapeChangesError

if TYPE_CHECKING:
    from fervid.timeline import Timeline

__all__ = ["AnalysisPlan", "Analyzer", "PartLength", "Progress", "analyze"]


def _ignored(_: Progress) -> None:
    pass


class Analyzer:
    """Analyses any number of recordings with the same models.

    A recording is analysed as a whole or in parts. For parts, `begin` makes the plan, `work`
    analyses one part, and `join` makes the result when all are done. Each may run in a different
    process.
    """

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)

    @cached_property
    def _digests(self) -> dict[str, str]:
        """Digests of the models, computed once, as models are loaded once."""
        return digests_of_models(self.engine.settings)

    def _request(self, recording: Path) -> dict[str, Any]:
        return request_of(identity_of(recording), self.engine.settings, self._digests)

    def analyze(
        self,
        recording: Path,
        folder: Path,
        *,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
        part_length: PartLength | None = None,
    ) -> AnalysisOutcome:
        """Analyse a recording into a result folder unless an equal one exists.

        Args:
            recording, folder, overwrite, progress: see `fervid.analyze`, where `folder` is made
                from `out`.
            part_length: length of the parts, with which an equal call continues where an earlier
                one was stopped; None: analyse the whole recording at once.
        """
        progress = progress or _ignored
        plan = self.begin(recording, folder, overwrite=overwrite, part_length=part_length)
        if plan.done is not None:
            return plan.done
        if plan.parts:
            self._one_after_another(recording, folder, plan, progress)
        else:
            self.make_whole(recording, folder, plan, progress)
        return AnalysisOutcome(redone=plan.redone, anew=plan.anew)

    def _one_after_another(
        self,
        recording: Path,
        folder: Path,
        plan: AnalysisPlan,
        progress: Callable[[Progress], None],
    ) -> None:
        """Analyse all missing parts and join them, as one work with one progress."""
        began, before = time.perf_counter(), 0
        expected = sum(plan.parts[number] for number in plan.missing)

        def advance(made: Progress) -> None:
            elapsed_s = time.perf_counter() - began
            progress(Progress(min(before + made.frames, expected), expected, elapsed_s))

        for number in plan.missing:
            self.work(recording, folder, number, advance)
            before += plan.parts[number]
        self.join(recording, folder, advance if expected else progress)

    def begin(
        self,
        recording: Path,
        folder: Path,
        *,
        overwrite: bool = False,
        part_length: PartLength | None = None,
    ) -> AnalysisPlan:
        """Find out what is done, and what is left to do."""
        request, redone = self._request(recording), ""
        if folder.exists() and not overwrite:
            redone = difference(folder, request) or ""
            if not redone:
                parts.forget(folder)
                return AnalysisPlan(AnalysisOutcome(reused=True))
        if part_length is None:
            return AnalysisPlan(redone=redone)
        return replace(
            part_plans.begin(self.engine, recording, folder, request, part_length), redone=redone
        )

    def work(
        self, recording: Path, folder: Path, number: int, progress: Callable[[Progress], None]
    ) -> None:
        """Analyse one part, which is stored beside the result folder."""
        parts.work(self.engine, recording, folder, number, progress)

    def join(
        self,
        recording: Path,
        folder: Path,
        progress: Callable[[Progress], None] = _ignored,
    ) -> None:
        """Make the result of the parts, or of the whole recording if parts turned out to be
        impossible."""
        request = self._request(recording)
        why = parts.join(self.engine, recording, folder, request, progress)
        if why is None:
            parts.forget(folder)
        else:
            self.make_whole(recording, folder, AnalysisPlan(why=why), progress)

    def make_whole(
        self,
        recording: Path,
        folder: Path,
        plan: AnalysisPlan,
        progress: Callable[[Progress], None] = _ignored,
    ) -> None:
        """Make the result of the whole recording.

        Args:
            recording, folder, progress: as for `analyze`.
            plan: what `begin` returned.
        """
        why = plan.why
        request = self._request(recording)
        about = {"request": request} | ({"parts": {"count": 1, "read_whole": why}} if why else {})
        try:
            reader = plan.reader or opened(recording, self.engine.settings)
            self._make(reader, folder, about, progress)
        except ShapeChangesError:  # again, in square frames into which all its pictures fit
            reader = opened(recording, self.engine.settings, square=True)
            self._make(reader, folder, about, progress)
        parts.forget(folder)

    def _make(
        self,
        opened_reader: VideoReader,
        folder: Path,
        about: dict[str, Any],
        progress: Callable[[Progress], None],
    ) -> None:
        """Recording -> frames -> faces -> rows -> tables, metadata and report."""
        began, baseline = time.perf_counter(), self.engine.baseline
        with opened_reader as reader:
            faces_by_size = resized(self.engine, reader)
            search = search_of(self.engine, reader)
            reader.begin()
            # Called here because pandas and OpenCV take a second to load, during which decoding
            # already runs.
            unopened = new_writer(folder)
            analysis = self.engine.analysis(search, reader.displayed, reader.shrunk, baseline)
            with compiling(self.engine, reader.shape), unopened as writer:
                rows = analysis.rows(search_ahead(reader, search))
                about["tracking"] = {"faces_at_working_sizes": faces_by_size}
                used = {"detect_every": search.every}
                write(writer, analysis, rows, reader, began, progress, used, about.copy)


@lists_settings
def analyze(
    recording: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Timeline:
    """Analyse a recording: follow its faces and classify their expressions frame by frame.

    Args:
        recording: path of a video file.
        out: folder to write `<recording name>.fervid/` into; None: keep nothing on disk.
        overwrite: analyse again even if an equal result exists. Without it, an existing result of
            the same recording, settings, models and version is read, and a different one is
            replaced.
        progress: called after each batch of frames.
        **settings: the fields of `fervid.settings.Settings`, such as `fps` or `weights`. Times may
            be text as on the command line, such as `start="1:30"`.

    Returns:
        The timeline: `.frames` has one row for each face in each frame, `.episodes` one for each
        stretch of one expression, `.people` one for each person, and `.summary` one for the
        recording. `.meta` has the contents of `meta.json`.

    Raises:
        MediaError: the input is not a readable recording, or its chosen part has no frames.
        ResultError: the result cannot be written, or something that is not a result is in its
            place.
        ModelError: the model that `weights` or `detector` names is missing, damaged or unfit.
        SetupError: ffmpeg, the shipped weights or a device is missing.
        TypeError: a setting is unknown or has the wrong type.
        ValueError: a setting is out of range.
    """
    from fervid.timeline import Timeline

    recording = Path(recording)
    analyzer = Analyzer(settings_of(settings, signature(analyze).parameters))
    if kind_of(recording) == "photo":
        raise MediaError(f"{quoted(recording)}: is a photo; use fervid.analyze_photos")
    if out is not None:
        folder = result_folder(recording, Path(out))
        analyzer.analyze(recording, folder, overwrite=overwrite, progress=progress)
        return Timeline.read(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = result_folder(recording, Path(temporary))
        analyzer.analyze(recording, folder, progress=progress)
        timeline = Timeline.read(folder)
        timeline.meta["recording"]["beside"] = (
            None  # a path relative to the temporary folder has no meaning
        )
        return replace(timeline, folder=None)
