"""A folder that gets its name only when it is complete, even if the process is killed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PART = re.compile(r"\.[0-9a-f]{12}\.fervid-part")
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class WholeFolder:
    """A hidden folder beside `target`, which is filled and then renamed to `target`.

    The hidden folder is locked while its process lives. Unlocked ones, left by killed processes,
    are removed when the next folder is created beside them. Every method may raise OSError.

    Args:
        target: the resolved final path.
        keeps: whether to keep an entry of an earlier folder at `target`, given the entry's name.

    Attributes:
        path: path of the hidden folder.
    """

    def __init__(self, target: Path, keeps: Callable[[str], bool]) -> None:
        self._target = target
        self._keeps = keeps
        self._lock = -1
        self.path = _new_name(target.parent)

    def create(self) -> None:
        """Create the hidden folder and its parents."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self.path.parent)
        while True:
            self.path.mkdir()
            self._lock = _lock(self.path)
            if self.path.exists():
                return
            # Another process took it for abandoned before it was locked.
            self._unlock()
            self.path = _new_name(self._target.parent)

    def publish(self) -> None:
        """Give the folder its name; remove an earlier folder, except the entries to keep."""
        sync_folder(self.path)
        if self._target.exists():
            for entry in self._target.iterdir():
                if self._keeps(entry.name) and not (self.path / entry.name).exists():
                    link(entry, self.path / entry.name)
            _swap(self.path, self._target)
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.rename(self._target)
        self._unlock()
        sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove the hidden folder if it exists."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut, on systems where folders can be opened."""
    with contextlib.suppress(PermissionError, IsADirectoryError), _opened(folder) as handle:
        os.fsync(handle)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _new_name(parent: Path) -> Path:
    return parent / f".{secrets.token_hex(6)}.fervid-part"


def _lock(folder: Path) -> int:
    """Lock a folder; return the descriptor, or -1 if it cannot be locked."""
    if sys.platform == "win32":
        return -1
    handle = -1
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if handle >= 0:
            os.close(handle)
        return -1
    return handle


def remove_abandoned(parent: Path) -> None:
    """Remove hidden folders in `parent` that no process has locked."""
    for entry in os.scandir(parent) if parent.is_dir() else ():
        if _PART.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            lock = _lock(Path(entry.path))
            if lock >= 0:
                shutil.rmtree(entry.path, ignore_errors=True)
                os.close(lock)


def link(entry: Path, to: Path) -> None:
    """Put an entry in a second place as well, by links if the file system has them."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.copytree(entry, to, symlinks=True, copy_function=_link_file)
    else:
        _link_file(str(entry), str(to))


def _link_file(source: str, to: str) -> str:
    try:
        os.link(source, to, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, to, follow_symlinks=False)
    return to


def _swap(new: Path, target: Path) -> None:
    """Exchange two folders in one step where the system can, else by two renames."""
    if _exchanged(new, target):
        return
    old = new.with_suffix(".fervid-old")
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    old.rename(new)


def _exchanged(one: Path, other: Path) -> bool:
    """Let Linux exchange two folders; False if the system or file system cannot.

    Raises:
        OSError: the exchange failed for another reason.
    """
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))
