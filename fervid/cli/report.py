"""`fervid report`."""

from __future__ import annotations

from pathlib import Path

import click

from fervid.cli.console import one_line_errors, printable


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
def report(result: Path) -> None:
    """Render report.html again from the tables of a result folder.

    \b
    Example:
      fervid report lecture.mp4.fervid
    """
    with one_line_errors():
        from fervid.report import write_report

        click.echo(f"report: {printable(str(write_report(result)))}")
