"""`fervid validate`."""

from __future__ import annotations

from pathlib import Path

import click

from fervid.cli.console import notify, one_line_errors, printable


@click.command(short_help="Compare results with human coders.")
@click.argument("results", type=click.Path(path_type=Path), metavar="RESULT|RESULTS")
@click.option(
    "--codes",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="One coder's codes: a CSV with columns `start`, `end`, `label` (an expression) and "
    "`recording`, a file from ELAN, BORIS, Praat…, or a folder of such files. Give it once per "
    "coder, or add a column `coder`.",
)
@click.option(
    "--map",
    "names",
    multiple=True,
    metavar="LABEL=EXPRESSION",
    help="Expression that a coder's label stands for, as in AU12=happy.",
)
@click.option(
    "--sample",
    metavar="NxSECONDS",
    help="Draw random excerpts for coders, such as 20x10s. Writes clips without fervid's answers, "
    "and excerpts.csv, which lists them.",
)
@click.option(
    "--excerpts",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="The excerpts.csv of --sample, if only those excerpts were coded.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder for the files.  [default: validation/ in RESULTS]",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="NUMBER",
    help="Seed of the random numbers used for excerpts and intervals.",
)  # fmt: skip
def validate(
    results: Path, codes: tuple[Path, ...], names: tuple[str, ...], sample: str | None,
    excerpts: Path | None, out: Path | None, seed: int,
) -> None:  # fmt: skip
    """Compare results with human coders, or draw excerpts for them to code.

    Writes validation.html and tables: the agreement on frames and on episodes, kappa and
    Krippendorff's alpha with confidence intervals, a confusion matrix, the delay of onsets, and
    pictures of the worst disagreements.

    \b
    Examples:
      fervid validate results/ --sample 20x10s -o coding/
      fervid validate results/ --codes anna.csv --excerpts coding/excerpts.csv
      fervid validate lecture.mp4.fervid --codes lecture.eaf --map AU12=happy
    """
    if bool(codes) == bool(sample):
        raise click.UsageError(
            "give either --codes, to compare, or --sample, to draw excerpts for coders"
        )
    meant = dict(_meaning(name) for name in names)
    with one_line_errors():
        place = out or results / "validation"
        if sample:
            _sample(results, sample, place, seed)
            return
        from fervid.studies.validating import validate as compare

        made = compare(results, codes, excerpts=excerpts, names=meant, seed=seed, notify=notify)
        click.echo(made.headline)
        click.echo(f"validation: {printable(str(made.save(place)))}")


def _meaning(text: str) -> tuple[str, str]:
    from fervid.records import EXPRESSIONS

    label, _, expression = text.rpartition("=")
    if not label or expression not in EXPRESSIONS:
        raise click.UsageError(
            f"--map {text!r}: write LABEL=EXPRESSION; expressions are {', '.join(EXPRESSIONS)}"
        )
    return label, expression


def _sample(results: Path, sample: str, out: Path, seed: int) -> None:
    from fervid.studies.excerpts import TABLE_NAME, draw_excerpts, sample_of

    try:
        count, length_s = sample_of(sample)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    table, missing = draw_excerpts(results, out, count, length_s, seed, notify)
    for name in missing:
        notify(f"{name} is not beside its result, so its excerpts are listed without clips")
    click.echo(f"excerpts: {len(table)} in {printable(str(out / TABLE_NAME))}")
