"""Results as files of other tools. Imports nothing heavy: the command line lists `FORMATS`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

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
"""The kinds of files that a result can be exported to."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        module: the one here that writes it, by a function `write(job, out)`.
        ending: of the default file name.
        tables: written as a file for each of these tables into a folder, not as one file.
        recording: whether the recording itself is looked at: "needed", "linked" if found, or "".
    """

    module: str
    ending: str
    tables: tuple[str, ...] = ()
    recording: Literal["needed", "linked", ""] = ""


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


@dataclass(frozen=True)
class Job:
    """What is to be exported.

    Attributes:
        folder: the result folder.
        to: the format.
        home: folder in which the file will lie at last.
        recording: the recording, where the format looks at it and it was found.
    """

    folder: Path
    to: FormatName
    home: Path
    recording: Path | None


def export(
    folder: str | Path,
    to: FormatName,
    out: str | Path | None = None,
    *,
    recording: str | Path | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a result as files of another tool; return their paths.

    Args:
        folder: the result folder.
        to: a name of `FORMATS`.
        out: the file to write, or an existing folder for it; None: the result folder.
        recording: the recording, for "video" and "elan"; None: it is looked for beside `folder`.
        overwrite: replace files that exist.

    Raises:
        ResultError: not a result, or damaged; or the file exists or cannot be written.
        MediaError: the recording is not found, cannot be read, or is not the one analysed.
        SetupError: the format needs a package that is not installed.
        ValueError: no such format, or a recording for one that does not look at it.
    """
    from fervid.exports.places import new_files, protect, targets_of
    from fervid.exports.recordings import recording_of

    form = FORMATS.get(to)
    if form is None or (recording is not None and not form.recording):
        raise ValueError(f"{to!r} is no format" if form is None else f"{to} takes no recording")
    folder, named = Path(folder), None if recording is None else Path(recording)
    targets = targets_of(folder, form, None if out is None else Path(out))
    found = recording_of(folder, named, needed=form.recording == "needed")
    protect(targets, folder, found)
    job = Job(folder, to, targets[0].parent, found if form.recording else None)
    with new_files(targets, overwrite=overwrite) as part:
        writer = importlib.import_module(f"fervid.exports.{form.module}")
        writer.write(job, part if form.tables else part / targets[0].name)
    return targets


__all__ = ["FORMATS", "Format", "FormatName", "Job", "export"]
