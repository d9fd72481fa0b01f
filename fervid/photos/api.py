"""Photo files in Python: `fervid.analyze_photos` and its result."""

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
    """The tables and metadata of photos that were analysed together.

    Attributes:
        faces: one row for each face; columns are in `fervid.photos.columns.FACES`.
        photos: one row for each photo; columns are in `fervid.photos.columns.PHOTOS`.
        meta: the contents of `meta.json`: settings, model cards, warnings and more.
        folder: the result folder, if there is one.
    """

    faces: pd.DataFrame
    photos: pd.DataFrame
    meta: dict[str, Any]
    folder: Path | None = None

    def __repr__(self) -> str:
        """A short summary, as the tables are long."""
        photos, faces = (
            f"{len(table)} {word}{'' if len(table) == 1 else 's'}"
            for table, word in ((self.photos, "photo"), (self.faces, "face"))
        )
        return f"<Photos: {photos}, {faces}>"

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read a result folder of photos.

        Raises:
            ResultError: a table or `meta.json` is missing, damaged or not written by fervid.
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
    """Find the faces in photos and classify their expressions.

    Args:
        photos: a photo file, a folder to search for photos, a pattern, or several of these.
        out: folder to write `photos.fervid/` into; None: keep nothing on disk.
        overwrite: analyse again even if an equal result exists. Without it, an existing result of
            the same photos, settings, models and version is read, and a different one is replaced.
        progress: called with the outcome of each photo, in order.
        **settings: the fields of `fervid.settings.Settings` that do not concern time.

    Returns:
        The tables. Photos that could not be read have a row that says why.

    Raises:
        MediaError: there are only recordings, no photo.
        PlanError: there is no photo, or two photos have the same name.
        ResultError: the result cannot be written, or something that is not a result of photos is in
            its place.
        ModelError, SetupError: as in `fervid.analyze`.
        TypeError: a setting is unknown or has the wrong type.
        ValueError: a setting is out of range.
    """
    chosen = settings_of(settings, ("out", "overwrite", "progress"))
    inputs = [photos] if isinstance(photos, str | os.PathLike) else photos
    files = make_plan([Path(path) for path in inputs], [], Path()).photos
    if not files:
        raise MediaError("there is no photo, only recordings; use fervid.analyze for these")
    if out is not None:
        folder = Path(out) / PHOTOS_RESULT
        analyze_files(files, folder, chosen, overwrite=overwrite, notify=progress)
        return Photos.read(folder)
    with tempfile.TemporaryDirectory(prefix="fervid-") as temporary:
        folder = Path(temporary) / PHOTOS_RESULT
        analyze_files(files, folder, replace(chosen, thumbnails=False), notify=progress)
        return replace(Photos.read(folder), folder=None)
