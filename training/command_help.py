"""Help of the training commands: the docstring of their module."""


def help_of(doc: str | None) -> str:
    """A module's docstring as help for click, which keeps the lines of indented examples."""
    paragraphs = (doc or "").split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else part for part in paragraphs)
