"""`index.json`: what an index tells that no result in its folder does."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fervid import __version__
from fervid.report.groups import Metadata
from fervid.report.html import save
from fervid.report.recordings import Failure, Notify

REMEMBERED_NAME = "index.json"
REMEMBERED_MARK = b'{"generator": "fervid'
"""How the file begins."""


@dataclass(frozen=True)
class Remembered:
    """What is kept from one index of a folder to the next.

    Attributes:
        groups: the table of groups that was given last.
        failures: recordings without a result.
    """

    groups: Metadata | None = None
    failures: Sequence[Failure] = ()


def read_remembered(folder: Path, notify: Notify) -> Remembered:
    """What the last index of a folder left; recordings that are gone since are left out.

    A file that is damaged counts for nothing, and `notify` gets a line.
    """
    path = folder / REMEMBERED_NAME
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        failures = [_failure(folder, entry) for entry in kept["without_result"]]
        groups = _groups(kept["groups"]) if kept["groups"] else None
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        notify(f"left out: {path}: damaged; a table of groups must be given again")
        return Remembered()
    return Remembered(groups, [one for one in failures if not _is_gone(one)])


def save_remembered(folder: Path, what: Remembered) -> None:
    """Keep it for the next index; what the disk refuses is an OSError."""
    path, groups = folder / REMEMBERED_NAME, what.groups
    if groups is None and not what.failures:
        path.unlink(missing_ok=True)
        return
    rows = [[recording, *values] for recording, values in groups.rows] if groups else []
    kept = {
        "generator": f"fervid {__version__}",
        "groups": groups and {"by": groups.by, "columns": groups.columns, "rows": rows},
        "without_result": [
            {
                "path": one.path,
                "status": one.status,
                "reason": one.reason,
                "recording": one.recording and _from(folder, one.recording),
            }
            for one in what.failures
        ],
    }
    save(path, json.dumps(kept) + "\n")


def _failure(folder: Path, entry: dict[str, Any]) -> Failure:
    path, status, reason = (_text(entry[key]) for key in ("path", "status", "reason"))
    recording = entry["recording"]
    return Failure(path, status, reason, None if recording is None else folder / recording)


def _groups(entry: dict[str, Any]) -> Metadata:
    columns, by = tuple(map(_text, entry["columns"])), _text(entry["by"])
    rows = tuple((_text(name), tuple(map(_text, values))) for name, *values in entry["rows"])
    if by not in columns or any(len(values) != len(columns) for _, values in rows):
        raise ValueError("columns and values do not fit together")
    return Metadata(columns, by, rows)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _is_gone(failure: Failure) -> bool:
    """Whether its recording was deleted, and not all recordings moved away or left behind."""
    if failure.recording is None:
        return False
    above = failure.recording.parents
    root = above[min(len(Path(failure.path).parts), len(above)) - 1]
    try:
        failure.recording.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return root.is_dir()
    except OSError:
        return False
    return False


def _from(folder: Path, recording: Path) -> str:
    """The way from the folder, so that both can move together."""
    try:
        return os.path.relpath(recording.absolute(), folder.resolve())
    except ValueError:  # another drive
        return str(recording.absolute())
