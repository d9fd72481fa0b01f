"""`fervid completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print a script for TAB completion.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and file names in your shell.

    Add it to your shell's start-up file once, then open a new terminal and press TAB.

    \b
    Examples:
      fervid completion bash >> ~/.bashrc
      fervid completion zsh >> ~/.zshrc
      fervid completion fish > ~/.config/fish/completions/fervid.fish
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(ctx.find_root().command, {}, "fervid", "_FERVID_COMPLETE").source())
