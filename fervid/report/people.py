"""Edits the people of a result: names, merges, splits, exclusions and order; all can be undone."""

from __future__ import annotations

import contextlib
import hashlib
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fervid import __version__
from fervid.errors import ResultError
from fervid.report.maker import ReportMaker
from fervid.report.page import save_report, write_report
from fervid.report.people_editor import META_KEY
from fervid.results.atomic_folder import WholeFolder, link
from fervid.results.codebook import TABLES
from fervid.results.files import (
    AS_FOUND_NAME,
    CODEBOOK_NAME,
    META_NAME,
    PEOPLE_EDITS_NAME,
    REPORT_NAME,
    THUMBNAILS_NAME,
    csv_name,
    disk_errors,
    read_frames,
    read_meta,
    read_table,
    read_thumbnails,
)
from fervid.results.people_applied import EditedTables, resting_of, thumbnails_of
from fervid.results.people_edits import EditedPeople, Part, edited_people, read_edits
from fervid.results.writer import ResultWriter, derived, few_faces

_KEPT = (*map(csv_name, TABLES), META_NAME, CODEBOOK_NAME, THUMBNAILS_NAME)
"""Original files of a result, kept in `as_found`."""


def edit_people(folder: str | Path, changes: str | Path | None) -> Path:
    """Apply a file of changes to all tables, pictures and the report of a result.

    The original tables are kept in the folder `as_found`, and changes always start from these, so
    the same file always gives the same bytes. Nothing is analysed again: smoothed values, episodes
    and changes from rest stay the same. An episode in which a face is split is cut in two.

    Args:
        folder: the result folder.
        changes: file of changes; see `fervid.results.people_edits.read_edits`. None: restore the
            original tables.

    Returns:
        The report.

    Raises:
        ResultError: the result or the file cannot be read, or the changes do not fit the result.
            Nothing is then changed.
    """
    folder = Path(folder)
    parts = None if changes is None else read_edits(Path(changes))
    if parts is None:
        return _as_found(folder)
    with disk_errors(folder):
        is_new = META_KEY not in read_meta(folder)
        found = folder if is_new else folder / AS_FOUND_NAME
        _check_as_found(folder, found)
        try:
            edited = edited_people(parts, read_table(found, "people"))
        except ResultError as error:
            raise ResultError(f"{changes}: {error}") from None
        with _kept(folder, is_new) as kept:
            _write(folder, kept, edited, changes)
    return folder / REPORT_NAME


def rebuild_with_people(folder: Path, *, faces_shown: bool = True) -> Path:
    """Rebuild the report, with people as in the folder's file of changes.

    If that file was removed, the original tables are restored; if it was changed, it is applied.

    Raises:
        ResultError: as for `edit_people` and `fervid.report.write_report`.
    """
    folder = Path(folder)
    known = read_meta(folder).get(META_KEY)
    if isinstance(known, dict):
        file = folder / PEOPLE_EDITS_NAME
        if not file.is_file():
            _as_found(folder)
        elif hashlib.sha256(file.read_bytes()).hexdigest() != known.get("sha256"):
            edit_people(folder, file)
    return write_report(folder, faces_shown=faces_shown)


def _check_as_found(folder: Path, found: Path) -> None:
    if not found.is_dir():
        raise ResultError(
            f"{found}: is missing, so people cannot be changed; analyse the recording again"
        )
    if not (found / csv_name("people")).is_file():
        read_table(folder, "people")  # raises an error if it cannot be read


@contextlib.contextmanager
def _kept(folder: Path, is_new: bool) -> Iterator[Path]:
    """The folder of the original tables; it is removed again if it is new and changes fail."""
    kept = folder / AS_FOUND_NAME
    if is_new:
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
    try:
        if is_new:
            for name in _KEPT:
                if (folder / name).exists():
                    link(folder / name, kept / name)
        yield kept
    except BaseException:
        if is_new:
            shutil.rmtree(kept, ignore_errors=True)
        raise


def _write(folder: Path, found: Path, edited: EditedPeople, changes: Any) -> None:
    meta, episodes = read_meta(found), read_table(found, "episodes")
    tables = EditedTables(edited, episodes)
    with ResultWriter(folder, overwrite=True, report=ReportMaker(), edited=edited) as writer:
        try:
            for table in tables.frames(read_frames(found)):
                writer.append(table)
        except ResultError as error:
            raise ResultError(f"{changes}: {error}") from None
        pictures = thumbnails_of(edited, read_thumbnails(found), episodes)
        writer.finish(
            tables.episodes_of_people(),
            _changed(meta, edited, read_table(found, "people")),
            pictures,
        )


def _changed(meta: dict[str, Any], edited: EditedPeople, found: pd.DataFrame) -> dict[str, Any]:
    """Metadata of the new tables, without a time, so that equal changes give equal bytes."""
    stale = few_faces(meta["detection"]) if meta.get("detection") else []
    digest = hashlib.sha256(edited.text.encode()).hexdigest()
    how = {
        "tables": list(TABLES),
        "made_by": "fervid.edit_people",
        "fervid": __version__,
        "arguments": {"changes": PEOPLE_EDITS_NAME, "sha256": digest},
    }
    people = [
        {"face_id": one.face_id, "name": one.name, "parts": list(map(_part_json, one.parts))}
        for one in edited.people
    ]
    out = [
        {"name": part.person, "seen": _seen(part, found), "parts": [_part_json(part)]}
        for part in edited.parts
        if not part.shown
    ]
    return {
        **meta,
        "warnings": [line for line in meta.get("warnings") or [] if line not in stale],
        "resting_faces": resting_of(edited, meta.get("resting_faces") or ()),
        "provenance": [*(meta.get("provenance") or []), how],
        META_KEY: {
            "file": PEOPLE_EDITS_NAME,
            "sha256": digest,
            "people": people,
            "left_out": out,
        },
    }


def _part_json(part: Part) -> dict[str, Any]:
    """A part of a face as plain JSON; without times where it is the whole."""
    times = {"from": part.start_s or None, "to": None if part.end_s == math.inf else part.end_s}
    return {"face": part.face_id, **{key: at for key, at in times.items() if at is not None}}


def _seen(part: Part, found: pd.DataFrame) -> list[float]:
    """From when to when a face is seen in a part, in seconds."""
    row = found[found["face_id"] == part.face_id].iloc[0]
    first, last = float(row["first_seen"]), float(row["last_seen"])
    return [max(first, part.start_s), min(last, part.end_s)]


def _as_found(folder: Path) -> Path:
    """Restore the original tables of a result."""
    if META_KEY not in read_meta(folder):
        return write_report(folder)
    found = folder / AS_FOUND_NAME
    _check_as_found(folder, found)
    own = (AS_FOUND_NAME, PEOPLE_EDITS_NAME, REPORT_NAME, *_KEPT)
    whole = WholeFolder(folder.resolve(), lambda name: not (derived(name) or name in own))
    with disk_errors(folder):
        try:
            whole.create()
            for name in _KEPT:
                if (found / name).exists():
                    link(found / name, whole.path / name)
            save_report(whole.path)
            whole.publish()
        finally:
            whole.discard()
    return folder / REPORT_NAME
