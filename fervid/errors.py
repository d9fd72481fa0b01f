"""Errors whose text is one line that a user can act on. The CLI gives each class an exit code."""

from __future__ import annotations

from pathlib import Path


class FervidError(Exception):
    """Base class of all errors that fervid raises on purpose; the text is one line for the user."""


class MediaError(FervidError):
    """The input cannot be read as a recording: it is missing, damaged, refused or has no video."""


class ResultError(FervidError):
    """A result folder or table is missing, exists already, or was not written by fervid."""


class ModelError(FervidError):
    """The user's own model cannot be used: it is missing, altered, damaged or of another kind."""


class SetupError(FervidError):
    """The installation lacks something: a usable ffmpeg, a device, or unaltered weights."""


class PlanError(FervidError):
    """The inputs cannot be analysed: nothing to do, an unreadable list, or a name clash."""


class ServingError(FervidError):
    """The page cannot be served: its address is in use, or there is no room for uploads."""


def quoted(path: Path) -> str:
    """The path on one line, with escapes for what cannot be printed."""
    return repr(str(path))
