"""What open pages have on disk, each in a folder whose name nobody can guess."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from fervid.errors import MediaError

KEPT_S = 3600.0
"""An upload and its results are kept for so many seconds after their last use, at most."""

UNTAKEN_S = 60.0
"""What no visit took is removed when it has not grown for so many seconds: a transfer that was cut
off, or an upload whose page was closed."""


@dataclass
class Visit:
    """One open page.

    Attributes:
        folder: everything of this visit is in here, and goes with it.
        moved: where uploads went that a visit took; Gradio has one place for equal files.
        upload: the file that was dropped last, if any.
        stopped: ends the analysis under way; each has an event of its own.
        used: when something happened here last, on the monotonic clock.
    """

    folder: Path
    moved: dict[Path, Path] = field(default_factory=dict)
    upload: Path | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    used: float = field(default_factory=time.monotonic)

    def touch(self) -> None:
        """Count as used now."""
        self.used = time.monotonic()

    def take(self, file: Path) -> Path:
        """Move an upload here, in place of an earlier one and its results; its path then.

        Raises:
            MediaError: it is not there, or no file.
        """
        self.forget()
        there = file if file.is_file() else self.moved.get(file, file)
        if not there.is_file() or there.is_symlink():
            raise MediaError("the file did not arrive; choose it again")
        place = self.folder / secrets.token_hex(8)
        place.mkdir(parents=True)
        self.upload = place / file.name
        if there is file:
            file.rename(self.upload)
        else:  # another visit took it; either may go first
            os.link(there, self.upload)
        self.moved[file] = self.upload
        with contextlib.suppress(OSError):  # not empty: somebody else's lies there, too
            file.parent.rmdir()
        return self.upload

    def stop(self) -> None:
        """End the analysis under way, if there is one; the upload stays."""
        self.touch()
        self.stopped.set()

    def forget(self) -> None:
        """End the analysis under way, and remove the upload and its results."""
        self.stop()
        former, self.upload = self.upload, None
        if former is not None:
            self.tidy(former)

    def tidy(self, upload: Path) -> None:
        """Remove what an analysis left behind if its upload was taken away meanwhile."""
        if upload != self.upload:
            shutil.rmtree(upload.parent, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty: another upload took its place
                self.folder.rmdir()


class Visits:
    """All open pages, by the session that the browser names.

    Args:
        folder: exists; visits have their folders in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Visit] = {}
        self._moved: dict[Path, Path] = {}
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Visit:
        """The visit of a session, begun if need be."""
        with self._lock:
            new = Visit(self.folder / f"visit-{secrets.token_hex(16)}", self._moved)
            visit = self._open.setdefault(session or "", new)
        visit.touch()
        return visit

    def leave(self, session: str | None) -> None:
        """End a visit, if there is one: its work stops, and its files go."""
        with self._lock:
            visit = self._open.pop(session or "", None)
        if visit is not None:
            visit.forget()

    def leave_all(self) -> None:
        """End every visit."""
        for session in list(self._open):
            self.leave(session)

    def sweep(self, kept_s: float = KEPT_S, untaken_s: float = UNTAKEN_S) -> None:
        """Remove what was not used for so many seconds, and what nobody took."""
        now = time.monotonic()
        for session, visit in list(self._open.items()):
            if now - visit.used > kept_s:
                self.leave(session)
        for file, place in list(self._moved.items()):
            if not place.exists():
                del self._moved[file]
        kept = {visit.folder for visit in list(self._open.values())}
        for entry in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if entry not in kept and time.time() - entry.stat().st_mtime > untaken_s:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
