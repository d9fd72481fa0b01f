"""Writes `index.html` of a folder with many results, and `recordings.csv`, the same as a table."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from fervid import __version__
from fervid.errors import ResultError
from fervid.report.comparison import GroupMember, compare
from fervid.report.figures import COLOURS
from fervid.report.groups import FACE, PARTICIPANT, Metadata, match, read_metadata
from fervid.report.html import asset, csp_hash, environment, save
from fervid.report.overview import HEIGHT, WIDTH, outline
from fervid.report.recordings import (
    Failure,
    Notify,
    PhotoSet,
    Recording,
    is_one_result,
    read_results,
)
from fervid.report.recordings_table import HEADER, recordings_csv
from fervid.report.remembered import (
    REMEMBERED_MARK,
    REMEMBERED_NAME,
    Remembered,
    read_remembered,
    save_remembered,
)
from fervid.results.files import REPORT_NAME
from fervid.results.folder_names import RESULT_SUFFIX

__all__ = ["INDEX_NAME", "TABLE_NAME", "Failure", "is_one_result", "write_index"]

INDEX_NAME, TABLE_NAME = "index.html", "recordings.csv"

_MARKS = {
    INDEX_NAME: b'<meta name="generator" content="fervid',
    TABLE_NAME: HEADER,
    REMEMBERED_NAME: REMEMBERED_MARK,
}
_HEAD_BYTES = 1000
_SCRIPTS = ("tables", "index")
_MAX_NOTES = 20

MAX_PEOPLE = 2000
"""Most people in the table of people; those seen longest."""


def write_index(
    folder: Path,
    groups: Path | None = None,
    failures: Sequence[Failure] = (),
    *,
    group_by: str | None = None,
    notify: Notify = lambda line: None,
) -> Path:
    """Write `index.html` and `recordings.csv` of a folder of results; return the path of the page.

    Memory does not grow with the length of recordings. Information that is in no result is stored
    in `index.json` for later calls.

    Args:
        folder: folder that contains results, `*.fervid` folders, at any depth; hidden folders are
            ignored.
        groups: a CSV about recordings; see `fervid.report.groups.read_metadata`. None: the one
            given last.
        failures: recordings without a result, which get a row as well, like those of earlier calls
            whose file still exists. A result takes precedence.
        group_by: column of `groups` to compare by, instead of the first.
        notify: called with a line for each result that is left out, and about mismatches of
            `groups`.

    Raises:
        ResultError: there is neither a usable result nor a failure; `groups` cannot be used; a file
            of one of these names was not written by fervid; or the folder is not writable.
    """
    notes: list[str] = []

    def note(line: str) -> None:
        notes.append(line)
        notify(line)

    folder = Path(folder)
    given = read_metadata(groups, group_by) if groups else None
    _check(folder)
    earlier = read_remembered(folder, note)
    metadata = given or earlier.groups
    results, known = list(read_results(folder, note)), {failure.path for failure in failures}
    done = [one for one in results if isinstance(one, Recording)]
    photos = [one for one in results if isinstance(one, PhotoSet)]
    both = [*failures, *(one for one in earlier.failures if one.path not in known)]
    failures = _without_result(both, done)
    recordings = _sorted([*done, *map(Recording.without_result, failures)])
    if not recordings and not photos:
        raise ResultError(
            f"{folder}: is neither a result of fervid nor a folder with usable results"
        )
    values = match(metadata, recordings, note) if metadata else []
    columns = metadata.columns if metadata else ()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(folder / TABLE_NAME, recordings_csv(recordings, columns, values))
        save(folder / INDEX_NAME, render_index(recordings, notes, metadata, values, photos))
        save_remembered(folder, Remembered(metadata, failures))
    except OSError as error:
        raise ResultError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return folder / INDEX_NAME


def _check(folder: Path) -> None:
    """Raise ResultError if a file that fervid did not write would be replaced."""
    for name, mark in _MARKS.items():
        try:
            with (folder / name).open("rb") as file:
                if mark not in file.read(_HEAD_BYTES):
                    raise ResultError(
                        f"{folder / name}: was not written by fervid, so it is not replaced"
                    )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ResultError(f"{folder / name}: cannot be read ({error.strerror})") from error


def _without_result(failures: Sequence[Failure], done: Sequence[Recording]) -> list[Failure]:
    there = {one.path for one in done}
    return [one for one in failures if one.path.replace(os.sep, "/") + RESULT_SUFFIX not in there]


def _sorted(recordings: Sequence[Recording]) -> list[Recording]:
    return sorted(recordings, key=lambda one: _natural(one.path))


def _natural(path: str) -> list[tuple[str, int]]:
    """A sort key with which 10 comes after 9."""
    return [(word, int(digits or 0)) for word, digits in re.findall(r"([^0-9]*)([0-9]*)", path)]


def render_index(
    recordings: Sequence[Recording],
    notes: Sequence[str] = (),
    metadata: Metadata | None = None,
    values: Sequence[tuple[str, ...] | None] = (),
    photos: Sequence[PhotoSet] = (),
) -> str:
    """The index as one HTML page that loads nothing from anywhere.

    Args:
        recordings: the rows.
        notes: warnings for the reader, one line each.
        metadata: the table of groups.
        values: for each recording, the values of the columns of `metadata`, or None.
        photos: results of photos to link to.
    """
    who = _members(metadata, values) if metadata else [GroupMember("")] * len(recordings)
    groups = [one.group for one in who]
    comparison = compare(metadata.by, recordings, who) if metadata else None
    notes = [*notes, *(comparison.warnings if comparison else [])]
    scripts = [asset(f"{name}.js") for name in _SCRIPTS]
    return (
        environment()
        .get_template("index.html.jinja")
        .render(
            rows=[_row(one, group) for one, group in zip(recordings, groups, strict=True)],
            statuses=sorted({one.status for one in recordings}),
            by=metadata.by if metadata else "",
            groups=sorted({group for group in groups if group}),
            people=_people(recordings, groups),
            more_people=max(sum(len(one.people) for one in recordings) - MAX_PEOPLE, 0),
            totals=_totals(recordings),
            photos=[(quote(f"{one.path}/{REPORT_NAME}"), one) for one in photos],
            notes=notes[:_MAX_NOTES],
            more_notes=len(notes[_MAX_NOTES:]),
            comparison=comparison,
            end=comparison.ticks[-1] if comparison else 1,
            colours=COLOURS,
            width=WIDTH,
            height=HEIGHT,
            version=__version__,
            style=Markup(asset("style.css") + asset("index.css")),
            scripts=[Markup(script) for script in scripts],
            script_hashes=" ".join(map(csp_hash, scripts)),
        )
    )


def _members(metadata: Metadata, values: Sequence[tuple[str, ...] | None]) -> list[GroupMember]:
    """What the table says about each recording."""
    places = {name: place for place, name in enumerate(metadata.columns)}
    wanted = [places.get(name) for name in (metadata.by, PARTICIPANT, FACE)]
    return [
        GroupMember(*("" if place is None else row[place] for place in wanted))
        if row
        else GroupMember("")
        for row in values
    ]


def _row(one: Recording, group: str) -> dict[str, Any]:
    """The data of a row."""
    overview = one.overview
    known = overview.valence[overview.valence == overview.valence] if overview else []
    return {
        "name": one.name,
        "folder": one.path.rpartition("/")[0],
        "address": _address(one) if one.has_report else "",
        "status": one.status,
        "reason": one.reason,
        "warnings": one.warnings,
        "duration_s": one.duration_s,
        "group": group,
        "outline": outline(overview) if overview else "",
        "lowest": min(known, default=0.0),
        "highest": max(known, default=0.0),
        "most": one.most,
        **one.summary,
    }


def _people(recordings: Sequence[Recording], groups: Sequence[str]) -> list[dict[str, Any]]:
    """The people of all recordings; of very many, those who are seen longest."""
    both = zip(recordings, groups, strict=True)
    rows = [(recording, group, one) for recording, group in both for one in recording.people]
    if len(rows) > MAX_PEOPLE:
        rows.sort(key=lambda row: -row[2].seen_s)
    return [
        {
            "recording": recording.name,
            "folder": recording.path.rpartition("/")[0],
            "address": f"{_address(recording)}#t={one.first_s:.3f}" if recording.has_report else "",
            "group": group,
            "about": one,
        }
        for recording, group, one in rows[:MAX_PEOPLE]
    ]


def _address(one: Recording) -> str:
    """Address of its report, relative to the index."""
    return quote(f"{one.path}/{REPORT_NAME}".encode("utf-8", "surrogateescape"))


def _totals(recordings: Sequence[Recording]) -> dict[str, Any]:
    done = [one for one in recordings if one.summary]
    frames, with_face, episodes = (
        sum(int(one.summary[name]) for one in done)
        for name in ("frames", "frames_with_face", "episodes")
    )
    return {
        "recordings": len(recordings),
        "without": len(recordings) - len(done),
        "duration_s": sum(one.duration_s or 0.0 for one in done),
        "frames": frames,
        "frames_with_face": with_face,
        "detection_rate": with_face / frames if frames else None,
        "episodes": episodes,
    }
