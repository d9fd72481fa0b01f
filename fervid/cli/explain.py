"""`fervid explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fervid.cli.console import one_line_errors, printable
from fervid.cli.options import Seconds, complete_model
from fervid.settings.choices import DEVICES, EXPRESSIONS, LABELS


@click.command(short_help="Show what the model reacts to in a frame or photo.")
@click.argument("recording", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--at",
    type=Seconds(),
    help="Time of the frame to explain: seconds, m:ss or h:mm:ss; not for photos.  [default: the "
    "first frame]",
)
@click.option(
    "--face",
    "numbers",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="Explain only the face with this number; can be given several times.  [default: all "
    "faces in the frame]",
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
    help="Picture to write.  [default: RECORDING-SECONDS.png in the current folder, with --face "
    "and --expression in its name]",
)
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Result folder to take face ids, frames and settings from.  [default: RECORDING.fervid "
    "beside the recording or in the current folder, if there is one]",
)
@click.option(
    "--weights",
    metavar="MODEL",
    shell_complete=complete_model,
    help="Expression model, as for `fervid analyze`.",
)
@click.option("--labels", type=click.Choice(LABELS), help="As for `fervid analyze`.")
@click.option(
    "--working-size",
    type=click.IntRange(96, 4096),
    metavar="PX",
    help="As for `fervid analyze`: a larger size finds smaller faces.",
)
@click.option("--device", type=click.Choice(DEVICES), help="As for `fervid analyze`.")
@click.option("--overwrite", is_flag=True, help="Replace an existing picture.")
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
    """Show what the model reacts to in the faces of a frame or photo.

    Writes a picture that shows, for each face: the face as the model sees it, two maps of what
    raises the probability of its expression, and the seven probabilities.

    \b
    Examples:
      fervid explain lecture.mp4 --at 63.2
      fervid explain lecture.mp4 --at 1:03.2 --face 2 --expression sad -o why.png
      fervid explain portrait.jpg
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    if out is not None and out.suffix.lower() != ".png":
        raise click.UsageError(f"{printable(str(out))} does not end in .png")
    with one_line_errors():
        from fervid.explanations.panel import draw, picture_path, save
        from fervid.explanations.recordings import explain_recording

        target = picture_path(
            recording, at, out, numbers=numbers, expression=expression, overwrite=overwrite
        )
        explained = explain_recording(
            recording, at, numbers=numbers, expression=expression, result=result, **chosen
        )
        save(draw(explained), target)
        click.echo(f"picture: {printable(str(target))}")
