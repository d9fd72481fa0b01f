"""Sections of a recording that can be decoded separately, with the same frames as in one pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fervid.video.sampling import Sampling
from fervid.video.stamps import EntryError, Stamps

_AHEAD_S = 0.14
"""In some containers, ffmpeg seeks the key frame before a time minus 3/23 s."""

_SETTLED = _BEHIND = 4
"""Frames decoded before and after a section, because filters use neighbouring frames."""


@dataclass(frozen=True)
class Section:
    """Consecutive kept frames of a recording.

    Attributes:
        first: position of its first frame among the kept frames.
        index: (T,) int64 positions of its frames in the recording.
        pts: (T,) int64 their time stamps.
        after: whether its last frame is the first frame of the next section.
        stop: time stamp after which no frame needs to be decoded; None: decode to the end.
        seek_s: decoding starts at the key frame at or before this time; None: at the beginning.
    """

    first: int
    index: NDArray[np.int64]
    pts: NDArray[np.int64]
    after: bool
    stop: int | None
    seek_s: float | None

    def __len__(self) -> int:
        """Number of its own frames."""
        return len(self.pts) - self.after

    def sampling(self, whole: Sampling) -> Sampling:
        """The sampling of this section, given that of the whole recording."""
        # It starts before the first frame, so that filters see the same frames as in one pass.
        first = None if self.first else whole.first
        return replace(whole, first=first, stop=whole.stop if self.stop is None else self.stop)


def sections_of(
    stamps: Stamps, sampling: Sampling, length_s: float, batch_size: int
) -> list[Section]:
    """Divide a recording into sections of about a length, in whole batches except for the last one.

    A section begins shortly after a frame at which decoding can start.

    Args:
        stamps: time stamps of all frames.
        sampling: which frames are kept.
        length_s: length of a section in seconds.
        batch_size: number of kept frames in a batch.

    Raises:
        EntryError: there is only one section; says why.
    """
    kept = np.flatnonzero(sampling.kept(stamps.pts))
    pts, base = stamps.pts[kept], sampling.time_base
    if not len(kept) or float((pts[-1] - pts[0]) * base) < 1.5 * length_s:
        raise EntryError("it is not longer than a part")
    entries = _entries(stamps, kept, pts, float(base), batch_size)
    starts = [0]
    for start in entries:
        is_long = float((pts[start] - pts[starts[-1]]) * base) >= length_s
        if is_long and float((pts[-1] - pts[start]) * base) >= length_s / 2:
            starts.append(start)
    if len(starts) == 1:
        raise EntryError("too few of its frames can be decoded without the frames before")
    ends = [*starts[1:], len(kept)]
    return [
        _section(stamps, kept, start, end, sampling)
        for start, end in zip(starts, ends, strict=True)
    ]


def _entries(
    stamps: Stamps,
    kept: NDArray[np.int64],
    pts: NDArray[np.int64],
    base: float,
    batch_size: int,
) -> list[int]:
    """First batches after key frames, by the positions of their first frames among the kept."""
    keys = stamps.keys[stamps.keys + _SETTLED < len(stamps)]
    due = np.maximum(stamps.pts[keys] + _AHEAD_S / base, stamps.pts[keys + _SETTLED])
    places = -(-np.searchsorted(pts, due) // batch_size) * batch_size
    return [*map(int, np.unique(places[(places > 0) & (places < len(kept))]))]


def _section(
    stamps: Stamps, kept: NDArray[np.int64], start: int, end: int, sampling: Sampling
) -> Section:
    after = end < len(kept)
    index = kept[start : end + after]
    stop = int(stamps.pts[kept[min(end + _BEHIND, len(kept) - 1)]]) + 1 if after else None
    latest = stamps.pts[index[0]] - _AHEAD_S / float(sampling.time_base)
    keys = stamps.keys[stamps.keys + _SETTLED <= index[0]]
    keys = keys[stamps.pts[keys] <= latest]
    seek_s = None
    if len(keys):
        seek_s = float(stamps.pts[keys[-1]] * sampling.time_base) + _AHEAD_S
    return Section(start, index, stamps.pts[index], after, stop, seek_s)


class SectionFrames:
    """Checks that a decoder outputs the frames of a section.

    Args:
        section: the section.
        all_come: whether the decoder outputs only frames of the section.
    """

    def __init__(self, section: Section, all_come: bool) -> None:
        self._section, self._all_come = section, all_come
        self._next = 0

    def position(self, pts: int) -> int | None:
        """Position of the next frame in the recording; None if it is not in the section.

        Raises:
            EntryError: another frame should have come.
        """
        section = self._section
        if self._next == len(section.pts) or pts < section.pts[0]:
            return None
        if pts == section.pts[self._next]:
            self._next += 1
            return int(section.index[self._next - 1])
        if self._all_come or pts > section.pts[self._next]:
            raise EntryError("decoding from the middle gives other frames")
        return None

    def finish(self) -> None:
        """Raise EntryError if frames are missing."""
        if self._next < len(self._section.pts):
            raise EntryError("decoding from the middle loses frames")
