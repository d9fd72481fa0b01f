"""The command line: parse, call, echo, and turn errors into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid import __version__
from fervid.choices import DETECTORS, DEVICES, EXPRESSION_MODELS, EXPRESSIONS, LABELS
from fervid.cli.interruption import Interruption
from fervid.cli.options import BatchSize, Seconds, Stretch
from fervid.errors import FervidError, SetupError
from fervid.exports import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fervid.exports import FormatName
    from fervid.pipeline import Progress

_EPILOG = """\b
Exit codes: 0 done, 1 a recording, result or model could not be used,
2 wrong usage, 3 the installation lacks something, 130 interrupted.

Expressions are what faces show, not what people feel. Read the notes on
responsible use in the README before you analyse people."""


@contextmanager
def _one_line_errors() -> Iterator[Interruption]:
    """Errors that fervid raises on purpose become one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interruption = Interruption()
    try:
        yield interruption
    except FervidError as error:
        click.echo(f"fervid: {_printable(str(error))}", err=True)
        raise SystemExit(3 if isinstance(error, SetupError) else 1) from error
    except KeyboardInterrupt:
        interruption.leave()


def _printable(text: str) -> str:
    """The text on one line, without anything a terminal would act on."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="fervid")
def main() -> None:
    """Emotion timelines from recordings.

    fervid finds and follows every face in a video file, classifies its expression frame by frame
    and writes CSV tables and an interactive HTML report. Everything runs on this machine.

    \b
    Example:
      fervid analyze lecture.mp4
    """
    # JAX and pandas load a million objects that stay: searching them for garbage takes .7 s a run.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


@main.command()
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
    with _one_line_errors() as interruption:
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
        with _progress_bar(recording.name, quiet) as show:

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


@contextmanager
def _progress_bar(name: str, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr with frames done, speed and time left; only on a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed} frames, {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(escape(ascii(name)[1:-1]), total=None, rate=0.0)

        def show(progress: Progress) -> None:
            rate = progress.frames / max(progress.elapsed_s, 1e-6)
            bar.update(task, completed=progress.frames, total=progress.expected, rate=rate)

        yield show


def _echo_result(folder: Path) -> None:
    """What was found, and where the report is."""
    from fervid.results import REPORT_NAME, read_meta

    meta = read_meta(folder)
    for warning in meta["warnings"]:
        click.echo(f"fervid: warning: {_printable(warning)}", err=True)
    found = meta["detection"]
    share = f"{found['frames_with_face']} of {found['frames']} frames show a face"
    click.echo(f"{share} ({found['detection_rate']:.0%})")
    if not found["frames_with_face"]:
        click.echo("no face was found; try a larger --working-size or a lower --min-score")
    click.echo(f"report: {_printable(str(folder / REPORT_NAME))}")


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
def report(result: Path) -> None:
    """Render report.html again from the tables of a result folder.

    \b
    Example:
      fervid report lecture.mp4.fervid
    """
    with _one_line_errors():
        from fervid.report import write_report

        click.echo(f"report: {_printable(str(write_report(result)))}")


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--to", type=click.Choice(list(FORMATS)), required=True, help="Which kind of file to write."
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
    elan     .eaf for ELAN: a tier for each person, an annotation for each episode
    boris    .boris.xlsx for BORIS: a state event for each episode
    datavyu  .datavyu.csv for Datavyu: a column for each person
    webvtt   .vtt, srt .srt: episodes as subtitles for players
    parquet  .parquet, a file for each table, with types and meanings
    openface .openface.csv: frames under the column names of OpenFace 2
    pyfeat   .pyfeat.csv: frames under those of py-feat
    json     .json with everything
    video    .annotated.mp4: the recording with boxes, ids and probabilities drawn on it

    \b
    Examples:
      fervid export lecture.mp4.fervid --to elan
      fervid export results/lecture.mp4.fervid --to video --recording lecture.mp4 -o lecture.mkv
    """
    if recording is not None and not FORMATS[to].recording:
        raise click.UsageError(f"--recording is not for {to}")
    with _one_line_errors():
        from fervid.exports import export as write

        for path in write(result, to, out, recording=recording, overwrite=overwrite):
            click.echo(f"{to}: {_printable(str(path))}")


@main.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "--at",
    type=Seconds(),
    help="The frame that is shown at this time: seconds, m:ss or h:mm:ss; not for a photo.  "
    "[default: the first one]",
)
@click.option(
    "--face",
    "numbers",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="Only this face, by its number; may be given several times.  [default: all of the frame]",
)
@click.option(
    "--expression",
    type=click.Choice(EXPRESSIONS),
    help="Explain this expression.  [default: the most probable one of each face]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="The picture to write.  [default: RECORDING-SECONDS.png in the current folder]",
)
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    help="Result folder whose face ids, frames and settings count.  [default: RECORDING.fervid "
    "beside the recording or in the current folder, if there is one]",
)
@click.option("--weights", metavar="MODEL", help="Expression model, as for `fervid analyze`.")
@click.option("--labels", type=click.Choice(LABELS), help="As for `fervid analyze`.")
@click.option(
    "--working-size", type=click.IntRange(96, 4096), help="As for `fervid analyze`; finds more."
)
@click.option("--device", type=click.Choice(DEVICES), help="As for `fervid analyze`.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier picture.")
def explain(
    recording: Path,
    at: float | None,
    numbers: tuple[int, ...],
    expression: str | None,
    out: Path | None,
    result: Path | None,
    overwrite: bool,
    **settings: Any,
) -> None:
    """Show what the model reacts to in the faces of one moment, or of a photo.

    Writes a picture: each face as the model sees it, two maps over it of what raises the
    probability of its expression, and the seven probabilities.

    \b
    Examples:
      fervid explain lecture.mp4 --at 63.2
      fervid explain lecture.mp4 --at 1:03.2 --face 2 --expression sad -o why.png
      fervid explain portrait.jpg
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    if out is not None and out.suffix.lower() != ".png":
        raise click.UsageError(f"{_printable(str(out))} does not end in .png")
    with _one_line_errors():
        from fervid.explanations.panel import draw, free, save
        from fervid.explanations.recordings import explain_recording

        target = free(recording, at, out, overwrite=overwrite)
        explained = explain_recording(
            recording, at, numbers=numbers, expression=expression, result=result, **chosen
        )
        save(draw(explained), target)
        click.echo(f"picture: {_printable(str(target))}")


@main.command()
@click.argument("model", required=False)
def models(model: str | None) -> None:
    """Print the model cards of the networks that fervid ships, or of one MODEL.

    MODEL is the name of a shipped one, or NAME for your own NAME.npz with its card NAME.json.

    \b
    Examples:
      fervid models
      fervid models my-model
    """
    with _one_line_errors():
        from fervid.model_cards import CARDS, describe, read_card

        cards = [describe(read_card(name)) for name in (CARDS if model is None else [model])]
        for line in "\n\n".join(cards).split("\n"):
            click.echo(_printable(line))
        if model is None:
            click.echo(f"\nDefault for expressions: {EXPRESSION_MODELS[0]}")
