"""Many recordings: the plan, its execution, and the outcome of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from fervid.batch.interruption import Interruption
from fervid.batch.jobs import STATUSES, Outcome
from fervid.batch.slots import Limits
from fervid.batch.supervisor import Batch, Finish
from fervid.batch.worker import Task
from fervid.cli.console import Verbosity, printable
from fervid.cli.views import line_of, still_seen, view_of
from fervid.errors import FervidError, MediaError, quoted
from fervid.inputs.lists import read_list
from fervid.inputs.plan import Job, Plan, make_plan
from fervid.results.folder_names import RESULT_SUFFIX
from fervid.results.parts_folder import PartsFolder
from fervid.results.reuse import difference, digests_of_models, request_of
from fervid.video.identity import identity_of

if TYPE_CHECKING:
    from fervid.batch.cluster import ClusterBatch


@dataclass(frozen=True)
class Workers:
    """How many processes there are, and what each may use."""

    count: int
    limits: Limits


def plan(inputs: Sequence[Path], files_from: str | None, out: Path) -> Plan:
    """The recordings and photos that the arguments name."""
    sources = [str(path) for path in inputs if str(path) == "-"]
    sources += [] if files_from is None else [files_from]
    listed = [path for source in sources for path in read_list(source)]
    return make_plan([path for path in inputs if str(path) != "-"], listed, out)


def limits(time_limit: float | None, memory_limit: int | None) -> Limits:
    """The limits for one recording."""
    return Limits(time_limit, None if memory_limit is None else memory_limit * 1_000_000)


def show(plan: Plan, task: Task, photos: Path, change: str) -> int:
    """Print the plan, a line for each recording and photo; return 1 if one would be refused.

    Args:
        plan, task: what would be analysed, and how.
        photos: the result folder of the photos.
        change: what would become of an existing result of photos.
    """
    refused: Counter[str] = Counter()
    for job in plan.jobs:
        if why := _refusal(job, task):
            refused["recording"] += 1
            click.echo(printable(f"{job.recording}: would be refused: {why}"))
        else:
            click.echo(
                printable(f"{job.recording} -> {job.folder}{_change_of_existing(job, task)}")
            )
    for photo in plan.photos:
        if why := _refusal_of_photo(photo.path):
            refused["photo"] += 1
            click.echo(printable(f"{photo.path}: would be refused: {why}"))
        else:
            click.echo(printable(f"{photo.path} -> {photos}{change}"))
    _echo_about(plan)
    if refused:
        counts = " and ".join(_count(number, what) for what, number in refused.items())
        click.echo(f"would be refused: {counts}", err=True)
    return 1 if refused else 0


def _refusal_of_photo(photo: Path) -> str:
    """Why a photo would be refused, judged by the beginning of the file; empty if it would not."""
    from fervid.photos.reading import check_photo

    try:
        check_photo(photo)
    except FervidError as error:
        return str(error).removeprefix(f"{quoted(photo)}: ")
    return ""


def _refusal(job: Job, task: Task) -> str:
    """Why a recording or its result would be refused, judged by the first frame; empty if not."""
    from fervid.results.writer import ResultWriter
    from fervid.video.probing import probe

    try:
        probe(job.recording, task.settings.track)
        ResultWriter(job.folder, overwrite=True)
    except FervidError as error:
        return str(error).removeprefix(f"{quoted(job.recording)}: ")
    return ""


def _change_of_existing(job: Job, task: Task) -> str:
    """What would become of an existing result, or what is left to do of a missing one."""
    if not job.folder.exists():
        return _parts_left(job, task)
    if task.overwrite:
        return " (would be analysed again: --overwrite)"
    try:
        models = digests_of_models(task.settings)
        why = difference(job.folder, request_of(identity_of(job.recording), task.settings, models))
    except MediaError as error:
        return f" ({error})"
    return f" (would be analysed again: {why})" if why else " (kept)"


def _parts_left(job: Job, task: Task) -> str:
    """How many parts of a recording an earlier run has left, if that run can be continued."""
    from fervid.engine.engine import Engine
    from fervid.pipeline.part_plans import parts_left

    if task.part_length is None or not PartsFolder(job.folder).path.exists():
        return ""
    try:
        models = digests_of_models(task.settings)
        request = request_of(identity_of(job.recording), task.settings, models)
        left, of, why = parts_left(Engine(task.settings), job.folder, request, task.part_length)
    except FervidError as error:
        return f" ({error})"
    if why:
        return f" (would start again: {why})"
    return f" ({left} of {of} parts are left)" if of else ""


def batch(
    plan: Plan,
    task: Task,
    workers: int | None,
    limits: Limits,
    engine: str,
    address: str | None,
) -> Batch | ClusterBatch:
    """What carries the plan out: processes on this machine, or a Ray cluster."""
    if engine == "local":
        if address is not None:
            raise click.UsageError("--address is for --engine ray")
        return Batch(plan.jobs, task, workers or 1, limits)
    from fervid.batch.cluster import ClusterBatch

    return ClusterBatch(plan.jobs, task, workers, limits, address)


def begin(plan: Plan, verbosity: Verbosity) -> None:
    """Print how much there is to do."""
    if verbosity.plain:
        _echo_about(plan)


def analyze(
    plan: Plan,
    batch: Batch | ClusterBatch,
    index: Path | None,
    verbosity: Verbosity,
    interruption: Interruption,
) -> int:
    """Carry the plan out, print the outcome of each recording, and return the exit code.

    Args:
        index: the folder of results in which to write `index.html`; None writes no index.
    """
    began = monotonic()
    outcomes: list[Outcome | None] = [None] * len(plan.jobs)
    # Closed at once on a signal, so that workers tidy up before this process ends.
    with view_of(plan.jobs, verbosity) as view, closing(batch.events()) as events:
        for event in events:
            interruption.check()
            if isinstance(event, Finish):
                outcomes[event.place] = event.outcome
            view(event)
    done = [outcome for outcome in outcomes if outcome is not None]
    if verbosity.quiet and not verbosity.as_json:
        for outcome in done:
            if not outcome.has_result:
                click.echo(f"fervid: {printable(outcome.named_reason)}", err=True)
    elif not verbosity.quiet:
        _echo_table(done, monotonic() - began, err=verbosity.as_json)
    if index is not None:
        _write_index(index, done, verbosity)
    return 0 if all(outcome.has_result for outcome in done) else 1


def _write_index(folder: Path, outcomes: Sequence[Outcome], verbosity: Verbosity) -> None:
    """Write the index of all results in the folder, including those of earlier runs."""
    from fervid.report.index import Failure, write_index

    failures = [
        Failure(_place(outcome, folder), outcome.status, outcome.reason, outcome.recording)
        for outcome in outcomes
        if not outcome.has_result
    ]
    try:
        page = write_index(folder, failures=failures)
    except FervidError as error:  # the results exist even without an index
        click.echo(f"fervid: warning: {printable(str(error))}", err=True)
        return
    if verbosity.plain:
        click.echo(f"index: {printable(str(page))}")


def _place(outcome: Outcome, folder: Path) -> str:
    """The recording's path in the tree of results."""
    return str(outcome.folder.relative_to(folder)).removesuffix(RESULT_SUFFIX)


def _echo_about(plan: Plan) -> None:
    for warning in plan.warnings:
        click.echo(f"fervid: warning: {printable(warning)}", err=True)
    skipped = f"; skipped {_count(plan.skipped, 'other file')}" if plan.skipped else ""
    counts = {"recording": len(plan.jobs), "photo": len(plan.photos)}
    there = [_count(number, what) for what, number in counts.items() if number]
    click.echo(f"{' and '.join(there)}{skipped}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _echo_table(outcomes: Sequence[Outcome], elapsed_s: float, *, err: bool) -> None:
    is_said = not err and still_seen(len(outcomes))
    for outcome in outcomes:
        if outcome.status != "ok" and not is_said:
            click.echo(line_of(outcome), err=err)
    counts = Counter(outcome.status for outcome in outcomes)
    kept = sum(outcome.reused for outcome in outcomes)
    words = [f"{counts[status]:,} {status}" for status in STATUSES if counts[status]]
    again = f" ({kept:,} kept from earlier)" if kept else ""
    minutes, seconds = divmod(round(elapsed_s), 60)
    took = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    total = f"{_count(len(outcomes), 'recording')} in {took}"
    click.echo(f"{total}: {', '.join(words)}{again}", err=err)
