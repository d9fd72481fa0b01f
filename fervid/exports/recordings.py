"""The recording that a result was made from."""

from __future__ import annotations

from pathlib import Path

from fervid.errors import MediaError
from fervid.result_files import read_meta
from fervid.video.ffmpeg import quoted


def recording_of(folder: Path, named: Path | None, *, needed: bool) -> Path | None:
    """The recording: the named one, or else the one of its name beside the result folder.

    Raises:
        MediaError: there is no such file, or its size is not that of the recording analysed.
        ResultError: `meta.json` is missing or damaged.
    """
    about = read_meta(folder).get("recording") or {}
    name, size = str(about.get("name") or ""), about.get("size_bytes")
    beside = folder.resolve().parent / name if _is_plain(name) else None
    path = named or beside
    asked = needed or named is not None
    if path is None or not path.is_file():
        if not asked:
            return None
        what = quoted(named) if named else f"{name!a} is not beside {quoted(folder)}"
        hint = "no such recording" if named else "name the recording with --recording FILE"
        raise MediaError(f"{what}: {hint}")
    if size is not None and path.stat().st_size != size:
        if not asked:
            return None
        raise MediaError(
            f"{quoted(path)}: is another recording than the one analysed "
            f"({path.stat().st_size} bytes, not {size}); name it with --recording FILE"
        )
    return path


def _is_plain(name: str) -> bool:
    """Whether a name from `meta.json` leads to no other folder."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}
