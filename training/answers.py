"""Teachers' answers on disk: for many replayable views of every training image, both heads.

A folder holds `answers.json`, which says whose answers they are and to what; `view-0000.npy` and
so on, (N, 2, 7) float16 each, the logarithm of the teachers' mean distribution by head; and, if
unlabelled faces joined, `faces.npy`, (M, 48, 48) uint8, the last M of the N rows. Each file is
there whole or not at all, so that an interrupted command goes on with the next view. A view takes
28 bytes an image: 100 views of 35,000 images are 98 MB.
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
_HEADER, _FACES = "answers.json", "faces.npy"


@dataclass(frozen=True)
class Header:
    """Whose answers they are, and to what.

    Attributes:
        views: how many there are when the folder is complete.
        seed: of the views, see `training.views`.
        labelled: how many of the rows are the data set's.
        unlabelled: how many are faces without a label, after the others.
        images: SHA-256 of all rows' pixels.
        teachers: SHA-256 of each teacher's file.
        hidden, uneven, infrared: how the faces were spoilt, see `training.looks.Looks`.
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
        """How the faces were spoilt."""
        return Looks(self.hidden, self.uneven, self.infrared)


class StoredAnswers:
    """A folder of answers, complete or in the making.

    Attributes:
        folder: where they are.
        header: what they are.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder, self.header = folder, header

    @classmethod
    def begin(cls, folder: Path, header: Header, faces: NDArray[np.uint8]) -> StoredAnswers:
        """Start a folder, or go on with one; it may get more views than it was begun with.

        Args:
            folder: made if it is not there.
            header: what it is to hold.
            faces: (M, 48, 48) uint8 unlabelled faces.

        Raises:
            FervidError: it holds other answers.
        """
        if (folder / _HEADER).exists():
            kept = _header(folder)
            check_augmentation(folder, kept, header.sample)
            same = replace(header, views=kept.views, sample=kept.sample)
            for name, value in asdict(same).items():
                if asdict(kept)[name] != value:
                    raise FervidError(
                        f"{folder} holds answers with {name} {asdict(kept)[name]}, not {value}; "
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
        """A complete folder.

        Raises:
            FervidError: there is none, or views are missing.
        """
        if not (folder / _HEADER).is_file():
            raise FervidError(f"{folder}: holds no answers; make them with training.teach")
        stored = cls(folder, _header(folder))
        missing = len(stored.missing())
        if missing:
            raise FervidError(
                f"{folder}: {missing} of {stored.header.views} views are missing; give the command "
                "of training.teach again"
            )
        return stored

    @property
    def identity(self) -> dict[str, Any]:
        """What tells these answers from others, ready for JSON."""
        return dict(json.loads(json.dumps(asdict(self.header))))

    def missing(self) -> list[int]:
        """Numbers of the views that are not there yet."""
        return [view for view in range(self.header.views) if not self._path(view).is_file()]

    def add(self, view: int, answers: NDArray[np.float16]) -> None:
        """Keep one view's answers, (N, 2, 7) float16."""
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
        shape = (self.header.unlabelled, FACE_SIZE, FACE_SIZE)
        if not self.header.unlabelled:
            return np.zeros(shape, np.uint8)
        return _read(self.folder / _FACES, shape, np.uint8)

    def _path(self, view: int) -> Path:
        return self.folder / f"view-{view:04d}.npy"


def digest(images: NDArray[np.uint8]) -> str:
    """SHA-256 of pixels."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def check_augmentation(folder: Path, header: Header, sample: tuple[float, ...]) -> None:
    """Raise FervidError unless today's augmentation gives the views that were answered."""
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
