"""`fervid live`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fervid.batch.interruption import Interruption
from fervid.cli import engine_options as options
from fervid.cli.console import Verbosity, one_line_errors, printable
from fervid.cli.help import GroupedCommand
from fervid.cli.options import Seconds

if TYPE_CHECKING:
    from fervid.live.sources import Source
    from fervid.live.watching import Watch

_GROUPS = {
    "Input": ("--fps", "--duration", "--reconnect-for"),
    "Output": ("--out", "--name", "--thumbnails"),
    "Faces": ("--detector", "--min-score", "--working-size"),
    "Model": ("--weights", "--labels", "--device"),
    "Timeline": ("--smooth",),
}


@click.command(cls=GroupedCommand, groups=_GROUPS)
@click.argument("source", default="0", metavar="[SOURCE]")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for NAME.running.csv, which grows row by row, and for the result NAME.fervid/ at "
    "the end.  [default: write nothing]",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Name of the files.  [default: the source and the time]",
)
@click.option(
    "--duration",
    type=Seconds(),
    metavar="TIME",
    help="Stop after this long: seconds, m:ss or h:mm:ss.",
)
@click.option(
    "--reconnect-for",
    type=Seconds(),
    default=60.0,
    metavar="TIME",
    help="If a network stream breaks, try to reconnect for this long; 0 never reconnects.  "
    "[default: 60 seconds]",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Analyse at most this many frames per second.  [default: all]",
)
@options.working_size
@options.detector
@options.min_score
@options.smooth
@click.option(
    "--thumbnails/--no-thumbnails",
    default=True,
    show_default=True,
    help="Keep small pictures of people in the result.",
)
@options.device
@options.weights
@options.labels
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each frame.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def live(
    source: str,
    out: Path | None,
    name: str | None,
    duration: float | None,
    reconnect_for: float,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Analyse a camera or a stream live.

    SOURCE is the number or device of a camera (0 is the first), the address of a stream (udp, rtp,
    tcp, srt, rtsp, http, https), or - for a stream on standard input. fervid always analyses the
    newest frame, so the delay never grows; the frames that it drops are counted. Press Ctrl-C to
    stop: with --out, fervid then writes the result. Press it again to quit at once.

    Tell the people in front of the camera that they are being analysed.

    \b
    Examples:
      fervid live
      fervid live rtsp://camera.local/stream1 -o results --duration 1:00:00
      fervid live udp://0.0.0.0:5004 --json
    """
    with one_line_errors() as interruption:
        verbosity = Verbosity(quiet=quiet, as_json=as_json)
        _check_name(name)
        source_found, chosen = (
            _source(source),
            options.chosen(detect_every=1, batch_size=1, **settings),
        )
        interruption.patient = True
        from fervid.cli.live_view import view_of
        from fervid.live.watching import Watch

        def stopped() -> bool:
            return interruption.signal != 0

        with view_of(source_found.name, verbosity, stopped) as view:
            watch = Watch(
                source_found,
                chosen,
                out=out,
                name=name,
                duration=duration,
                reconnect_for=reconnect_for,
                stopped=stopped,
                notify=view.notify,
            )
            with watch:
                for moment in watch:
                    if not view.show(moment):
                        break
                view.notify_end()
        raise SystemExit(_print_end(watch, verbosity, interruption))


def _source(word: str) -> Source:
    from fervid.live.sources import find_source

    if word == "-" and sys.stdin.isatty():
        raise click.UsageError(
            "- reads a stream from standard input, but that is a terminal; pipe a stream into it"
        )
    return find_source(word)


def _check_name(name: str | None) -> None:
    from fervid.live.sources import check_name

    try:
        check_name(name or "unnamed")
    except ValueError as error:
        raise click.UsageError(f"--{error}") from error


def _print_end(watch: Watch, verbosity: Verbosity, interruption: Interruption) -> int:
    """Print how the session ended, and return the exit code."""
    from fervid.cli.live_view import echo_json
    from fervid.results.files import REPORT_NAME

    frames, dropped = watch.tally.analysed, watch.dropped
    if not frames:
        click.echo("fervid: stopped before the first frame; nothing was written", err=True)
        return 128 + interruption.signal if interruption.signal else 1
    report = watch.folder and str(watch.folder / REPORT_NAME)
    if verbosity.as_json:
        about = {"analysed": frames, "dropped": dropped, "stopped_by": watch.ended_by}
        echo_json({"end": {**about, "report": report}}, lambda: interruption.signal != 0)
    elif verbosity.plain:
        received, starting = frames + dropped, watch.dropped_while_starting
        early = f" and {starting:,} more while starting" if starting else ""
        late = f"median delay {watch.tally.latency_ms(0.5)} ms"
        word = "frame" if frames == 1 else "frames"
        click.echo(
            f"{frames:,} {word} analysed, {dropped:,} of {received:,} dropped{early}, {late}"
        )
        if report:
            click.echo(f"report: {printable(report)}")
    if watch.lost:
        click.echo(f"fervid: {printable(watch.lost)}", err=True)
        return 1
    return 0
