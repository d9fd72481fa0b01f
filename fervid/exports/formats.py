"""Export formats: fervid's own, and those of other packages.

Imports nothing heavy, because the help of the command line lists formats.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, cast, get_args

from fervid.errors import SetupError

GROUP = "fervid.exports"
"""Group of entry points with which other packages add formats."""

FormatName = Literal[
    "elan",
    "boris",
    "datavyu",
    "webvtt",
    "srt",
    "excel",
    "parquet",
    "openface",
    "pyfeat",
    "json",
    "video",
]
"""Names of fervid's own formats."""


Blur = Literal["mosaic", "soft"]
BLURS: tuple[Blur, ...] = ("mosaic", "soft")
"""How faces are hidden."""


@dataclass(frozen=True)
class Job:
    """One export.

    Attributes:
        folder: the result folder.
        to: the name of the format.
        home: folder that will contain the file.
        recording: path of the recording, if the format uses it and it was found.
        blur: how faces are hidden; empty: not at all.
        keep: face ids of people who are not hidden.
    """

    folder: Path
    to: str
    home: Path
    recording: Path | None
    blur: Blur | Literal[""] = ""
    keep: tuple[int, ...] = ()


Write = Callable[[Job, Path], None]
"""Writes a job to a path: a file, or a folder if the format has a file per table."""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        write: a function that writes it, or the name of a module in `fervid.exports` with a
            function `write`, which is loaded only when needed.
        ending: end of the default file name, such as ".eaf".
        tables: if not empty, a file is written for each of these tables, into a folder.
        recording: whether the recording is used: "needed", "linked" if found, or "".
    """

    write: Write | str
    ending: str
    tables: tuple[str, ...] = ()
    recording: Literal["needed", "linked", ""] = ""

    def writer(self) -> Write:
        """The function that writes the format."""
        if not isinstance(self.write, str):
            return self.write
        return cast(Write, importlib.import_module(f"fervid.exports.{self.write}").write)


FORMATS: dict[FormatName, Format] = {
    "elan": Format("elan", ".eaf", recording="linked"),
    "boris": Format("boris", ".boris.xlsx"),
    "datavyu": Format("datavyu", ".datavyu.csv"),
    "webvtt": Format("subtitles", ".vtt"),
    "srt": Format("subtitles", ".srt"),
    "excel": Format("excel", ".xlsx"),
    "parquet": Format("parquet", ".parquet", tables=("frames", "episodes", "people", "summary")),
    "openface": Format("schemas", ".openface.csv"),
    "pyfeat": Format("schemas", ".pyfeat.csv"),
    "json": Format("document", ".json"),
    "video": Format("video", ".annotated.mp4", recording="needed"),
}

assert tuple(FORMATS) == get_args(FormatName)


def format_names() -> list[str]:
    """Names of all formats, fervid's own first; loads nothing."""
    others = {point.name for point in entry_points(group=GROUP)} - set(FORMATS)
    return [*FORMATS, *sorted(others)]


def find_format(name: str) -> Format:
    """Find a format by its name.

    Raises:
        ValueError: the format is unknown.
        SetupError: the format of another package cannot be loaded or is not a `Format`.
    """
    if name in FORMATS:
        return FORMATS[name]
    for point in entry_points(group=GROUP):
        if point.name == name:
            try:
                found = point.load()
            except (ImportError, AttributeError) as error:
                raise SetupError(
                    f"format {name}: {point.value} cannot be loaded: {error}"
                ) from error
            if not isinstance(found, Format):
                raise SetupError(f"format {name}: {point.value} is not a fervid.exports.Format")
            return found
    raise ValueError(f"{name!r} is not a format")
