"""Exports results to formats of other tools. Imports nothing heavy, as the help lists formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fervid.exports.formats import (
    FORMATS,
    Blur,
    Format,
    FormatName,
    Job,
    find_format,
    format_names,
)


def export(
    folder: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    recording: str | Path | None = None,
    overwrite: bool = False,
    blur: Blur | None = None,
    keep: Sequence[int] = (),
) -> list[Path]:
    """Export a result to another format; return the paths of the files.

    Args:
        folder: the result folder.
        to: a name in `FORMATS`, or a format of another package.
        out: the file to write, or an existing folder to write it into; None: the result folder.
        recording: path of the recording, for "video" and "elan"; None: it is looked for beside
            `folder`.
        overwrite: replace existing files.
        blur: "mosaic" or "soft", for "video": hide faces, including those without a row in the
            tables; the file name then ends in `.blurred.mp4`.
        keep: face ids of people who are not hidden.

    Raises:
        ResultError: the folder is not a result or is damaged, or a file exists or cannot be
            written.
        MediaError: the recording is missing, cannot be read, or is not the analysed one.
        SetupError: the format needs a package that is not installed.
        ValueError: the format is unknown, or does not use `recording` or `blur`.
    """
    from fervid.exports.places import new_files, protect, targets_of
    from fervid.exports.recordings import recording_of

    form = find_format(to)
    if recording is not None and not form.recording:
        raise ValueError(f"{to} does not use a recording")
    if blur and to != "video":
        raise ValueError(f"{to} has no pictures to blur")
    if blur:
        from fervid.results.files import BLURRED

        form = replace(form, ending=BLURRED)
    folder, named = Path(folder), None if recording is None else Path(recording)
    targets = targets_of(folder, form, None if out is None else Path(out))
    found = recording_of(folder, named, needed=form.recording == "needed")
    protect(targets, folder, found)
    job = Job(
        folder, to, targets[0].parent, found if form.recording else None, blur or "", tuple(keep)
    )
    with new_files(targets, overwrite=overwrite) as part:
        form.writer()(job, part if form.tables else part / targets[0].name)
    return targets


__all__ = ["FORMATS", "Format", "FormatName", "Job", "export", "format_names"]
