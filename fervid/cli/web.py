"""`fervid web`."""

from __future__ import annotations

import click

from fervid.cli.console import one_line_errors, printable

_LOCAL = "127.0.0.1"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port of the page.  [default: the first free one from 7860]",
)
@click.option(
    "--host",
    default=_LOCAL,
    show_default=True,
    metavar="ADDRESS",
    help="Address of the page. With any other address than the default, people on the network can "
    "use the page too; there is no password and no encryption.",
)
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser."
)
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    metavar="MB",
    help="Refuse files larger than this.",
)
def web(port: int | None, host: str, browser: bool, max_upload: int) -> None:
    """Open a page in your browser for videos, photos and a webcam.

    Drop a video or a photo on the page, explore its timeline, and download the tables and the
    report. Nothing leaves this machine. Files are deleted when you close the page. Press Ctrl-C to
    stop.

    \b
    Examples:
      fervid web
      fervid web --no-browser
      fervid web --port 8000
    """
    with one_line_errors():
        from fervid.web.serving import open_browser, serve

        def ready(address: str) -> None:
            click.echo(f"page: {printable(address)} (press Ctrl-C to stop)")
            if browser:
                open_browser(address)

        if host != _LOCAL:
            click.echo(
                f"fervid: warning: everyone who can reach {printable(host)} can use the page; "
                "there is no password and no encryption",
                err=True,
            )
        serve(host, port, upload_bytes=max_upload * 1_000_000, ready=ready)
