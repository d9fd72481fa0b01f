"""`fervid analyze`."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid.cli import engine_options as options
from fervid.cli.console import Verbosity, one_line_errors
from fervid.cli.help import GroupedCommand
from fervid.cli.options import Baseline, BatchSize, Seconds, Shard
from fervid.exports import FORMATS
from fervid.settings.choices import DEINTERLACE, READINGS

if TYPE_CHECKING:
    from fervid.batch.worker import Task

_GROUPS = {
    "Input": ("--files-from", "--track", "--deinterlace", "--fps", "--start", "--end"),
    "Output": ("--out", "--format", "--schema", "--thumbnails", "--explain", "--overwrite"),
    "Faces": (
        "--detector",
        "--min-score",
        "--min-face",
        "--working-size",
        "--scale",
        "--detect-every",
    ),
    "Model": ("--weights", "--labels", "--device", "--batch-size"),
    "Timeline": ("--smooth", "--min-confidence", "--min-episode", "--reading", "--baseline"),
    "Many recordings": (
        "--jobs",
        "--dry-run",
        "--time-limit",
        "--memory-limit",
        "--shard",
        "--engine",
        "--address",
    ),
}


@click.command(cls=GroupedCommand, groups=_GROUPS)
@click.argument(
    "inputs",
    nargs=-1,
    metavar="RECORDING...",
    type=click.Path(path_type=Path, readable=False),  # one that is not must not stop the others
)
@click.option(
    "--files-from",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Also analyse the recordings listed in this file, separated by newlines or NULs; - "
    "reads the list from standard input.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write RECORDING.fervid/ into; what lies in folders keeps its place.  "
    "[default: the current one]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Analyse N recordings at a time, each in a process of its own.  [default: 1]",
)
@click.option(
    "--shard",
    type=Shard(),
    metavar="K/N",
    help="Analyse the Kth of N shares of the list: one for each of N machines that write to the"
    " same folder.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Analyse several recordings on this machine, or on a Ray cluster whose machines see the "
    "same files; --jobs is then how many at a time, by default all that there is room for.",
)
@click.option(
    "--address", metavar="ADDRESS", help="Of the Ray cluster.  [default: one on this machine]"
)
@click.option("--dry-run", is_flag=True, help="Only say what would be analysed or refused.")
@click.option(
    "--time-limit",
    type=Seconds(),
    metavar="TIME",
    help="Stop analysing a recording after this long: seconds, m:ss or h:mm:ss.",
)
@click.option(
    "--memory-limit",
    type=click.IntRange(100),
    metavar="MB",
    help="Stop analysing a recording if its processes take more memory.",
)
@click.option(
    "--track",
    type=click.IntRange(1),
    metavar="N",
    help="Read this video track of several, from 1.  [default: the one that players show]",
)
@click.option(
    "--deinterlace",
    type=click.Choice(DEINTERLACE),
    default=DEINTERLACE[0],
    show_default=True,
    help="Make whole pictures of interlaced frames; auto goes by what the file says and by a "
    "sample of it.",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Analyse this many frames a second instead of every frame; times stay exact.",
)
@click.option("--start", type=Seconds(), help="Start here: seconds, m:ss or h:mm:ss.")
@click.option("--end", type=Seconds(), help="Stop before this time.")
@options.detector
@options.min_score
@click.option(
    "--min-face",
    type=click.FloatRange(min=0),
    default=16.0,
    show_default=True,
    metavar="PX",
    help="Ignore faces shorter than this, in pixels of the searched frame.",
)
@options.working_size
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="FACTOR",
    help="Search frames scaled by this factor instead of to --working-size.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    metavar="N",
    help="Search for faces in every Nth analysed frame, and in between only where faces appear,"
    " disappear, move fast or change; 1 searches every frame. Faces are classified in every "
    "frame.  [default: five searches a second]",
)
@options.smooth
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Smoothed probability at which an episode begins; outside episodes, a face is uncertain.",
)
@click.option(
    "--min-episode",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Ignore episodes shorter than this.",
)
@click.option(
    "--reading",
    type=click.Choice(READINGS),
    default=READINGS[0],
    show_default=True,
    help="relative: compare each person with their own resting face, found in the recording; "
    "absolute: use the model's answers as they are.",
)
@click.option(
    "--baseline",
    type=Baseline(),
    metavar="START-END|FILE",
    help="Take resting faces from here: a part of the recording in which people show nothing, "
    "or another recording or a photo of them.",
)
@click.option(
    "--thumbnails/--no-thumbnails",
    default=True,
    show_default=True,
    help="Keep small pictures of people where an expression is clearest, in the report and in "
    "thumbnails/; for photos, annotated copies.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Add maps of what the model reacts to, as `fervid explain` draws them, to these "
    "pictures; takes some seconds more.",
)
@options.device
@click.option(
    "--batch-size",
    type=BatchSize(),
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Frames searched in one call.",
)
@options.weights
@options.labels
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "parquet", "excel"]),
    default="csv",
    show_default=True,
    help="Also write the tables as Parquet files or as one Excel workbook.",
)
@click.option(
    "--schema",
    type=click.Choice(["fervid", "openface", "pyfeat"]),
    default="fervid",
    show_default=True,
    help="Also write the frame table with the column names of OpenFace or py-feat.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace all earlier results. Without this, a result is kept if recording, settings, "
    "models and version are the same.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print only a line of JSON for each recording."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def analyze(
    inputs: tuple[Path, ...],
    files_from: str | None,
    out: Path,
    jobs: int | None,
    shard: tuple[int, int] | None,
    engine: str,
    address: str | None,
    dry_run: bool,
    time_limit: float | None,
    memory_limit: int | None,
    table_format: str,
    schema: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Analyse the expressions of faces in videos and photos.

    Each RECORDING is a video, a photo, a folder with both, or a pattern; - reads a list from
    standard input. For a video, fervid writes a folder RECORDING.fervid/ with report.html and the
    tables frames.csv (one row for each face in each frame), episodes.csv, people.csv and
    summary.csv. For photos, it writes one folder with report.html, faces.csv and photos.csv.
    codebook.csv explains the columns. For several recordings, index.html lists all.

    \b
    Examples:
      fervid analyze lecture.mp4
      fervid analyze interview.mov --fps 5 --start 1:30 --end 12:00 -o results
      fervid analyze recordings/ -o results -j 4
      fervid analyze portrait.jpg
    """
    with one_line_errors() as interruption:
        from fervid.cli import one, photos, several

        task = _task(settings, overwrite, (table_format, schema))
        shown = Verbosity(quiet=quiet, as_json=as_json)
        if _is_one_file(inputs, files_from) and not dry_run and engine == "local":
            of_one = photos if photos.is_photo(inputs[0]) else one
            code = of_one.analyze(inputs[0], out, task, shown, interruption)
        else:
            plan = several.plan(inputs, files_from, out)
            plan = plan if shard is None else plan.shard(*shard)
            folder = photos.folder_of_many(out, shard)
            limits = several.limits(time_limit, memory_limit)
            batch = several.batch(plan, task, jobs, limits, engine, address)
            if dry_run:
                fate = photos.fate(plan.photos, folder, task)
                raise SystemExit(several.show(plan, task, folder, fate))
            several.begin(plan, shown)
            code = photos.analyze_many(plan.photos, folder, task, shown, interruption)
            if plan.jobs:
                code = max(code, several.analyze(plan, batch, None if shard else out, shown))
        raise SystemExit(code)


def _is_one_file(inputs: tuple[Path, ...], files_from: str | None) -> bool:
    if not inputs and files_from is None:
        raise click.UsageError("give a recording, a folder of them, or --files-from")
    one = len(inputs) == 1 and files_from is None and str(inputs[0]) != "-"
    if not one or inputs[0].is_dir():
        return False
    return inputs[0].exists() or not has_magic(str(inputs[0]))


def _task(settings: dict[str, Any], overwrite: bool, exports: tuple[str, ...]) -> Task:
    """What is asked for; a setting or model that cannot be is refused here."""
    from fervid.batch.worker import Task

    if "parquet" in exports:
        from fervid.exports.parquet import require

        require()
    return Task(
        options.chosen(**settings), overwrite, tuple(name for name in exports if name in FORMATS)
    )
