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
from typing import TYPE_CHECKING

from fervid.errors import MediaError

if TYPE_CHECKING:
    from fervid.pipeline import Progress
    from fervid.settings import Settings
    from fervid.web.work import Answer, PhotoAnswer, Waiting

KEPT_S = 3600.0
"""Seconds after the last use for which uploads and their results are kept at most."""

UNTAKEN_S = 60.0
"""Seconds without growth after which an unclaimed upload is removed, such as a broken transfer or
an upload of a closed page."""


@dataclass
class Visit:
    """An open page.

    Attributes:
        folder: folder of all files of this visit, removed with it.
        moved: new paths of claimed uploads, because Gradio has one place for equal files.
        uploads: the chosen files, in order.
        settings: those of all outcomes.
        outcomes: the result of each analysed upload, or why there is none.
        shown: the upload whose result is shown.
        run: number of the latest run over all uploads; an earlier one ends.
        working: the upload that is being analysed; None: none.
        progress: how far that analysis is.
        stopped: ends it; each analysis has its own event.
        used: time of the last use, on the monotonic clock.
    """

    folder: Path
    moved: dict[Path, Path] = field(default_factory=dict)
    uploads: list[Path] = field(default_factory=list)
    settings: Settings | None = None
    outcomes: dict[Path, Answer | PhotoAnswer | str] = field(default_factory=dict)
    shown: Path | None = None
    run: int = 0
    working: Path | None = None
    progress: Waiting | Progress | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    used: float = field(default_factory=time.monotonic)

    def touch(self) -> None:
        """Note a use now."""
        self.used = time.monotonic()

    def take(self, file: Path) -> None:
        """Move a file that arrived here, unless it is here already.

        Raises:
            MediaError: it is missing or not a file.
        """
        self.touch()
        there = file if file.is_file() else self.moved.get(file, file)
        if there in self.uploads:
            return
        if not there.is_file() or there.is_symlink():
            raise MediaError(f"{file.name!r}: the file did not arrive; choose it again")
        place = self.folder / secrets.token_hex(8)
        place.mkdir(parents=True)
        upload = place / file.name
        if there is file:
            file.rename(upload)
        else:  # another visit claimed it; either may be removed first
            os.link(there, upload)
        self.uploads.append(upload)
        self.moved[file] = upload
        with contextlib.suppress(OSError):  # not empty: it also contains another visit's file
            file.parent.rmdir()

    def remove(self, upload: Path) -> None:
        """Remove an upload and its results, and end its analysis."""
        self.touch()
        self.uploads.remove(upload)
        self.outcomes.pop(upload, None)
        if upload == self.working:
            self.stopped.set()
        if upload == self.shown:
            results = (one for one, what in self.outcomes.items() if not isinstance(what, str))
            self.shown = next(results, None)
        self.tidy(upload)

    def stop(self) -> None:
        """End the run over all uploads, if any; keep the uploads."""
        self.touch()
        self.run += 1
        self.working = None
        self.stopped.set()

    def forget(self) -> None:
        """End the run, and remove all uploads and results."""
        self.stop()
        for upload in list(self.uploads):
            self.remove(upload)

    def tidy(self, upload: Path) -> None:
        """Remove what an analysis left if its upload was removed in the meantime."""
        if upload not in self.uploads:
            shutil.rmtree(upload.parent, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty: there are other uploads
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

    def use(self, folder: Path) -> None:
        """Note that a file of this visit's folder was asked for."""
        for visit in list(self._open.values()):
            if visit.folder == folder:
                visit.touch()

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
