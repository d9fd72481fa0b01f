"""Analysis of one recording in this process, or in parts by several, with a progress bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid.batch.interruption import Interruption
from fervid.batch.jobs import Outcome, run
from fervid.batch.supervisor import Batch, Finish
from fervid.batch.worker import Task
from fervid.cli.console import Verbosity, printable
from fervid.cli.several import Workers
from fervid.inputs.plan import Job
from fervid.pipeline import Analyzer, Progress
from fervid.results.folder_names import result_folder
from fervid.settings.choices import EXPRESSIONS

if TYPE_CHECKING:
    from pandas import Series

LINE_EVERY_S = 30.0
_LISTED = 3


def analyze(
    recording: Path,
    out: Path,
    task: Task,
    workers: Workers,
    verbosity: Verbosity,
    interruption: Interruption,
) -> int:
    """Analyse a recording, print a summary, and return the exit code.

    Args:
        workers: processes that share the recording if the task has parts.
    """
    job = Job(recording, result_folder(recording, out))
    with _progress_bar(recording.name, verbosity) as show:

        def progress(done: Progress) -> None:
            interruption.check()
            show(done)

        if workers.count > 1 and task.part_s is not None:
            outcome = _by_several(job, task, workers, progress)
        else:
            outcome = run(
                Analyzer(task.settings),
                job,
                overwrite=task.overwrite,
                exports=task.export,
                progress=progress,
                part_length=task.part_length,
            )
    if verbosity.as_json:
        click.echo(json.dumps(outcome.public_json()))
    if not outcome.has_result:
        click.echo(f"fervid: {printable(outcome.whole_reason)}", err=True)
        return 3 if outcome.setup else 1
    if verbosity.plain:
        _echo_result(outcome)
    return 0


def _by_several(
    job: Job, task: Task, workers: Workers, progress: Callable[[Progress], None]
) -> Outcome:
    """What became of a recording whose parts are shared by several processes."""
    batch = Batch([job], task, workers.count, workers.limits)
    with closing(batch.events()) as events:
        for event in events:
            if isinstance(event, Finish):
                return event.outcome
            progress(Progress(event.frames, event.expected, event.elapsed_s))
    raise AssertionError("a batch ends with what became of its recordings")


class _Lines:
    """Prints a line every half minute, so that logs show the progress of long runs."""

    def __init__(self) -> None:
        self._printed_s: float | None = None

    def __call__(self, done: Progress) -> None:
        if self._printed_s is None:  # the time before this may have gone into compiling
            self._printed_s = done.elapsed_s
        if done.elapsed_s - self._printed_s < LINE_EVERY_S:
            return
        self._printed_s = done.elapsed_s
        of = f" of about {done.expected:,}" if done.expected else ""
        rate = done.frames / max(done.elapsed_s, 1e-6)
        click.echo(f"fervid: {done.frames:,}{of} frames, {rate:,.0f}/s", err=True)


def _echo_result(outcome: Outcome) -> None:
    """Print what was found, what was lost, and where the report is."""
    from fervid.report import partial_line
    from fervid.results.writer import REPORT_NAME, read_meta, read_table

    meta = read_meta(outcome.folder)
    people, summary = (read_table(outcome.folder, name) for name in ("people", "summary"))
    if outcome.anew:
        parts = "the parts of an earlier run are not used"
        click.echo(f"fervid: {parts}: {printable(outcome.anew)}", err=True)
    if outcome.redone:
        click.echo(f"fervid: analysed again: {printable(outcome.redone)}", err=True)
    for warning in meta["warnings"]:
        click.echo(f"fervid: warning: {printable(warning)}", err=True)
    found = meta["detection"]
    share = f"{found['frames_with_face']} of {found['frames']} frames show a face"
    click.echo(f"{share} ({found['detection_rate']:.0%})")
    if len(people):
        click.echo(_people_line(len(people), meta["recording"]["duration_s"], summary.iloc[0]))
    if partial := partial_line(meta):
        click.echo(partial)
    if outcome.reused:
        click.echo(
            "kept the earlier result, as nothing has changed; use --overwrite to analyse again"
        )
    click.echo(f"report: {printable(str(outcome.folder / REPORT_NAME))}")


def _people_line(people: int, duration_s: float | None, summary: Series[Any]) -> str:
    """How many people, how long each was seen, and what they show most."""
    of = "" if duration_s is None else f" of {duration_s:.1f}"
    seen = f"seen for {float(summary['seen_s']) / people:.1f}{of} s"
    people_seen = f"1 person, {seen}" if people == 1 else f"{people} people, {seen} on average"
    shares = sorted((float(summary[f"{name}_dominant"]), name) for name in EXPRESSIONS)[::-1]
    listed = [f"{name} {share:.0%}" for share, name in shares[:_LISTED] if share >= 0.005]
    return f"{people_seen}; " + (
        "most often " + ", ".join(listed) if listed else "no clear expression"
    )


@contextmanager
def _progress_bar(name: str, verbosity: Verbosity) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on stderr; without a terminal, a line now and then."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if verbosity.plain and not console.is_terminal:
        yield _Lines()
        return
    if verbosity.quiet or not console.is_terminal:
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
        task = bar.add_task(escape(repr(name)[1:-1]), total=None, rate=0.0)

        def show(progress: Progress) -> None:
            rate = progress.frames / max(progress.elapsed_s, 1e-6)
            bar.update(task, completed=progress.frames, total=progress.expected, rate=rate)

        yield show
