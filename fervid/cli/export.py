"""`fervid export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fervid.cli.console import notify, one_line_errors, printable
from fervid.exports.formats import BLURS, Blur, find_format, format_names
from fervid.results.folder_names import RESULT_SUFFIX


def _face_ids(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in (value or "").split(",") if one.strip())
    except ValueError:
        raise click.BadParameter("give face ids separated by commas, such as 1,3") from None


@click.command(short_help="Write results in the formats of other tools.")
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--to",
    metavar="FORMAT",
    type=click.Choice(format_names()),
    required=True,
    help="The format to write.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write, or an existing folder to write it into; for many results, the folder for "
    "all files.  [default: the result folder]",
)
@click.option(
    "--recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recording that video draws on and elan links to.  [default: the one beside RESULT]",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option(
    "--blur",
    type=click.Choice(BLURS),
    help="Hide faces in the video with a mosaic or a soft blur. Every frame is searched for "
    "faces again, so that people who are not in the tables are hidden as well.",
)
@click.option(
    "--keep",
    metavar="IDS",
    callback=_face_ids,
    help="Do not hide the people with these face ids, such as 1,3: those who agreed to be shown.",
)
def export(
    result: Path,
    to: str,
    out: Path | None,
    recording: Path | None,
    overwrite: bool,
    blur: Blur | None,
    keep: tuple[int, ...],
) -> None:
    """Write a result, or all results in a folder, in the format of another tool.

    \b
    Examples:
      fervid export lecture.mp4.fervid --to elan
      fervid export results/lecture.mp4.fervid --to video --recording lecture.mp4
      fervid export results/ --to elan
      fervid export interview.mp4.fervid --to video --blur mosaic --keep 1

    \b
    Formats:
      elan      .eaf for ELAN: a tier per person, an annotation per episode
      boris     .boris.xlsx for BORIS: a state event per episode
      datavyu   .datavyu.csv for Datavyu: a column per person
      webvtt    .vtt: episodes as subtitles
      srt       .srt: episodes as subtitles
      excel     .xlsx with all tables
      parquet   .parquet: a file per table, with column types and meanings
      openface  .openface.csv: the frame table with OpenFace 2's column names
      pyfeat    .pyfeat.csv: the frame table with py-feat's column names
      json      .json: metadata, codebook and tables
      video     .annotated.mp4: the recording with boxes, ids and probabilities

    Other packages can add formats.
    """
    with one_line_errors():
        if blur is not None and to != "video":
            raise click.UsageError("--blur is only for --to video")
        if keep and blur is None:
            raise click.UsageError("--keep needs --blur")
        if recording is not None and not find_format(to).recording:
            raise click.UsageError(f"--recording has no effect on {to}")
        from fervid.exports import export as write
        from fervid.report.recordings import is_one_result

        if not is_one_result(result):
            if recording is not None:
                raise click.UsageError("--recording is for one result, not for a folder of results")
            if keep:
                raise click.UsageError(
                    "--keep is for one result, as each result has its own face ids"
                )
            raise SystemExit(_export_many(result, to, out, overwrite, blur))
        ways: dict[str, Any] = {"overwrite": overwrite, "blur": blur, "keep": keep}
        for path in write(result, to, out, recording=recording, **ways):
            click.echo(f"{to}: {printable(str(path))}")


def _export_many(
    folder: Path, to: str, out: Path | None, overwrite: bool, blur: Blur | None
) -> int:
    """Export every result in a folder, at any depth; go on after one that fails."""
    from fervid.errors import FervidError, ResultError
    from fervid.exports import export as write
    from fervid.photos.files import is_photo_result
    from fervid.report.recordings import result_folders

    done = failed = 0
    for result in result_folders(folder, notify):
        if is_photo_result(result):
            continue
        try:
            place = None if out is None else _place(out, result.relative_to(folder), to, blur)
            for path in write(result, to, place, overwrite=overwrite, blur=blur):
                click.echo(f"{to}: {printable(str(path))}")
            done += 1
        except FervidError as error:
            notify(f"not exported: {error}")
            failed += 1
    if not done and not failed:
        raise ResultError(f"{folder}: contains no result of a recording")
    return 1 if failed else 0


def _place(out: Path, result: Path, to: str, blur: Blur | None) -> Path:
    """Path of the export of one of many results: its subfolder and full name are kept."""
    from fervid.errors import ResultError
    from fervid.results.files import BLURRED

    form = find_format(to)
    ending = BLURRED if blur else form.ending
    name = result.name.removesuffix(RESULT_SUFFIX)
    place = out / result.parent / (name if form.tables else f"{name}{ending}")
    home = place if form.tables else place.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultError(f"{home}: cannot be created ({error.strerror or error})") from error
    return place
