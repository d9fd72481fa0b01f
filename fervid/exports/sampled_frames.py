"""The faces in the frame table at each time of the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.results.codebook import BOX_COLUMNS, SMOOTH_COLUMNS
from fervid.results.files import read_frames

_SLACK_S = 1e-4
"""Tolerance in seconds, because times in the table have six decimals; frames are further apart."""


@dataclass(frozen=True)
class SampledFrame:
    """The N faces of one sampled frame.

    Attributes:
        time_s, until_s: start and end of the time that the frame represents.
        face_id: (N,) int64.
        xywh: (N, 4) float64 pixels of the displayed frame.
        smooth: (N, 7) float64 smoothed probabilities.
        state: (N,) words, an expression or "uncertain".
    """

    time_s: float
    until_s: float
    face_id: NDArray[np.int64]
    xywh: NDArray[np.float64]
    smooth: NDArray[np.float64]
    state: list[str]

    def __len__(self) -> int:
        return len(self.face_id)


class SampledFrames:
    """Faces of a result folder by time; the table is read only as far as needed.

    Raises:
        ResultError: the frame table is missing or damaged. Damage may be found only when it is
            reached.
    """

    def __init__(self, folder: Path) -> None:
        self._frames = _sampled(folder)
        self._next = next(self._frames, None)
        self._now: SampledFrame | None = None

    def at(self, time_s: float) -> SampledFrame | None:
        """The sampled frame that represents this time, if any; times must not decrease."""
        while self._next is not None and self._next.time_s <= time_s + _SLACK_S:
            self._now, self._next = self._next, next(self._frames, None)
        if self._now is None or time_s > self._now.until_s - _SLACK_S:
            return None
        return self._now


def _sampled(folder: Path) -> Iterator[SampledFrame]:
    """Yield the sampled frames of the table."""
    rest = pd.DataFrame()
    for piece in read_frames(folder):
        chunk = pd.concat([rest, piece]) if len(rest) else piece
        # The last frame may continue in the next piece.
        whole = chunk["frame"].to_numpy() != chunk["frame"].iloc[-1] if len(chunk) else []
        rest = chunk[~np.asarray(whole, bool)]
        yield from _split(chunk[np.asarray(whole, bool)])
    yield from _split(rest)


def _split(rows: pd.DataFrame) -> Iterator[SampledFrame]:
    """Split rows by frame."""
    if not len(rows):
        return
    is_face = rows["success"].to_numpy() == 1
    times = rows["timestamp"].to_numpy()
    until = times + rows["duration"].fillna(0.0).to_numpy()
    ids = rows["face_id"].to_numpy(np.int64, na_value=0)
    boxes = rows[list(BOX_COLUMNS)].to_numpy()
    smooth = rows[list(SMOOTH_COLUMNS)].to_numpy()
    states = rows["state"].to_numpy(object)
    starts = np.flatnonzero(np.diff(rows["frame"].to_numpy(), prepend=-1))
    for mine in np.split(np.arange(len(rows)), starts[1:]):
        first, faces = mine[0], mine[is_face[mine]]
        yield SampledFrame(
            float(times[first]),
            float(until[first]),
            ids[faces],
            boxes[faces],
            smooth[faces],
            states[faces].tolist(),
        )
