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
    short_help="Rebuild a report, or make an index or a study of results.",
)
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--groups",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Table about the recordings: a column `recording` (file name or path), and others to "
    "compare by, such as condition. With a column `participant`, each person counts once. The "
    "participant is the person seen longest, unless a column `face_id` names another. The index "
    "keeps the table; later runs use it until you give another one.",
)
@click.option(
    "--group-by",
    metavar="COLUMN",
    help="Column of --groups or --events to compare by.  [default: the first one that has no "
    "special meaning]",
)
@click.option(
    "--no-faces",
    is_flag=True,
    help="Make the report of one result without pictures of people. Its player shows the video "
    "that `fervid export --to video --blur` wrote into the result folder, if there is one.",
)
@click.option(
    "--people",
    metavar="FILE.csv|none",
    help="Table that names people, merges them, leaves them out or puts them in order. The report "
    "can save such a table. All tables and the report are updated without a new analysis. `none` "
    "undoes all changes.",
)
@study_options
def report(
    result: Path,
    groups: Path | None,
    group_by: str | None,
    no_faces: bool,
    people: str | None,
    **options: Any,
) -> None:
    """Rebuild the report of a result, or make an index or a study of many results.

    For one result, writes its report.html again. For a folder with results at any depth, writes
    index.html, a page with a row for each recording, and recordings.csv, the same rows as a table.

    Some options write a study instead. --events: what people show around events. --stimulus or
    --audience: what an audience shows. --together: how the expressions of people in a recording
    change together.

    \b
    Examples:
      fervid report lecture.mp4.fervid
      fervid report lecture.mp4.fervid --people lecture.people.csv
      fervid report results/ --groups participants.csv --group-by condition
      fervid report results/ --events questions.csv
      fervid report results/ --stimulus film.mp4
    """
    kind = kind_of_study(options)
    if group_by is not None and groups is None and kind != "study":
        raise click.UsageError("--group-by needs --groups or --events")
    if people is not None and kind:
        raise click.UsageError("--people is for the report of one result, not for a study")
    with one_line_errors():
        if kind:
            from fervid.cli.studies import write_study

            write_study(kind, result, groups, group_by, options)
            return
        _report(result, groups, group_by, no_faces, people)


def _report(
    result: Path,
    groups: Path | None,
    group_by: str | None,
    no_faces: bool,
    people: str | None,
) -> None:
    from fervid.photos.files import is_photo_result
    from fervid.report.index import is_one_result, write_index
    from fervid.report.people import edit_people, rebuild_with_people

    if people is not None and (not is_one_result(result) or is_photo_result(result)):
        raise click.UsageError("--people is for the result of one recording")
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
    if people is not None:
        page = edit_people(result, None if people == "none" else people)
    if people is None or no_faces:
        page = rebuild_with_people(result, faces_shown=not no_faces)
    click.echo(f"report: {printable(str(page))}")
