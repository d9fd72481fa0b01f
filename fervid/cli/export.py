"""`fervid export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fervid.cli.console import one_line_errors, printable
from fervid.exports import FORMATS

if TYPE_CHECKING:
    from fervid.exports import FormatName


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--to",
    metavar="FORMAT",
    type=click.Choice(list(FORMATS)),
    required=True,
    help="Which of these to write.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write, or an existing folder for it.  [default: the result folder]",
)
@click.option(
    "--recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recording, which video draws on and elan links to.  [default: the one beside RESULT]",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
def export(
    result: Path, to: FormatName, out: Path | None, recording: Path | None, overwrite: bool
) -> None:
    """Write a result as a file of another tool.

    \b
    elan      .eaf for ELAN: a tier a person, an annotation an episode
    boris     .boris.xlsx for BORIS: a state event an episode
    datavyu   .datavyu.csv for Datavyu: a column a person
    webvtt    .vtt: episodes as subtitles for players
    srt       .srt: the same
    parquet   .parquet, a file a table, with types and meanings
    openface  .openface.csv: frames under the column names of OpenFace 2
    pyfeat    .pyfeat.csv: frames under those of py-feat
    json      .json with everything
    video     .annotated.mp4: the recording with boxes, ids and probabilities

    \b
    Examples:
      fervid export lecture.mp4.fervid --to elan
      fervid export results/lecture.mp4.fervid --to video --recording lecture.mp4
    """
    if recording is not None and not FORMATS[to].recording:
        raise click.UsageError(f"--recording is not for {to}")
    with one_line_errors():
        from fervid.exports import export as write

        for path in write(result, to, out, recording=recording, overwrite=overwrite):
            click.echo(f"{to}: {printable(str(path))}")
