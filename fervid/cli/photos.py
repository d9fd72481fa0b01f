"""Analysis of photos in this process, into one result, with a progress bar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from fervid.batch.interruption import Interruption
from fervid.batch.worker import Task
from fervid.cli.console import Verbosity, printable
from fervid.errors import ResultError
from fervid.inputs.plan import PhotoFile
from fervid.photos.jobs import Notify, PhotoOutcome
from fervid.results.files import REPORT_NAME
from fervid.results.folder_names import PHOTOS_RESULT, RESULT_SUFFIX, result_folder
from fervid.video.kinds import kind_of


def is_photo(path: Path) -> bool:
    """Whether a file is to be analysed as a photo."""
    return kind_of(path) == "photo"


def analyze(
    photo: Path, out: Path, task: Task, verbosity: Verbosity, interruption: Interruption
) -> int:
    """Analyse one photo, print a summary, and return the exit code."""
    folder = result_folder(photo, out)
    return analyze_many([PhotoFile(photo, photo.name)], folder, task, verbosity, interruption)


def folder_of_many(out: Path, shard: tuple[int, int] | None) -> Path:
    """The result folder of all photos, or of this machine's share of them."""
    if shard is None:
        return out / PHOTOS_RESULT
    return out / f"photos-{shard[0]}-of-{shard[1]}{RESULT_SUFFIX}"


def change_of_existing(photos: Sequence[PhotoFile], folder: Path, task: Task) -> str:
    """What would become of an existing result of photos."""
    from fervid.photos.files import is_photo_result
    from fervid.photos.run import difference_of_photos

    if not photos or not is_photo_result(folder):
        return ""
    if task.overwrite:
        return " (would be analysed again: --overwrite)"
    try:
        why = difference_of_photos(photos, folder, task.settings)
    except ResultError as error:
        return f" ({error})"
    return f" (would be analysed again: {why})" if why else " (kept)"


def analyze_many(
    photos: Sequence[PhotoFile],
    folder: Path,
    task: Task,
    verbosity: Verbosity,
    interruption: Interruption,
) -> int:
    """Analyse photos, print a summary, and return the exit code: 1 if a photo was refused."""
    if not photos:
        return 0
    from fervid.photos.run import analyze_files

    if task.settings.explain or task.exports:
        line = (
            "--explain, --format and --schema have no effect on photos; `fervid explain` "
            "explains a photo"
        )
        click.echo(f"fervid: warning: {line}", err=True)
    outcomes: list[PhotoOutcome] = []
    with _bar(len(photos), verbosity) as advance:

        def notify(outcome: PhotoOutcome) -> None:
            interruption.check()
            outcomes.append(outcome)
            advance(outcome)
            if verbosity.as_json:
                click.echo(json.dumps({**outcome.to_json(), "folder": str(folder)}))

        done = analyze_files(photos, folder, task.settings, overwrite=task.overwrite, notify=notify)
    if done.redone and verbosity.plain:
        click.echo(f"fervid: analysed again: {printable(done.redone)}", err=True)
    refused = [outcome for outcome in outcomes if outcome.status != "ok"]
    for outcome in refused:
        click.echo(f"fervid: {printable(f'{outcome.photo.path}: {outcome.reason}')}", err=True)
    if verbosity.plain:
        _echo_found(outcomes, done.reused, folder)
    return 1 if refused else 0


def _echo_found(outcomes: Sequence[PhotoOutcome], kept: bool, folder: Path) -> None:
    read = [outcome for outcome in outcomes if outcome.status == "ok"]
    with_face = sum(outcome.faces > 0 for outcome in read)
    faces = sum(outcome.faces for outcome in read)
    share = f" ({with_face / len(read):.0%})" if read else ""
    many = "face" if faces == 1 else "faces"
    click.echo(f"{with_face:,} of {len(read):,} photos show a face{share}, {faces:,} {many} in all")
    if refused := len(outcomes) - len(read):
        click.echo(f"{refused:,} of {len(outcomes):,} photos could not be read")
    if kept:
        click.echo(
            "kept the earlier result, as nothing has changed; use --overwrite to analyse again"
        )
    click.echo(f"report: {printable(str(folder / REPORT_NAME))}")


@contextmanager
def _bar(count: int, verbosity: Verbosity) -> Iterator[Notify]:
    """A progress bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if verbosity.quiet or not console.is_terminal:
        yield lambda outcome: None
        return
    columns = (
        TextColumn("photos"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("photos", total=count)
        yield lambda outcome: bar.advance(task)
