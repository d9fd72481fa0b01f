"""Outcomes of analysing photos. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fervid.inputs.plan import PhotoFile

Status = Literal["ok", "refused"]


@dataclass(frozen=True)
class PhotoOutcome:
    """The outcome of analysing a photo.

    Attributes:
        photo: the photo.
        status: "ok", or "refused" if the photo could not be read.
        reason: why it was refused, on one line; empty if it is ok.
        faces: number of faces found.
    """

    photo: PhotoFile
    status: Status = "ok"
    reason: str = ""
    faces: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for users."""
        return {
            "photo": str(self.photo.path),
            "status": self.status,
            "reason": self.reason,
            "faces": self.faces,
        }


Notify = Callable[[PhotoOutcome], None]
"""Takes the outcome of one photo."""
