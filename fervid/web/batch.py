"""Analyses the uploads of a visit one after the other. Independent of Gradio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fervid.errors import FervidError, ResultError
from fervid.report.people import edit_people
from fervid.settings import Settings
from fervid.web.visits import Visit
from fervid.web.work import Answer, PhotoAnswer, StoppedError, Waiting, Workshop, without_folder


def analyze_all(visit: Visit, workshop: Workshop, settings: Settings) -> Iterator[bool]:
    """Analyse every upload that has no result with these settings.

    Files may be added and removed in the meantime. The run ends when `visit.stop` is called, or
    when another run begins.

    Yields:
        Whether more than the progress of one analysis has changed.
    """
    visit.run += 1
    run = visit.run
    _forget_outcomes(visit, settings)
    while run == visit.run and (upload := _next(visit)) is not None:
        visit.working, visit.progress = upload, Waiting(0)
        yield True
        if run == visit.run and upload in visit.uploads:
            yield from _analyze(visit, upload, workshop, settings)
    if run == visit.run:
        visit.working = None
    yield True


def results_of(visit: Visit) -> dict[Path, Answer | PhotoAnswer]:
    """The results of a visit, by upload, in the order of the uploads."""
    outcomes = {upload: visit.outcomes.get(upload) for upload in visit.uploads}
    return {
        upload: outcome
        for upload, outcome in outcomes.items()
        if isinstance(outcome, Answer | PhotoAnswer)
    }


def edit_shown(visit: Visit, changes: Path) -> str:
    """Apply a file of changes to the people of the result that is shown; say what was done.

    Raises:
        ResultError: the file cannot be read, or does not fit the result.
    """
    answer = results_of(visit).get(visit.shown or Path())
    try:
        if not isinstance(answer, Answer) or visit.shown is None:
            raise ResultError("first show the result of a recording")
        edit_people(answer.folder, changes)
        visit.outcomes[visit.shown] = Answer.of(answer.folder)
    except ResultError as error:
        raise ResultError(without_folder(error, changes)) from error
    finally:
        changes.unlink(missing_ok=True)
    return "The report and all tables now include these changes to people."


def _forget_outcomes(visit: Visit, settings: Settings) -> None:
    """Keep only results with these settings, so that failures are tried again."""
    kept = results_of(visit) if settings == visit.settings else {}
    visit.outcomes, visit.settings = {**kept}, settings
    if visit.shown not in kept:
        visit.shown = None


def _next(visit: Visit) -> Path | None:
    return next((one for one in visit.uploads if one not in visit.outcomes), None)


def _analyze(visit: Visit, upload: Path, workshop: Workshop, settings: Settings) -> Iterator[bool]:
    try:
        for state in workshop.work(visit, upload, settings):
            if isinstance(state, Answer | PhotoAnswer):
                visit.outcomes[upload] = state
                visit.shown = visit.shown or upload
                return
            visit.progress = state
            yield False
    except StoppedError:
        pass
    except FervidError as error:
        visit.outcomes[upload] = str(error).removeprefix(f"{upload.name!r}: ")
