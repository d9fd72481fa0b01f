"""The types that flow between fervid's stages: frozen, validated structs of arrays. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fervid.settings.choices import EXPRESSIONS as EXPRESSIONS
from fervid.settings.sizes import FACE_SIZE as FACE_SIZE
from fervid.settings.sizes import PAD_MULTIPLE as PAD_MULTIPLE

KEPT_SHARE = 0.5
"""A face is followed until its score falls below this share of the score that starts a track."""


def _check(name: str, array: NDArray[Any], dtype: type, *shape: int | None) -> None:
    """Raise ValueError unless `array` has `dtype` and `shape` (None: any size)."""
    if array.dtype != np.dtype(dtype):
        raise ValueError(f"{name}: dtype is {array.dtype}, not {np.dtype(dtype)}")
    if array.ndim != len(shape) or any(
        want is not None and want != have for want, have in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{name}: shape is {array.shape}, not {shape}")


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a recording that are known before its frames are read.

    Attributes:
        path: the file.
        width, height: displayed size in pixels, with rotation and pixel aspect ratio applied.
        fps: average frame rate in frames per second; 0 if the container does not say.
        duration_s: length in seconds according to the container, or None.
        size_bytes: size of the file when it was opened.
        stream: index of the video track among all streams of the file, from 0.
        track, tracks: its number among the video tracks, from 1, and how many there are.
        shown_track: number of the video track that players show.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    duration_s: float | None = None
    size_bytes: int = 0
    stream: int = 0
    track: int = 1
    tracks: int = 1
    shown_track: int = 1

    @property
    def displayed(self) -> tuple[int, int]:
        """Displayed width and height; boxes are in these pixels."""
        return self.width, self.height


@dataclass(frozen=True)
class FrameBatch:
    """T consecutive sampled frames at the working size.

    Attributes:
        images: (T, H, W) uint8 luma.
        index: (T,) int64, position of each frame in the recording, in presentation order, from 0.
        time_s: (T,) float64, presentation time in seconds, from the container's time stamps.
    """

    images: NDArray[np.uint8]
    index: NDArray[np.int64]
    time_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        _check("images", self.images, np.uint8, None, None, None)
        _check("index", self.index, np.int64, len(self.images))
        _check("time_s", self.time_s, np.float64, len(self.images))

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Detections:
    """N faces found in one batch of frames.

    Attributes:
        frame: (N,) int32, row of the frame in its batch, ascending.
        xywh: (N, 4) float32, left, top, width and height in pixels of the displayed frame.
        score: (N,) float32 in [0, 1].
        points: (N, 3, 2) float32, x and y of the person's right eye, left eye and the middle of the
            mouth, in pixels of the displayed frame.
    """

    frame: NDArray[np.int32]
    xywh: NDArray[np.float32]
    score: NDArray[np.float32]
    points: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check("frame", self.frame, np.int32, None)
        _check("xywh", self.xywh, np.float32, len(self.frame), 4)
        _check("score", self.score, np.float32, len(self.frame))
        _check("points", self.points, np.float32, len(self.frame), 3, 2)

    @classmethod
    def displayed(
        cls,
        frame: NDArray[np.integer],
        corners: NDArray[np.float32],
        score: NDArray[np.float32],
        points: NDArray[np.float32],
        working: tuple[int, int],
        displayed: tuple[int, int],
    ) -> Self:
        """Convert faces from the working size to the displayed frame, and clip them to it.

        Args:
            frame, score: as above.
            corners: (N, 4) left, top, right, bottom in pixels of the working frame.
            points: (N, 3, 2) in pixels of the working frame.
            working, displayed: widths and heights in pixels.

        Returns:
            The faces that are still at least a pixel wide and high.
        """
        limit = np.array(displayed, np.float32)
        unit = limit / np.array(working, np.float32)
        clipped = np.clip(corners.reshape(-1, 2, 2) * unit, 0, limit)
        sides = clipped[:, 1] - clipped[:, 0]
        faces = cls(
            frame.astype(np.int32),
            np.concatenate([clipped[:, 0], sides], axis=1).astype(np.float32),
            score,
            (points * unit).astype(np.float32),
        )
        return faces[np.flatnonzero((sides >= 1).all(axis=1))]

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The faces of all parts, in the order of the parts."""
        if not parts:
            return cls.empty()
        columns = zip(*((p.frame, p.xywh, p.score, p.points) for p in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        points = np.zeros((0, 3, 2), np.float32)
        return cls(np.zeros(0, np.int32), points.reshape(0, 4), points[:, 0, 0], points)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Self:
        """Select rows by a mask, an index array or a slice."""
        return type(self)(self.frame[rows], self.xywh[rows], self.score[rows], self.points[rows])


@dataclass(frozen=True)
class TrackedFaces:
    """N faces in one batch of frames, with their tracks.

    Attributes:
        faces: the faces.
        face_id: (N,) int64, number of the track, from 1 in the order of first appearance, unique in
            a frame.
        filled: (N,) bool, True if the detector missed the face in this frame but not in those
            around it.
    """

    faces: Detections
    face_id: NDArray[np.int64]
    filled: NDArray[np.bool_]

    def __post_init__(self) -> None:
        _check("face_id", self.face_id, np.int64, len(self.faces))
        _check("filled", self.filled, np.bool_, len(self.faces))

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        return cls(Detections.empty(), np.zeros(0, np.int64), np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.faces)


@dataclass(frozen=True)
class FaceCrops:
    """N faces cut out as they are in FER-2013.

    Attributes:
        images: (N, 48, 48) uint8 luma.
        row: (N,) int32, row of each face in the `Detections` that it was cut from.
    """

    images: NDArray[np.uint8]
    row: NDArray[np.int32]

    def __post_init__(self) -> None:
        _check("images", self.images, np.uint8, None, FACE_SIZE, FACE_SIZE)
        _check("row", self.row, np.int32, len(self.images))

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        return cls(np.zeros((0, FACE_SIZE, FACE_SIZE), np.uint8), np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.images)


_COVERED = 0.6
"""Probability from which a face counts as covered."""


def is_covered(covered: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which of (N,) faces count as covered, by the probabilities that they are."""
    return np.asarray(covered >= _COVERED)


@dataclass(frozen=True)
class Expressions:
    """Class probabilities of N faces.

    Attributes:
        probs: (N, 7) float32 in the order of `EXPRESSIONS`; each row sums to 1.
        covered: (N,) float32 in [0, 1], probability that the mouth is hidden, so that the
            expression cannot be read; 0 for models that do not know.
    """

    probs: NDArray[np.float32]
    covered: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check("probs", self.probs, np.float32, None, len(EXPRESSIONS))
        _check("covered", self.covered, np.float32, len(self.probs))
        if len(self.probs) and not np.allclose(self.probs.sum(axis=1), 1.0, atol=1e-3):
            raise ValueError("probs: rows do not sum to 1")

    @classmethod
    def empty(cls) -> Self:
        """No faces."""
        return cls.of_free_faces(np.zeros((0, len(EXPRESSIONS)), np.float32))

    @classmethod
    def of_free_faces(cls, probs: NDArray[np.float32]) -> Self:
        """Probabilities (N, 7) of faces of which nothing is hidden."""
        return cls(probs, np.zeros(len(probs), np.float32))

    def __len__(self) -> int:
        return len(self.probs)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.probs[rows], self.covered[rows])

    @property
    def is_covered(self) -> NDArray[np.bool_]:
        """(N,) whether each face counts as covered."""
        return is_covered(self.covered)


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a person.

    Attributes:
        face_id: the person.
        expression: the expression that the person shows.
        time_s: time in seconds.
        jpeg: the picture as JPEG.
        maps: a JPEG with two maps of what the expression model reacts to in this face, the gradient
            map and the occlusion map, side by side; None if there is none.
    """

    face_id: int
    expression: str
    time_s: float
    jpeg: bytes
    maps: bytes | None = None
