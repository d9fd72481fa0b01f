"""Files of open pages, each in a folder with an unguessable name."""

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
"""Seconds after the last use for which an upload and its results are kept at most."""

UNTAKEN_S = 60.0
"""Seconds without growth after which an unclaimed upload is removed, such as a broken transfer or
an upload of a closed page."""


@dataclass
class Visit:
    """An open page.

    Attributes:
        folder: folder of all files of this visit, removed with it.
        moved: new paths of claimed uploads, because Gradio has one place for equal files.
        upload: the latest file, if any.
        stopped: ends the running analysis; each analysis has its own event.
        used: time of the last use, on the monotonic clock.
    """

    folder: Path
    moved: dict[Path, Path] = field(default_factory=dict)
    upload: Path | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    used: float = field(default_factory=time.monotonic)

    def touch(self) -> None:
        """Note a use now."""
        self.used = time.monotonic()

    def take(self, file: Path) -> Path:
        """Move an upload here, replacing an earlier one and its results; return its path.

        Raises:
            MediaError: it is missing or not a file.
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
        else:  # another visit claimed it; either may be removed first
            os.link(there, self.upload)
        self.moved[file] = self.upload
        with contextlib.suppress(OSError):  # not empty: it also contains another visit's file
            file.parent.rmdir()
        return self.upload

    def stop(self) -> None:
        """End the running analysis, if any; keep the upload."""
        self.touch()
        self.stopped.set()

    def forget(self) -> None:
        """End the running analysis, and remove the upload and its results."""
        self.stop()
        former, self.upload = self.upload, None
        if former is not None:
            self.tidy(former)

    def tidy(self, upload: Path) -> None:
        """Remove what an analysis left if its upload was removed in the meantime."""
        if upload != self.upload:
            shutil.rmtree(upload.parent, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty: another upload replaced it
                self.folder.rmdir()


class Visits:
    """All open pages, by session.

    Args:
        folder: existing folder for the folders of visits.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Visit] = {}
        self._moved: dict[Path, Path] = {}
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Visit:
        """The visit of a session, created if needed."""
        with self._lock:
            new = Visit(self.folder / f"visit-{secrets.token_hex(16)}", self._moved)
            visit = self._open.setdefault(session or "", new)
        visit.touch()
        return visit

    def leave(self, session: str | None) -> None:
        """End a visit, if it exists: stop its analysis and remove its files."""
        with self._lock:
            visit = self._open.pop(session or "", None)
        if visit is not None:
            visit.forget()

    def leave_all(self) -> None:
        """End every visit."""
        for session in list(self._open):
            self.leave(session)

    def sweep(self, kept_s: float = KEPT_S, untaken_s: float = UNTAKEN_S) -> None:
        """Remove what has not been used for this many seconds, and unclaimed uploads."""
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
