"""Photos that are to be analysed, and what became of each. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fervid.inputs.plan import PhotoFile

Status = Literal["ok", "refused"]


@dataclass(frozen=True)
class PhotoOutcome:
    """What became of a photo.

    Attributes:
        photo: which one.
        status: "ok", or "refused": it could not be read.
        reason: why, on one line; empty if it is ok.
        faces: how many were found.
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
"""Takes what became of one photo."""
