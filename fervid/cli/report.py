"""`fervid report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fervid.cli.console import notify, one_line_errors, printable
from fervid.cli.help import GroupedCommand
from fervid.cli.study_options import STUDY_GROUPS, kind_of_study, study_options


@click.command(
    cls=GroupedCommand,
    groups=STUDY_GROUPS,
    short_help="Make reports again, an index of results, or a study.",
)
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--groups",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="More about the recordings of a folder: a column `recording` (file name or path), and "
    "others such as participant or condition, by which the index or the study compares; with "
    "--events also face_id. The index keeps it in index.json for later ones, those of `fervid "
    "analyze`, too, until another one is given.",
)
@click.option(
    "--group-by",
    metavar="COLUMN",
    help="Column of --groups, or of --events, to compare by.  [default: the first one that is not "
    "`recording` or another column with a meaning]",
)
@click.option(
    "--no-faces",
    is_flag=True,
    help="Make the report of one result without pictures of people; its player shows what `fervid "
    "export --to video --blur` left in the result folder, or nothing.",
)
@study_options
def report(
    result: Path, groups: Path | None, group_by: str | None, no_faces: bool, **options: Any
) -> None:
    """Render report.html of a result again, or make index.html of a folder of results.

    For a folder that holds result folders, at any depth, writes index.html, a page with a row for
    each recording, and recordings.csv, the same as a table. With --events, --stimulus or
    --together, writes a study: what people show around events, compared between conditions or
    groups; what an audience shows; how people in a recording move together.

    \b
    Examples:
      fervid report lecture.mp4.fervid
      fervid report results/ --groups participants.csv --group-by condition
      fervid report results/ --events questions.csv
      fervid report results/ --stimulus film.mp4
    """
    kind = kind_of_study(options)
    if group_by is not None and groups is None and kind != "study":
        raise click.UsageError("--group-by needs --groups or --events")
    with one_line_errors():
        if kind:
            from fervid.cli.studies import write_study

            write_study(kind, result, groups, group_by, options)
            return
        _report(result, groups, group_by, no_faces)


def _report(result: Path, groups: Path | None, group_by: str | None, no_faces: bool) -> None:
    from fervid.photos.files import is_photo_result
    from fervid.report import write_report
    from fervid.report.index import is_one_result, write_index

    if groups is None and is_photo_result(result) and not no_faces:
        from fervid.photos.sheet import write_sheet

        click.echo(f"report: {printable(str(write_sheet(result)))}")
        return
    if no_faces and not is_one_result(result):
        raise click.UsageError("--no-faces is for the result of one recording")
    if not is_one_result(result):
        page = write_index(result, groups, group_by=group_by, notify=notify)
        click.echo(f"index: {printable(str(page))}")
        return
    if groups is not None:
        raise click.UsageError("--groups is for a folder of results, not for one result")
    click.echo(f"report: {printable(str(write_report(result, faces_shown=not no_faces)))}")
