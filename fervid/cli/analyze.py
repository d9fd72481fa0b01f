"""`fervid analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid.choices import DETECTORS, DEVICES, EXPRESSION_MODELS, LABELS
from fervid.cli.console import one_line_errors, printable, progress_bar
from fervid.cli.options import BatchSize, Seconds, Stretch
from fervid.exports import FORMATS

if TYPE_CHECKING:
    from fervid.pipeline import Progress


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write RECORDING.fervid/ into.  [default: the current one]",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    help="Analyse this many frames a second instead of every frame; times stay exact.",
)
@click.option("--start", type=Seconds(), help="Start here: seconds, m:ss or h:mm:ss.")
@click.option("--end", type=Seconds(), help="Stop before this time.")
@click.option(
    "--detector",
    metavar="|".join(DETECTORS),
    default=DETECTORS[0],
    show_default=True,
    help="Find faces by fervid's own detector, or by a YuNet file of yours through OpenCV.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    help="Detector score of a new face; one that is followed is kept down to half of it.  "
    "[default: see `fervid models`]",
)
@click.option(
    "--min-face",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="PX",
    help="Leave out faces lower than this many pixels of the frames that are searched.",
)
@click.option(
    "--working-size",
    type=click.IntRange(96, 4096),
    default=640,
    show_default=True,
    help="Search frames scaled down to this many pixels on the longer side; more finds smaller "
    "faces and takes longer.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    help="Search frames scaled by this factor instead of to --working-size.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    metavar="N",
    help="Search for faces in every Nth analysed frame, and between two of these only where faces "
    "come, go, move fast or change their looks; 1 searches every frame. Every frame is classified "
    "in any case.  [default: five searches a second]",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Time constant of the smoothed probabilities; 0 leaves them as they are.",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Smoothed probability that begins an episode; a face in no episode is uncertain.",
)
@click.option(
    "--min-episode",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Leave out episodes shorter than this.",
)
@click.option(
    "--baseline",
    type=Stretch(),
    metavar="START-END",
    help="A stretch in which people look neutral: what the model sees in their resting faces is "
    "taken out of the smoothed values.",
)
@click.option(
    "--thumbnails/--no-thumbnails",
    default=True,
    show_default=True,
    help="Keep small pictures of people at their clearest, in the report and in thumbnails/.",
)
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=DEVICES[0],
    show_default=True,
    help="Where the networks run, on all devices of that kind; auto is what JAX prefers.",
)
@click.option(
    "--batch-size",
    type=BatchSize(),
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Frames that are searched in one call.",
)
@click.option(
    "--weights",
    metavar="MODEL",
    default=EXPRESSION_MODELS[0],
    show_default=True,
    help="Expression model: a shipped one (see `fervid models`), or NAME for your own NAME.npz "
    "with its model card NAME.json.",
)
@click.option(
    "--labels",
    type=click.Choice(LABELS),
    default=LABELS[0],
    show_default=True,
    help="Answer as FER-2013's labels (one a face), as FER+'s votes (ten people a face), or as a "
    "mixture of both.",
)
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="parquet: write the tables as Parquet files, too.",
)
@click.option(
    "--schema",
    type=click.Choice(["fervid", "openface", "pyfeat"]),
    default="fervid",
    show_default=True,
    help="Write frames under the column names of OpenFace or py-feat, too.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def analyze(
    recording: Path,
    out: Path,
    table_format: str,
    schema: str,
    overwrite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Analyse a video file and write its expression timeline.

    Writes RECORDING.fervid/ with report.html and the tables frames.csv (one row for each face in
    each frame), episodes.csv, people.csv and summary.csv; codebook.csv explains their columns.

    \b
    Examples:
      fervid analyze lecture.mp4
      fervid analyze interview.mov --fps 5 --start 1:30 --end 12:00 -o results
    """
    with one_line_errors() as interruption:
        from fervid.pipeline import Analyzer, result_folder
        from fervid.settings import Settings

        folder = result_folder(recording, out)
        if table_format == "parquet":
            from fervid.exports.parquet import require

            require()
        try:
            analyzer = Analyzer(Settings(**settings))
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        with progress_bar(recording.name, quiet) as show:

            def progress(done: Progress) -> None:
                interruption.check()
                show(done)

            analyzer.analyze(recording, folder, overwrite=overwrite, progress=progress)
        _export_too(folder, {table_format, schema})
        if not quiet:
            _echo_result(folder)


def _export_too(folder: Path, wanted: set[str]) -> None:
    """Write what else was asked for beside the tables."""
    from fervid.exports import export as write

    for to in FORMATS:
        if to in wanted:
            write(folder, to, overwrite=True)


def _echo_result(folder: Path) -> None:
    """What was found, what was lost, and where the report is."""
    from fervid.report import partial_line
    from fervid.results import REPORT_NAME, read_meta

    meta = read_meta(folder)
    for warning in meta["warnings"]:
        click.echo(f"fervid: warning: {printable(warning)}", err=True)
    found = meta["detection"]
    share = f"{found['frames_with_face']} of {found['frames']} frames show a face"
    click.echo(f"{share} ({found['detection_rate']:.0%})")
    if partial := partial_line(meta):
        click.echo(partial)
    if not found["frames_with_face"]:
        click.echo("no face was found; try a larger --working-size or a lower --min-score")
    click.echo(f"report: {printable(str(folder / REPORT_NAME))}")
