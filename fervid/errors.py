"""What can go wrong, as one line a user can act on. The CLI maps each class to an exit code."""

from __future__ import annotations


class FervidError(Exception):
    """Base of every error that fervid raises on purpose; its text is one line for the user."""


class MediaError(FervidError):
    """The input is not a recording that can be read: missing, damaged, refused or without video."""


class ResultError(FervidError):
    """A result folder or table is missing, exists already, or is not what fervid writes."""


class ModelError(FervidError):
    """The user's own model cannot be used: missing, altered, damaged or of another kind."""


class SetupError(FervidError):
    """The installation lacks something: no usable ffmpeg, or missing or altered weights."""


class PlanError(FervidError):
    """The inputs make no plan: nothing to do, an unreadable list, or two results of one name."""


class ServingError(FervidError):
    """The page cannot be served: its address is taken, or there is no room for uploads."""
