"""Kinds of files that a result can be exported to: fervid's own, and those of other packages.

Imports nothing heavy: the command line lists them.
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
"""Entry points of this group are formats of other packages."""

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
"""The formats that fervid itself writes."""


Blur = Literal["mosaic", "soft"]
BLURS: tuple[Blur, ...] = ("mosaic", "soft")
"""How faces are hidden."""


@dataclass(frozen=True)
class Job:
    """What is to be exported.

    Attributes:
        folder: the result folder.
        to: the name of the format.
        home: folder in which the file will lie at last.
        recording: the recording, where the format looks at it and it was found.
        blur: how faces are hidden in the pictures, empty: not at all.
        keep: people who are not hidden.
    """

    folder: Path
    to: str
    home: Path
    recording: Path | None
    blur: Blur | Literal[""] = ""
    keep: tuple[int, ...] = ()


Write = Callable[[Job, Path], None]
"""Writes a job to a path: a file, or a folder if the format has a file for each table."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        write: what writes it: a function, or the name of a module of `fervid.exports` that has a
            function `write`, so that it is loaded only when it is needed.
        ending: of the default file name, such as ".eaf".
        tables: written as a file for each of these tables into a folder, not as one file.
        recording: whether the recording itself is looked at: "needed", "linked" if found, or "".
    """

    write: Write | str
    ending: str
    tables: tuple[str, ...] = ()
    recording: Literal["needed", "linked", ""] = ""

    def writer(self) -> Write:
        """The function that writes it."""
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
    """Names of all formats: fervid's own, then those of other packages; nothing is loaded."""
    others = {point.name for point in entry_points(group=GROUP)} - set(FORMATS)
    return [*FORMATS, *sorted(others)]


def find_format(name: str) -> Format:
    """A format by its name.

    Raises:
        ValueError: there is no such format.
        SetupError: another package promises it, but cannot be loaded or gives something else.
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
                raise SetupError(f"format {name}: {point.value} is no fervid.exports.Format")
            return found
    raise ValueError(f"{name!r} is no format")
