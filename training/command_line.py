"""What the training commands share: their help, arguments and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)

fer2013_argument = click.argument("data", type=PATH)
"""FER-2013, as `data`; see `training.fer2013.load`."""

pictures_argument = click.argument("data", nargs=-1, required=True, type=PATH)
"""Pictures with face boxes, as `data`; see `training.detector.pictures.load`."""

votes_option = click.option("--votes", type=PATH, help="FER+'s fer2013new.csv.")

teachers_option = click.option(
    "--teacher",
    "teachers",
    multiple=True,
    required=True,
    help="Name or path of a model; repeatable.",
)

faces_option = click.option(
    "--faces",
    multiple=True,
    type=PATH,
    help="Pictures with face boxes, as for the detector's training. Their faces are used without "
    "labels. Repeatable.",
)

settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting of the preset; repeatable.",
)

onednn_option = click.option(
    "--onednn",
    is_flag=True,
    help="Compute the layers by PyTorch's oneDNN: faster on CPUs with AVX-512 BF16 or AMX.",
)

cpu_devices_option = click.option(
    "--cpu-devices", type=click.IntRange(min=1), help="Default: one per core, without a GPU."
)


def model_option(default: str) -> Decorator:
    """The option for the model to use."""
    return click.option(
        "--model", default=default, show_default=True, help="Name or path of the model."
    )


def preset_option(names: Iterable[str]) -> Decorator:
    """The option for a preset with one of these names; the default is "cpu"."""
    known = list(names)
    return click.option(
        "--preset",
        type=click.Choice(known),
        metavar="NAME",
        default="cpu",
        show_default=True,
        help=f"Settings to use: {', '.join(known)}.",
    )


def run_option(default: str) -> Decorator:
    """The option for the folder of a run, as `folder`."""
    return click.option(
        *("--run", "folder"),
        type=PATH,
        default=Path(default),
        show_default=True,
        help="Folder of the run.",
    )


def out_option(default: str, about: str) -> Decorator:
    """The option for the file or folder to write."""
    return click.option("--out", type=PATH, default=Path(default), show_default=True, help=about)


def help_of(doc: str | None) -> str:
    """A module's docstring as help for click, which keeps the lines of indented examples."""
    paragraphs = (doc or "").split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else part for part in paragraphs)
