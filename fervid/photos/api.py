"""Photo files from Python: `fervid.analyze_photos` and what it gives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from fervid.errors import MediaError
from fervid.inputs.plan import make_plan
from fervid.photos.files import read_photo_tables
from fervid.photos.jobs import Notify
from fervid.photos.run import analyze_files
from fervid.results.files import read_meta
from fervid.results.folder_names import PHOTOS_RESULT
from fervid.settings.keywords import settings_of


@dataclass(frozen=True)
class Photos:
    """Everything known about photos that were analysed together.

    Attributes:
        faces: one row for each face, `fervid.photos.columns.FACES`.
        photos: one row for each photo, `fervid.photos.columns.PHOTOS`.
        meta: settings, model cards, warnings; what `meta.json` holds.
        folder: the result folder it was read from or written to, if any.
    """

    faces: pd.DataFrame
    photos: pd.DataFrame
    meta: dict[str, Any]
    folder: Path | None = None

    def __repr__(self) -> str:
        """One line: the tables are long."""
        photos, faces = (
            f"{len(table)} {word}{'' if len(table) == 1 else 's'}"
            for table, word in ((self.photos, "photo"), (self.faces, "face"))
        )
        return f"<Photos: {photos}, {faces}>"

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """The whole of a result folder of photos.

        Raises:
            ResultError: a table or `meta.json` is missing, not ours or damaged.
        """
        folder = Path(folder)
        return cls(*read_photo_tables(folder), read_meta(folder), folder)


def analyze_photos(
    photos: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Notify = lambda outcome: None,
    **settings: Any,
) -> Photos:
    """Find the faces of photos and classify their expressions.

    Args:
        photos: a photo file, a folder that is searched for photos, a pattern, or several of these.
        out: folder in which `photos.fervid/` is written; None: nothing is kept on disk.
        overwrite: analyse them again even if there is such a result. Without it, a result of the
            same photos, settings, models and version is read; one that differs is replaced.
        progress: called with what became of each photo, in order.
        **settings: the fields of `fervid.settings.Settings` that are not about time.

    Returns:
        The tables. Photos that could not be read have a row that says why.

    Raises:
        MediaError: there is no photo.
        PlanError: nothing is there, or two photos have the same name.
        ResultError: something that is no result of photos has its place, or it cannot be written.
        ModelError, SetupError: as in `fervid.analyze`.
        TypeError: there is no such setting, or it is of another kind.
        ValueError: a setting is out of range.
    """
    chosen = settings_of(settings, ("out", "overwrite", "progress"))
    inputs = [photos] if isinstance(photos, str | os.PathLike) else photos
    files = make_plan([Path(path) for path in inputs], [], Path()).photos
    if not files:
        raise MediaError("no photo is there, only recordings; see fervid.analyze")
    if out is not None:
        folder = Path(out) / PHOTOS_RESULT
        analyze_files(files, folder, chosen, overwrite=overwrite, notify=progress)
        return Photos.read(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = Path(temporary) / PHOTOS_RESULT
        analyze_files(files, folder, replace(chosen, thumbnails=False), notify=progress)
        return replace(Photos.read(folder), folder=None)
