"""`fervid models`."""

from __future__ import annotations

import click

from fervid.cli.console import one_line_errors, printable
from fervid.cli.options import complete_model
from fervid.settings.choices import EXPRESSION_MODELS


@click.command(short_help="Print the model cards: data, figures, limits.")
@click.argument("model", required=False, shell_complete=complete_model)
@click.option("--markdown", is_flag=True, help="Print Markdown with tables.")
def models(model: str | None, markdown: bool) -> None:
    """Print the cards of the models that fervid ships, or the card of one MODEL.

    A card says how a model was trained, how well it does, and where it fails. MODEL is the name of
    a model that fervid ships, or NAME for your own NAME.npz with its card NAME.json.

    \b
    Examples:
      fervid models
      fervid models expression
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
