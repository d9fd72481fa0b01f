"""Finds the faces of every frame, but searches only every Nth frame where that is enough.

If two searched frames show the same faces at nearly the same places, boxes in the frames between
are interpolated; each must look like the face at one of the two ends. Where a face appears,
disappears, moves fast or changes its look, the frame in the middle is searched, and so on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from fervid.records import Detections, FrameBatch
from fervid.tracking.appearance import patches
from fervid.tracking.tracks import iou

_LEAST_OVERLAP = 0.6
_LEAST_LIKENESS = 0.9
"""Correlation at which two pictures of a face count as the same."""

SEARCHERS = 2
"""Batches searched in parallel, because XLA uses about one core for a convolution."""

_SEARCH_EVERY_S = 0.2


@dataclass(frozen=True)
class Searched:
    """A batch and the faces of its frames searched so far.

    Attributes:
        batch: the T frames.
        rows: the searched frames, ascending.
        faces: the faces in these frames; `frame` is the row in the batch.
        looks: (N, 16) patches of these faces.
    """

    batch: FrameBatch
    rows: NDArray[np.int64]
    faces: Detections
    looks: NDArray[np.float32]


class SparseSearch:
    """Searches every Nth sampled frame, and frames between them that cannot be interpolated.

    All batches except the last must have a multiple of N frames; then results do not depend on the
    size of the batches.

    Args:
        detect: finds the faces in a batch, in pixels of the displayed frame.
        displayed: width and height of the displayed frame.
        every: N.
        longest_gap_s: if two searched frames are further apart than this many seconds, all frames
            between are searched.

    Attributes:
        every: as above.
        searched: number of frames searched so far.
    """

    def __init__(
        self,
        detect: Callable[[FrameBatch], Detections],
        displayed: tuple[int, int],
        every: int,
        longest_gap_s: float,
    ) -> None:
        self._detect = detect
        self._displayed = displayed
        self.every = every
        self._longest_gap_s = longest_gap_s
        self.searched = 0
        self._counting = Lock()

    def search_every_nth(self, batch: FrameBatch) -> Searched:
        """Search every Nth frame of a batch, starting with its first."""
        return self._search(batch, np.arange(0, len(batch), self.every))

    def complete(self, now: Searched, after: Searched | None) -> Detections:
        """Complete a batch: the faces of all its frames.

        Args:
            now: the batch.
            after: the next batch; None: there is none.
        """
        batch, count = now.batch, len(now.batch)
        ends = _searched_frames(now)
        if after is not None:
            ends.append(_searched_frames(after)[0])
        elif ends[-1].row < count - 1:  # the last frame must be searched
            ends += _searched_frames(self._search(batch, np.array([count - 1])))
        parts = [end.faces for end in ends if end.batch is batch]
        spans = [_Span.of(batch, *pair) for pair in pairwise(ends)]
        while spans := [span for span in spans if len(span.rows)]:
            placed, is_placed = self._interpolate(batch, spans)
            parts.append(placed)
            halved = [span for span, done in zip(spans, is_placed, strict=True) if not done]
            middles = np.array([span.rows[len(span.rows) // 2] for span in halved], np.int64)
            found = _searched_frames(self._search(batch, middles))
            parts += [end.faces for end in found]
            spans = [
                half
                for span, middle in zip(halved, found, strict=True)
                for half in (_Span.of(batch, span.one, middle), _Span.of(batch, middle, span.other))
            ]
        together = Detections.concatenate(parts)
        return together[np.argsort(together.frame, kind="stable")]

    def _search(self, batch: FrameBatch, rows: NDArray[np.int64]) -> Searched:
        """Search some rows of a batch."""
        with self._counting:
            self.searched += len(rows)
        part = FrameBatch(batch.images[rows], batch.index[rows], batch.time_s[rows])
        found = self._detect(part) if len(rows) else Detections.empty()
        frame = rows[found.frame].astype(np.int32)
        faces = Detections(frame, found.xywh, found.score, found.points)
        return Searched(batch, rows, faces, self._looks(batch, faces))

    def _looks(self, batch: FrameBatch, faces: Detections) -> NDArray[np.float32]:
        return patches(batch.images, faces.frame, faces.xywh, self._displayed)

    def _interpolate(
        self, batch: FrameBatch, spans: list[_Span]
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """Faces interpolated between searched frames, and the spans that they fill.

        Every interpolated face must look as it does at one of the ends.
        """
        known = [span.interpolated(batch, self._longest_gap_s) for span in spans]
        faces = Detections.concatenate([part.faces for part in known if part])
        looks = self._looks(batch, faces)
        ends = [part.looks for part in known if part] or [np.stack([looks, looks])]
        unlike = (looks * np.concatenate(ends, axis=1)).sum(axis=-1).max(axis=0) < _LEAST_LIKENESS
        span = np.repeat(np.arange(len(spans)), [len(part.faces) if part else 0 for part in known])
        is_placed = np.array([part is not None for part in known])
        is_placed[span[unlike]] = False
        return faces[is_placed[span]], is_placed


def searched_every(rate: float) -> int:
    """Default interval of searched frames at a frame rate; infinite: unknown."""
    return max(1, round(rate * _SEARCH_EVERY_S)) if rate < math.inf else 1


def search_ahead(
    batches: Iterable[FrameBatch], search: SparseSearch
) -> Iterator[tuple[FrameBatch, Detections]]:
    """Yield each batch with its faces, in order, while threads search the next ones."""
    pool = ThreadPoolExecutor(SEARCHERS)
    try:
        begun: deque[Future[Searched]] = deque()
        done: deque[tuple[FrameBatch, Future[Detections]]] = deque()

        def complete(now: Future[Searched], after: Future[Searched] | None) -> Detections:
            # Both searches began before this call, so waiting for them cannot block the pool.
            return search.complete(now.result(), None if after is None else after.result())

        waiting: deque[FrameBatch] = deque()
        for batch in batches:
            waiting.append(batch)
            begun.append(pool.submit(search.search_every_nth, batch))
            if len(begun) == 2:
                done.append((waiting.popleft(), pool.submit(complete, begun.popleft(), begun[0])))
            if len(done) == SEARCHERS:
                oldest, found = done.popleft()
                yield oldest, found.result()
        if begun:
            done.append((waiting.popleft(), pool.submit(complete, begun.popleft(), None)))
        for oldest, found in done:
            yield oldest, found.result()
    finally:  # a user who stops need not wait for running searches
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _SearchedFrame:
    """A searched frame, its faces and their patches."""

    batch: FrameBatch
    row: int
    faces: Detections
    looks: NDArray[np.float32]

    @property
    def time_s(self) -> float:
        return float(self.batch.time_s[self.row])


def _searched_frames(searched: Searched) -> list[_SearchedFrame]:
    """The searched frames one by one."""
    faces, looks = searched.faces, searched.looks
    edges = np.searchsorted(faces.frame, [*searched.rows, len(searched.batch)])
    return [
        _SearchedFrame(searched.batch, row, faces[start:stop], looks[start:stop])
        for row, (start, stop) in zip(searched.rows.tolist(), pairwise(edges), strict=True)
    ]


@dataclass(frozen=True)
class _Between:
    """Faces between two ends, and the (2, N, 16) patches of the faces at the ends."""

    faces: Detections
    looks: NDArray[np.float32]


@dataclass(frozen=True)
class _Span:
    """Two searched frames, and the rows of a batch between them."""

    one: _SearchedFrame
    other: _SearchedFrame
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, batch: FrameBatch, one: _SearchedFrame, other: _SearchedFrame) -> _Span:
        stop = other.row if other.batch is batch else len(batch)
        return cls(one, other, np.arange(one.row + 1, stop))

    def interpolated(self, batch: FrameBatch, longest_gap_s: float) -> _Between | None:
        """Faces in the rows between, if both ends show the same faces and are not too far apart."""
        one, other = self.one, self.other
        gap_s = other.time_s - one.time_s
        if not 0 < gap_s <= longest_gap_s:
            return None
        pairs = _same_faces(one.faces, other.faces)
        if pairs is None:
            return None
        share = ((batch.time_s[self.rows] - one.time_s) / gap_s).astype(np.float32)
        faces = _interpolate(one.faces, other.faces[pairs], share, self.rows)
        looks = np.tile(np.stack([one.looks, other.looks[pairs]]), (1, len(self.rows), 1))
        return _Between(faces, looks)


def _same_faces(a: Detections, b: Detections) -> NDArray[np.intp] | None:
    """For each face of a, the same face of b; None unless they match one to one beyond doubt."""
    if len(a) != len(b):
        return None
    same = iou(a.xywh, b.xywh) >= _LEAST_OVERLAP
    if not (same.sum(axis=0) == 1).all() or not (same.sum(axis=1) == 1).all():
        return None
    return same.argmax(axis=1) if len(a) else np.zeros(0, np.intp)


def _interpolate(
    a: Detections, b: Detections, share: NDArray[np.float32], rows: NDArray[np.int64]
) -> Detections:
    """Faces at `share` (T,) of the way from the N faces of a to those of b, row by row."""

    def between(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        weight = share.reshape(-1, *[1] * x.ndim)
        return ((1 - weight) * x + weight * y).reshape(-1, *x.shape[1:])

    return Detections(
        np.repeat(rows, len(a)).astype(np.int32),
        between(a.xywh, b.xywh),
        between(a.score, b.score),
        between(a.points, b.points),
    )
