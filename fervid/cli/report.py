"""`fervid report`."""

from __future__ import annotations

from pathlib import Path

import click

from fervid.cli.console import notify, one_line_errors, printable


@click.command(short_help="Render a report again, or an index of many results.")
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--groups",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="More about the recordings of a folder: a column `recording` (file name or path), and "
    "others such as participant or condition, by which the index compares. Kept in index.json for "
    "later indexes, those of `fervid analyze`, too, until another one is given.",
)
@click.option(
    "--group-by",
    metavar="COLUMN",
    help="Column of --groups to compare by.  [default: the first one that is not `recording`]",
)
def report(result: Path, groups: Path | None, group_by: str | None) -> None:
    """Render report.html of a result again, or make index.html of a folder of results.

    For a folder that holds result folders, at any depth, writes index.html, a page with a row for
    each recording, and recordings.csv, the same as a table.

    \b
    Examples:
      fervid report lecture.mp4.fervid
      fervid report results/ --groups participants.csv --group-by condition
    """
    if group_by is not None and groups is None:
        raise click.UsageError("--group-by needs --groups")
    with one_line_errors():
        from fervid.photos.files import is_photo_result
        from fervid.report import write_report
        from fervid.report.index import is_one_result, write_index

        if groups is None and is_photo_result(result):
            from fervid.photos.sheet import write_sheet

            click.echo(f"report: {printable(str(write_sheet(result)))}")
            return
        if not is_one_result(result):
            page = write_index(result, groups, group_by=group_by, notify=notify)
            click.echo(f"index: {printable(str(page))}")
            return
        if groups is not None:
            raise click.UsageError("--groups is for a folder of results, not for one result")
        click.echo(f"report: {printable(str(write_report(result)))}")
