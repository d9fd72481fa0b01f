"""FER-2013 (Goodfellow et al. 2013) with FER+ votes (Barsoum et al. 2016) as plain arrays.

All forms of the data set give the same arrays; see `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from fervid.errors import FervidError
from training.fer2013 import cache, csv_file, ferplus, image_folders, tfds_folder
from training.fer2013.records import USAGES, Fer2013, unique_rows, without_leaks

__all__ = ["USAGES", "Fer2013", "load", "unique_rows", "without_leaks"]


def load(path: Path, votes: Path | None = None) -> Fer2013:
    """Read FER-2013 in any of its forms, or from the cache if it was read before (see `cache`).

    Args:
        path: the contest's `fer2013.csv`; Kaggle's `icml_face_data.csv`; a folder with Kaggle's
            image folders `train` and `test`; a data set prepared by TensorFlow Datasets, or its
            data_dir; or a Parquet file (see `parquet`).
        votes: FER+'s `fer2013new.csv`, joined by row position; not for forms that have votes.

    Returns:
        The rows, in the order of the official csv if the form keeps it.

    Raises:
        FervidError: a file is missing or of another kind, a column is missing, or a row is invalid.
    """
    try:
        files, parse = _reader(path)
        data = cache.cached(path, files, parse)
        if votes is None:
            return data
        if data.has_votes:
            raise FervidError(f"{path}: already has votes; leave out {votes}")
        if image_folders.is_image_folders(path):
            image_folders.check_rows(path)
        return ferplus.join(data, votes, path)
    except OSError as error:
        name = error.filename or path
        raise FervidError(f"{name}: cannot be read: {error.strerror or error}") from error


def _reader(path: Path) -> tuple[Iterable[Path], Callable[[], Fer2013]]:
    """The files of a data set, and the function that reads them."""
    if path.is_file() and path.suffix == ".parquet":
        # Imported late, because `python -m training.fer2013.parquet` runs the module itself.
        from training.fer2013 import parquet

        return [path], lambda: parquet.read(path)
    if path.is_file():
        return [path], lambda: csv_file.read(path)
    if not path.is_dir():
        raise FervidError(f"no such file: {path}; get fer2013.csv from Kaggle's contest page")
    if image_folders.is_image_folders(path):
        return image_folders.files(path), lambda: image_folders.read(path)
    prepared = tfds_folder.find(path)
    if prepared is None:
        raise FervidError(
            f"{path}: has neither the folders train and test nor a data set prepared by "
            "TensorFlow Datasets; for a csv give the file itself"
        )
    return tfds_folder.files(prepared), lambda: tfds_folder.read(prepared)
