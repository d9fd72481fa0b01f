"""`fervid analyze`."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid.cli import engine_options as options
from fervid.cli.console import Verbosity, one_line_errors
from fervid.cli.help import GroupedCommand
from fervid.cli.options import Baseline, BatchSize, Parts, Seconds, Shard
from fervid.exports import FORMATS
from fervid.settings.choices import DEINTERLACE, READINGS

if TYPE_CHECKING:
    from fervid.batch.worker import Task

_PART_S, _LONG_S, _CORES_FOR_PARTS = 300.0, 600.0, 4

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
        "--parts",
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
    type=click.Path(path_type=Path, readable=False),  # an unreadable file must not stop the others
)
@click.option(
    "--files-from",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Also analyse the recordings listed in this file, one per line or separated by NULs; - "
    "reads the list from standard input.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write RECORDING.fervid/ into. Recordings in a folder keep their subfolders.  "
    "[default: the current folder]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Analyse N recordings, or N parts of recordings, at a time, each in its own process.  "
    "[default: 1]",
)
@click.option(
    "--parts",
    type=Parts(),
    default="auto",
    show_default=True,
    metavar="off|auto|MINUTES",
    help="Analyse long recordings in parts of this many minutes. Several processes can then share "
    "a recording, and a command that was stopped continues where it left off. The result is the "
    "same. auto: parts of 5 minutes for recordings longer than 10 minutes, if there are at least "
    "4 processor cores.",
)
@click.option(
    "--shard",
    type=Shard(),
    metavar="K/N",
    help="Analyse the Kth of N shares of the recordings, to divide them among N machines that "
    "write to the same folder.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Analyse several recordings on this machine, or on a Ray cluster whose machines see the "
    "same files. On a cluster, --jobs limits how many run at a time; the default is as many as "
    "fit.",
)
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Address of the Ray cluster.  [default: one on this machine]",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be analysed or refused.")
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
    help="Stop analysing a recording if its processes use more memory than this.",
)
@click.option(
    "--track",
    type=click.IntRange(1),
    metavar="N",
    help="Number of the video track to read, from 1.  [default: the one that players show]",
)
@click.option(
    "--deinterlace",
    type=click.Choice(DEINTERLACE),
    default=DEINTERLACE[0],
    show_default=True,
    help="Turn interlaced frames into full pictures. auto: decide from the file's metadata and a "
    "sample of its frames.",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Analyse this many frames per second instead of every frame; times stay exact.",
)
@click.option("--start", type=Seconds(), help="Start at this time: seconds, m:ss or h:mm:ss.")
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
    help="Scale frames by this factor for the search, instead of to --working-size.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    metavar="N",
    help="Search for faces in every Nth analysed frame. The frames between are searched only "
    "where faces appear, disappear, move fast or change. 1 searches every frame. Faces are "
    "classified in every analysed frame.  [default: five searches per second]",
)
@options.smooth
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Smoothed probability at which an episode begins. Outside episodes, a face's state is "
    "uncertain.",
)
@click.option(
    "--min-episode",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    metavar="SECONDS",
    help="Drop episodes shorter than this.",
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
    help="Take resting faces from a part of the recording in which people show no expression, or "
    "from another recording or a photo of them.",
)
@click.option(
    "--thumbnails/--no-thumbnails",
    default=True,
    show_default=True,
    help="Keep small pictures of each person's clearest expressions, in the report and in "
    "thumbnails/. For photos, keep annotated copies.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Beside each thumbnail, show which parts of the face the model reacts to, as `fervid "
    "explain` does. This takes a few more seconds.",
)
@options.device
@click.option(
    "--batch-size",
    type=BatchSize(),
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Number of frames searched in one call.",
)
@options.weights
@options.labels
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "parquet", "excel"]),
    default="csv",
    show_default=True,
    help="Also write the tables as Parquet files or an Excel workbook. CSV files are always "
    "written.",
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
    help="Replace earlier results. Without this, a result is kept if the recording, settings, "
    "models and version are unchanged.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print only one line of JSON for each recording."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def analyze(
    inputs: tuple[Path, ...],
    files_from: str | None,
    out: Path,
    jobs: int | None,
    parts: float | str,
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

    RECORDING is a video, a photo, a folder of both, or a pattern; - reads a list from standard
    input. Each video gets a folder RECORDING.fervid/ with report.html and the tables frames.csv
    (one row per face and frame), episodes.csv, people.csv and summary.csv. All photos share one
    folder with report.html, faces.csv and photos.csv. codebook.csv explains the columns. For
    several recordings, index.html lists them all.

    \b
    Examples:
      fervid analyze lecture.mp4
      fervid analyze interview.mov --fps 5 --start 1:30 --end 12:00 -o results
      fervid analyze recordings/ -o results -j 4
      fervid analyze portrait.jpg
    """
    with one_line_errors() as interruption:
        from fervid.cli import one, photos, several

        task = _task(settings, overwrite, (table_format, schema), _part_length(parts, engine))
        verbosity = Verbosity(quiet=quiet, as_json=as_json)
        if _is_one_file(inputs, files_from) and not dry_run and engine == "local":
            if photos.is_photo(inputs[0]):
                code = photos.analyze(inputs[0], out, task, verbosity, interruption)
            else:
                workers = several.Workers(jobs or 1, several.limits(time_limit, memory_limit))
                code = one.analyze(inputs[0], out, task, workers, verbosity, interruption)
        else:
            plan = several.plan(inputs, files_from, out)
            plan = plan if shard is None else plan.shard(*shard)
            folder = photos.folder_of_many(out, shard)
            limits = several.limits(time_limit, memory_limit)
            batch = several.batch(plan, task, jobs, limits, engine, address)
            if dry_run:
                change = photos.change_of_existing(plan.photos, folder, task)
                raise SystemExit(several.show(plan, task, folder, change))
            several.begin(plan, verbosity)
            code = photos.analyze_many(plan.photos, folder, task, verbosity, interruption)
            if plan.jobs:
                index = None if shard else out
                code = max(code, several.analyze(plan, batch, index, verbosity, interruption))
        raise SystemExit(code)


def _is_one_file(inputs: tuple[Path, ...], files_from: str | None) -> bool:
    if not inputs and files_from is None:
        raise click.UsageError("give a recording, a folder of them, or --files-from")
    one = len(inputs) == 1 and files_from is None and str(inputs[0]) != "-"
    if not one or inputs[0].is_dir():
        return False
    return inputs[0].exists() or not has_magic(str(inputs[0]))


def _part_length(parts: float | str, engine: str) -> tuple[float | None, float]:
    """Seconds of a part, None: there are none; and of the shortest recording that has parts."""
    if isinstance(parts, float):
        return 60 * parts, 0.0
    from fervid.video.decoding_plan import usable_cores

    enough = engine != "local" or usable_cores() >= _CORES_FOR_PARTS
    return (_PART_S if parts == "auto" and enough else None), _LONG_S


def _task(
    settings: dict[str, Any],
    overwrite: bool,
    exports: tuple[str, ...],
    parts: tuple[float | None, float],
) -> Task:
    """The settings and exports that the options name, checked before any work begins."""
    from fervid.batch.worker import Task

    if "parquet" in exports:
        from fervid.exports.parquet import require

        require()
    names = tuple(name for name in exports if name in FORMATS)
    return Task(options.chosen(**settings), overwrite, names, *parts)
