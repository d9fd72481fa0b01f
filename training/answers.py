"""Stores teachers' answers on disk: those of both heads to many views of every training image.

A folder contains `answers.json`, which describes the teachers, images and views; `view-0000.npy`
and so on, each (N, 2, 7) float16, the logarithm of the teachers' mean distribution by head; and, if
there are unlabelled faces, `faces.npy`, (M, 48, 48) uint8, the last M of the N rows. Files are
written completely or not at all, so an interrupted command continues with the next view. A view
takes 28 bytes per image: 100 views of 35,000 images take 98 MB.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.models.fields import from_json
from fervid.records import EXPRESSIONS, FACE_SIZE
from training.atomic import whole_file
from training.looks import Looks

HEADS = 2
NO_FACES = np.zeros((0, FACE_SIZE, FACE_SIZE), np.uint8)
_HEADER, _FACES = "answers.json", "faces.npy"


@dataclass(frozen=True)
class Header:
    """The teachers, images and views that the answers belong to.

    Attributes:
        views: number of views in the complete folder.
        seed: seed of the views, see `training.views`.
        labelled: number of rows from the data set.
        unlabelled: number of faces without a label, which follow these rows.
        images: SHA-256 of all rows' pixels.
        teachers: SHA-256 of each teacher's file.
        hidden, uneven, infrared: how the faces were altered, see `training.looks.Looks`.
        sample: see `training.views.sample_of_views`.
    """

    views: int = 1
    seed: int = 0
    labelled: int = 0
    unlabelled: int = 0
    images: str = ""
    teachers: tuple[str, ...] = ()
    hidden: float = 0.0
    uneven: float = 0.0
    infrared: float = 0.0
    sample: tuple[float, ...] = ()

    @property
    def looks(self) -> Looks:
        """How the faces were altered."""
        return Looks(self.hidden, self.uneven, self.infrared)


class StoredAnswers:
    """A folder of answers, complete or not.

    Attributes:
        folder: path of the folder.
        header: description of the answers.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder, self.header = folder, header

    @classmethod
    def begin(cls, folder: Path, header: Header, faces: NDArray[np.uint8]) -> StoredAnswers:
        """Start a folder or continue one, whose number of views may grow.

        Args:
            folder: path of the folder, which is created if needed.
            header: description of the answers.
            faces: (M, 48, 48) uint8 unlabelled faces.

        Raises:
            FervidError: the folder contains other answers.
        """
        if (folder / _HEADER).exists():
            kept = _header(folder)
            check_augmentation(folder, kept, header.sample)
            same = replace(header, views=kept.views, sample=kept.sample)
            for name, value in asdict(same).items():
                if asdict(kept)[name] != value:
                    raise FervidError(
                        f"{folder} contains answers with {name} {asdict(kept)[name]}, not {value}; "
                        "give another --out folder"
                    )
            header = replace(header, views=max(kept.views, header.views))
        if len(faces):
            _write(folder / _FACES, faces)
        with whole_file(folder / _HEADER) as file:
            file.write((json.dumps(asdict(header), indent=1) + "\n").encode())
        return cls(folder, header)

    @classmethod
    def open(cls, folder: Path) -> StoredAnswers:
        """Open a complete folder.

        Raises:
            FervidError: there are no answers, or views are missing.
        """
        if not (folder / _HEADER).is_file():
            raise FervidError(f"{folder}: contains no answers; make them with training.teach")
        stored = cls(folder, _header(folder))
        missing = len(stored.missing())
        if missing:
            raise FervidError(
                f"{folder}: {missing} of {stored.header.views} views are missing; repeat the "
                "command of training.teach"
            )
        return stored

    @property
    def identity(self) -> dict[str, Any]:
        """What identifies these answers, as plain JSON."""
        return dict(json.loads(json.dumps(asdict(self.header))))

    def missing(self) -> list[int]:
        """Numbers of the views that are not stored yet."""
        return [view for view in range(self.header.views) if not self._path(view).is_file()]

    def add(self, view: int, answers: NDArray[np.float16]) -> None:
        """Store one view's answers, (N, 2, 7) float16."""
        _write(self._path(view), answers)

    def view(self, number: int) -> NDArray[np.float16]:
        """(N, 2, 7) float16 answers to one view.

        Raises:
            FervidError: the file is damaged.
        """
        rows = self.header.labelled + self.header.unlabelled
        return _read(self._path(number), (rows, HEADS, len(EXPRESSIONS)), np.float16)

    def faces(self) -> NDArray[np.uint8]:
        """(M, 48, 48) uint8 unlabelled faces.

        Raises:
            FervidError: the file is damaged.
        """
        if not self.header.unlabelled:
            return NO_FACES
        shape = (self.header.unlabelled, FACE_SIZE, FACE_SIZE)
        return _read(self.folder / _FACES, shape, np.uint8)

    def _path(self, view: int) -> Path:
        return self.folder / f"view-{view:04d}.npy"


def digest(images: NDArray[np.uint8]) -> str:
    """SHA-256 of pixels."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def check_augmentation(folder: Path, header: Header, sample: tuple[float, ...]) -> None:
    """Raise FervidError if the augmentation has changed since the answers were stored."""
    # Half a step of grey is far more than processors differ by.
    if not np.allclose(header.sample or sample, sample, rtol=0, atol=0.5):
        raise FervidError(
            f"{folder}: the augmentation of the training has changed since these answers were "
            "stored; make them again with training.teach"
        )


def _header(folder: Path) -> Header:
    try:
        return from_json(Header, json.loads((folder / _HEADER).read_text("utf-8")))
    except (ValueError, OSError) as error:
        raise FervidError(f"{folder / _HEADER}: is damaged ({error}); make it again") from error


def _write(path: Path, array: NDArray[Any]) -> None:
    with whole_file(path) as file:
        np.save(file, array, allow_pickle=False)


def _read(path: Path, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise FervidError(f"{path}: is damaged; delete it and make it again") from error
    if array.shape != shape or array.dtype != dtype:
        raise FervidError(f"{path}: is not of {shape} {np.dtype(dtype)}; make it again")
    return np.asarray(array)
