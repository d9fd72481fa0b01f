"""The command line: parse, call, echo, and turn errors into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import os

import click

from fervid import __version__
from fervid.cli.analyze import analyze
from fervid.cli.completion import completion
from fervid.cli.doctor import doctor
from fervid.cli.explain import explain
from fervid.cli.export import export
from fervid.cli.help import OrderedGroup
from fervid.cli.live import live
from fervid.cli.models import models
from fervid.cli.report import report
from fervid.cli.validate import validate
from fervid.cli.web import web

_EPILOG = """\b
Exit codes: 0 success, 1 a recording, result or model could not be used,
2 wrong usage, 3 something is missing on this machine, 130 interrupted.

Expressions are what faces show, not what people feel. Read the notes on
responsible use in the README before you analyse people."""


@click.group(
    cls=OrderedGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, package_name="fervid")
def main() -> None:
    """Emotion timelines from recordings.

    fervid finds and follows every face in a video, classifies its expression frame by frame, and
    writes CSV tables and an interactive HTML report. It also reads photos, cameras and streams.
    Everything runs on this machine.

    \b
    Examples:
      fervid analyze lecture.mp4
      fervid analyze recordings/ -o results
      fervid live
    """
    # JAX and pandas load a million objects that stay: searching them for garbage takes .7 s a run.
    gc.set_threshold(100_000)
    # NumPy, which is not loaded yet, multiplies only small matrices here. Threads make that slower,
    # by far on a busy machine, and the last bits depend on how many there are.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    atexit.register(gc.freeze)


for command in (analyze, live, web, report, validate, export, explain, models, doctor, completion):
    main.add_command(command)
