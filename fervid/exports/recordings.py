"""Finds the recording that a result was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fervid.errors import MediaError, quoted
from fervid.results.files import read_meta


def recording_of(folder: Path, named: Path | None, *, needed: bool) -> Path | None:
    """The given recording, else the one at its stored path, else one of its name beside the folder.

    Raises:
        MediaError: the file is missing, or its size is not that of the analysed recording.
        ResultError: `meta.json` is missing or damaged.
    """
    about = read_meta(folder).get("recording") or {}
    name, size = str(about.get("name") or ""), about.get("size_bytes")
    path = named or _found(folder.resolve(), about)
    asked = needed or named is not None
    if path is None or not path.is_file():
        if not asked:
            return None
        what = quoted(named) if named else f"{name!r} is not beside {quoted(folder)}"
        hint = "no such recording" if named else "give the recording with --recording FILE"
        raise MediaError(f"{what}: {hint}")
    if size is not None and path.stat().st_size != size:
        if not asked:
            return None
        raise MediaError(
            f"{quoted(path)}: is not the analysed recording ({path.stat().st_size} bytes, not "
            f"{size}); give the analysed one with --recording FILE"
        )
    return path


def _found(folder: Path, about: dict[str, Any]) -> Path | None:
    """Look where the report does: at the path in `meta.json`, or beside the folder.

    The name and size must match, so that a result from others cannot choose which file is read.
    """
    name, way = str(about.get("name") or ""), about.get("beside")
    if not _is_plain(name):
        return None
    if isinstance(way, str) and "\0" not in way and (folder / way).name == name:
        path = folder / way
        if path.is_file() and path.stat().st_size == about.get("size_bytes"):
            return path
    return folder.parent / name


def _is_plain(name: str) -> bool:
    """Whether a name from `meta.json` stays in the folder."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}
