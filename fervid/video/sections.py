"""Sections of a recording that are decoded each by itself, with the frames of a whole decoding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fervid.video.sampling import Sampling
from fervid.video.stamps import EntryError, Stamps

_AHEAD_S = 0.14
"""ffmpeg looks for the key frame before a time less 3/23 s in some containers."""

_SETTLED = _BEHIND = 4
"""Frames decoded before and behind those of a section: filters look a little around."""


@dataclass(frozen=True)
class Section:
    """Some frames of a recording, one after the other among those that are kept.

    Attributes:
        first: place of its first frame among the kept ones.
        index: (T,) int64 positions of its frames in the recording.
        pts: (T,) int64 their time stamps.
        after: whether the last frame is the first one of the next section.
        stop: time stamp from which no frame needs to be decoded; None: all must.
        seek_s: time from whose key frame decoding starts; None: the recording's beginning.
    """

    first: int
    index: NDArray[np.int64]
    pts: NDArray[np.int64]
    after: bool
    stop: int | None
    seek_s: float | None

    def __len__(self) -> int:
        """Frames of its own."""
        return len(self.pts) - self.after

    def sampling(self, whole: Sampling) -> Sampling:
        """Which frames are to come out, of a sampling of the whole recording."""
        # From before its first frame on where a whole decoding has it, so that filters look back.
        first = None if self.first else whole.first
        return replace(whole, first=first, stop=whole.stop if self.stop is None else self.stop)


def sections_of(
    stamps: Stamps, sampling: Sampling, length_s: float, batch_size: int
) -> list[Section]:
    """Sections of about some length, each of whole batches of frames but for the last one.

    A section begins shortly after a frame that decoding may start with.

    Args:
        stamps: of all frames.
        sampling: which frames are kept.
        length_s: of a section in seconds.
        batch_size: kept frames in a batch.

    Raises:
        EntryError: there is one section only; says why.
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
        raise EntryError("too few of its frames can be decoded without those before")
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
    """First batches after each key frame, by the places of their first frames among the kept."""
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
    """Checks that the frames that come out of a decoder are those of a section.

    Args:
        section: what is read.
        all_come: whether no other frames of its time come.
    """

    def __init__(self, section: Section, all_come: bool) -> None:
        self._section, self._all_come = section, all_come
        self._next = 0

    def position(self, pts: int) -> int | None:
        """The position in the recording of the next frame; None: it is none of the section's.

        Raises:
            EntryError: another one should have come.
        """
        section = self._section
        if self._next == len(section.pts) or pts < section.pts[0]:
            return None
        if pts == section.pts[self._next]:
            self._next += 1
            return int(section.index[self._next - 1])
        if self._all_come or pts > section.pts[self._next]:
            raise EntryError("other frames come out when decoding starts midway")
        return None

    def finish(self) -> None:
        """Raise EntryError if frames are missing."""
        if self._next < len(self._section.pts):
            raise EntryError("frames are missing when decoding starts midway")
