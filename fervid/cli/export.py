"""`fervid export`."""

from __future__ import annotations

from pathlib import Path

import click

from fervid.cli.console import notify, one_line_errors, printable
from fervid.exports.formats import find_format, format_names
from fervid.results.folder_names import RESULT_SUFFIX


@click.command(short_help="Write results as files of other tools.")
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--to",
    metavar="FORMAT",
    type=click.Choice(format_names()),
    required=True,
    help="Which of these to write.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write, or an existing folder for it; for many results, the folder for all.  "
    "[default: the result folder]",
)
@click.option(
    "--recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recording, which video draws on and elan links to.  [default: the one beside RESULT]",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
def export(
    result: Path, to: str, out: Path | None, recording: Path | None, overwrite: bool
) -> None:
    """Write a result, or all results in a folder, as files of another tool.

    \b
    elan      .eaf for ELAN: a tier a person, an annotation an episode
    boris     .boris.xlsx for BORIS: a state event an episode
    datavyu   .datavyu.csv for Datavyu: a column a person
    webvtt    .vtt: episodes as subtitles for players
    srt       .srt: the same
    excel     .xlsx with all tables, numbers as numbers
    parquet   .parquet, a file a table, with types and meanings
    openface  .openface.csv: frames under the column names of OpenFace 2
    pyfeat    .pyfeat.csv: frames under those of py-feat
    json      .json with everything
    video     .annotated.mp4: the recording with boxes, ids and probabilities

    Formats of other packages that are installed are taken, too.

    \b
    Examples:
      fervid export lecture.mp4.fervid --to elan
      fervid export results/lecture.mp4.fervid --to video --recording lecture.mp4
      fervid export results/ --to elan
    """
    with one_line_errors():
        if recording is not None and not find_format(to).recording:
            raise click.UsageError(f"--recording is not for {to}")
        from fervid.exports import export as write
        from fervid.report.recordings import is_one_result

        if not is_one_result(result):
            if recording is not None:
                raise click.UsageError("--recording is for one result, not for a folder of them")
            raise SystemExit(_export_many(result, to, out, overwrite))
        for path in write(result, to, out, recording=recording, overwrite=overwrite):
            click.echo(f"{to}: {printable(str(path))}")


def _export_many(folder: Path, to: str, out: Path | None, overwrite: bool) -> int:
    """Export every result in a folder, at any depth; one that cannot be never stops the others."""
    from fervid.errors import FervidError, ResultError
    from fervid.exports import export as write
    from fervid.photos.files import is_photo_result
    from fervid.report.recordings import result_folders

    done = failed = 0
    for result in result_folders(folder, notify):
        if is_photo_result(result):
            continue
        try:
            place = None if out is None else _place(out, result.relative_to(folder), to)
            for path in write(result, to, place, overwrite=overwrite):
                click.echo(f"{to}: {printable(str(path))}")
            done += 1
        except FervidError as error:
            notify(f"left out: {error}")
            failed += 1
    if not done and not failed:
        raise ResultError(f"{folder}: holds no result of a recording")
    return 1 if failed else 0


def _place(out: Path, result: Path, to: str) -> Path:
    """Where the file of one of many results goes: its place and its whole name are kept."""
    from fervid.errors import ResultError

    form = find_format(to)
    name = result.name.removesuffix(RESULT_SUFFIX)
    place = out / result.parent / (name if form.tables else f"{name}{form.ending}")
    home = place if form.tables else place.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultError(f"{home}: cannot be made ({error.strerror or error})") from error
    return place
