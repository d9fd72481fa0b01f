"""Kaggle's image folders: `train/<emotion>/...` and `test/<emotion>/...`.

The split is the beginning of a file's name, `Training_`, `PublicTest_` or `PrivateTest_`; without
it, files under `train` belong to Training. Files under `test` must have it, because that folder
contains both test splits.

Images come in the order of the numbers in their names, across all folders; where numbers are
missing or repeat, by split, number and path. Only numbers that are rows of the official csv, as in
`PublicTest_28709.png`, give its order; Kaggle's own copy has running numbers, and JPEG pixels that
differ a little from the csv's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from training.fer2013 import pictures
from training.fer2013.records import USAGES, Fer2013, record

_OTHER_NAMES = {"disgusted": "disgust", "fearful": "fear", "surprised": "surprise"}
_SUFFIXES = (".png", ".jpg", ".jpeg")
_PREFIX = re.compile(rf"({'|'.join(USAGES)})_(?:(\d+)$)?", re.IGNORECASE | re.ASCII)
_USAGE_BY_PREFIX = {usage.lower(): usage for usage in USAGES}


@dataclass(frozen=True)
class _Picture:
    path: Path
    label: int
    usage: str
    number: int | None


def is_image_folders(path: Path) -> bool:
    """Whether the folder contains `train` and `test`."""
    return path.is_dir() and {"train", "test"} <= {name for name, _ in _subfolders(path)}


def files(path: Path) -> list[Path]:
    """All pictures, in the order of the rows that `read` returns.

    Raises:
        FervidError: a folder is not named after an emotion, or a picture's split is unknown.
    """
    return [picture.path for picture in _find(path)]


def read(path: Path) -> Fer2013:
    """Read all PNG and JPEG files below `train` and `test`; other files are left out.

    Raises:
        FervidError: as `files`, or a picture cannot be read or is not 48x48.
    """
    found = _find(path)
    images = [pictures.decode(each.path.read_bytes(), str(each.path)) for each in found]
    return record(path, images, (p.label for p in found), (p.usage for p in found))


def check_rows(path: Path) -> None:
    """Check that the files' numbers can be rows of the official csv: 0, 1, 2 ... once each.

    Raises:
        FervidError: they cannot, so nothing can be joined by row.
    """
    for row, picture in enumerate(_find(path)):
        if picture.number != row:
            raise FervidError(
                f"{picture.path}: votes join by row of fer2013.csv, but the files are not numbered "
                f"0, 1, 2 ... (no file has the number {row}, or two have it); use fer2013.csv"
            )


def _find(path: Path) -> list[_Picture]:
    found = []
    for half, emotions in _subfolders(path):
        if half not in ("train", "test"):
            continue
        for name, folder in _subfolders(emotions):
            label = _label(name, folder)
            found += [
                _picture(file, half, label)
                for file in folder.iterdir()
                if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
            ]
    numbers = {each.number for each in found}
    if None not in numbers and len(numbers) == len(found):
        return sorted(found, key=lambda each: each.number or 0)
    return sorted(found, key=lambda p: (USAGES.index(p.usage), p.number or 0, p.path.as_posix()))


def _label(name: str, folder: Path) -> int:
    emotion = _OTHER_NAMES.get(name, name)
    if emotion not in EXPRESSIONS:
        known = ", ".join(EXPRESSIONS)
        raise FervidError(f"{folder}: is not named after an emotion; rename it to one of {known}")
    return EXPRESSIONS.index(emotion)


def _picture(file: Path, half: str, label: int) -> _Picture:
    prefix = _PREFIX.match(file.stem)
    if prefix is None:
        if half == "test":
            raise FervidError(
                f"{file}: the name does not begin with PublicTest_ or PrivateTest_, and test/ "
                "holds both; get the copy whose names do, or fer2013.csv"
            )
        return _Picture(file, label, "Training", None)
    usage = _USAGE_BY_PREFIX[prefix[1].lower()]
    if (usage == "Training") != (half == "train"):
        raise FervidError(f"{file}: the name says {usage}, the folder {half}; move it or rename it")
    return _Picture(file, label, usage, int(prefix[2]) if prefix[2] else None)


def _subfolders(path: Path) -> list[tuple[str, Path]]:
    """Name in lower case and path of each folder; hidden ones are left out."""
    return [
        (entry.name.lower(), entry)
        for entry in sorted(path.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    ]
