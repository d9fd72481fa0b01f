"""`fervid models`."""

from __future__ import annotations

import click

from fervid.cli.console import one_line_errors, printable
from fervid.cli.options import complete_model
from fervid.settings.choices import EXPRESSION_MODELS


@click.command(short_help="Print the model cards: data, figures, limits.")
@click.argument("model", required=False, shell_complete=complete_model)
@click.option("--markdown", is_flag=True, help="Print them as Markdown, with tables.")
def models(model: str | None, markdown: bool) -> None:
    """Print the model cards of the networks that fervid ships, or of one MODEL.

    MODEL is the name of a shipped one, or NAME for your own NAME.npz with its card NAME.json.

    \b
    Examples:
      fervid models
      fervid models my-model
    """
    with one_line_errors():
        from fervid.models.card_pages import page_of
        from fervid.models.cards import CARDS, describe, read_card

        cards = [read_card(name) for name in (CARDS if model is None else [model])]
        text = page_of(cards) if markdown else "\n\n".join(map(describe, cards))
        for line in text.rstrip("\n").split("\n"):
            click.echo(printable(line))
        if model is None and not markdown:
            click.echo(f"\nDefault for expressions: {EXPRESSION_MODELS[0]}")
