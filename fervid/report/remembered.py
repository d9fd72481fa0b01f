"""`index.json`: information of an index that is in no result."""

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
"""The beginning of the file."""


@dataclass(frozen=True)
class Remembered:
    """Information kept from one index of a folder to the next.

    Attributes:
        groups: the last table of groups.
        failures: recordings without a result.
    """

    groups: Metadata | None = None
    failures: Sequence[Failure] = ()


def read_remembered(folder: Path, notify: Notify) -> Remembered:
    """Read what the last index stored, without recordings that have been deleted since.

    A damaged file is ignored and reported to `notify`.
    """
    path = folder / REMEMBERED_NAME
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        failures = [_failure(folder, entry) for entry in kept["without_result"]]
        groups = _groups(kept["groups"]) if kept["groups"] else None
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        notify(f"skipped: {path}: is damaged; give the table of groups again")
        return Remembered()
    return Remembered(groups, [one for one in failures if not _is_gone(one)])


def save_remembered(folder: Path, what: Remembered) -> None:
    """Store the information for the next index; raises OSError."""
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
        raise ValueError("columns and values do not match")
    return Metadata(columns, by, rows)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _is_gone(failure: Failure) -> bool:
    """Whether the recording was deleted, rather than its whole folder moved."""
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
    """The path relative to the folder, so that both can be moved together."""
    try:
        return os.path.relpath(recording.absolute(), folder.resolve())
    except ValueError:  # another drive
        return str(recording.absolute())
