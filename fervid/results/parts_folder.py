"""Stores the finished parts of a long recording beside its result, until that is made.

The hidden folder `.RESULT-parts` contains `plan.json`, which says what the parts are made from,
`stamps.npz` with the time stamps of all frames, and a file `part-0000.npz` for each part. A file
gets its name only when it is complete. Parts contain pictures of faces, so only the owner can read
the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fervid.errors import ResultError
from fervid.results.atomic_folder import sync_folder

if sys.platform != "win32":
    import fcntl

SUFFIX = ".fervid-parts"
_PLAN, _STAMPS = "plan.json", "stamps.npz"
_KEPT_S = 7 * 24 * 3600.0
"""Seconds without work after which parts are removed."""

Arrays = dict[str, NDArray[Any]]


class PartsFolder:
    """The parts of a result. Methods that read or write raise ResultError if the disk fails.

    Args:
        result: the result folder.
    """

    def __init__(self, result: Path) -> None:
        whole = Path(result).resolve()
        self.path = whole.with_name(f".{whole.name}-parts")

    def plan(self) -> dict[str, Any] | None:
        """The plan of the parts; None if there is none or it cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            plan = json.loads((self.path / _PLAN).read_text("utf-8"))
            return plan if isinstance(plan, dict) else None
        return None

    def begin(self, plan: Mapping[str, Any], stamps: Arrays) -> None:
        """Start a new plan and remove earlier parts.

        Args:
            plan: plain JSON; "recording" is the path of the recording.
            stamps: time stamps of all frames.
        """
        self.remove()
        with self._disk():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700)
        self._save(_STAMPS, lambda file: np.savez(file, allow_pickle=False, **stamps))
        self.note(plan)

    def note(self, plan: Mapping[str, Any]) -> None:
        """Replace the plan."""
        text = json.dumps(plan, indent=2).encode()
        self._save(_PLAN, lambda file: file.write(text))

    def stamps(self) -> Arrays:
        """The time stamps that were given to `begin`."""
        return self._load(_STAMPS)

    def save(self, number: int, arrays: Arrays) -> None:
        """Store a part completely or not at all."""
        self._save(_name(number), lambda file: np.savez(file, allow_pickle=False, **arrays))

    def load(self, number: int) -> Arrays:
        """Read a part."""
        return self._load(_name(number))

    def missing(self, count: int) -> list[int]:
        """The numbers, below `count`, of parts that are not done."""
        return [number for number in range(count) if not (self.path / _name(number)).exists()]

    def remove(self) -> None:
        """Remove the folder, if it exists."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """A context in which the folder does not count as abandoned, on systems with locks."""
        handle = _locked(self.path, exclusive=False)
        try:
            yield
        finally:
            if handle >= 0:
                os.close(handle)

    def _save(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        temporary = self.path / f".{secrets.token_hex(6)}.tmp"
        try:
            with self._disk():
                with temporary.open("wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path / name)
                sync_folder(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _load(self, name: str) -> Arrays:
        try:
            with self._disk(), np.load(self.path / name, allow_pickle=False) as kept:
                return {one: kept[one] for one in kept.files}
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ResultError(f"{self.path / name}: is damaged; remove its folder") from error

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise ResultError(f"{self.path}: cannot be used ({reason})") from error


def remove_abandoned_parts(parent: Path) -> None:
    """Remove parts in a folder if their recording is gone or nobody works on them any more."""
    for entry in os.scandir(parent) if parent.is_dir() else ():
        if not (entry.name.endswith(SUFFIX) and entry.is_dir(follow_symlinks=False)):
            continue
        handle = _locked(Path(entry.path), exclusive=True)
        if handle < 0:
            continue
        if _is_abandoned(Path(entry.path)):
            shutil.rmtree(entry.path, ignore_errors=True)
        os.close(handle)


def _is_abandoned(folder: Path) -> bool:
    newest = max((one.stat().st_mtime for one in folder.iterdir()), default=folder.stat().st_mtime)
    if time.time() - newest > _KEPT_S:
        return True
    try:
        recording = json.loads((folder / _PLAN).read_text("utf-8"))["recording"]
        return not Path(recording).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return time.time() - newest > 60.0  # a folder that is being created has no plan yet


def _name(number: int) -> str:
    return f"part-{number:04}.npz"


def _locked(folder: Path, *, exclusive: bool) -> int:
    """Lock a folder; return the descriptor, or -1 if it cannot be locked."""
    if sys.platform == "win32":
        return -1
    handle = -1
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        if handle >= 0:
            os.close(handle)
        return -1
    return handle
