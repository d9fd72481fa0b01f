"""Chooses among several video tracks: the one that players show, or the user's choice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"\[info\] +Stream #0:(\d+)[^ ]*: Video: (\w+)(.*)$")
_SIZE = re.compile(r", (\d+)x(\d+)[ ,]")
_FLAG = re.compile(r" \(([a-z -]+)\)")
_FIELDS = re.compile(r"[(, ](top|bottom)( coded)? first[ ,)]")
_COVER = "attached pic"
_ASIDE = {"timed thumbnails", "still image", "dependent"}
"""Flags of tracks that players show only if there is no other."""

_OF_PICTURES = {"mjpeg", "png", "bmp", "gif", "webp", "jpeg2000"}
"""Codecs of still pictures: beside another track, one with much smaller pictures holds thumbnails.
"""

_MUCH_SMALLER = 4


@dataclass(frozen=True)
class Track:
    """A video track, as ffmpeg describes it.

    Attributes:
        stream: index among all streams of the file, from 0.
        codec: ffmpeg's name of the codec.
        width, height: size of its coded pictures; 0 if unknown.
        flags: flags such as "default".
        is_interlaced: whether the file says that its frames are interlaced.
    """

    stream: int
    codec: str
    width: int
    height: int
    flags: frozenset[str]
    is_interlaced: bool = False

    @property
    def pixels(self) -> int:
        """Number of pixels of a picture."""
        return self.width * self.height


def tracks_of(described: Sequence[str]) -> list[Track]:
    """The video tracks in the order of the file, without covers.

    Args:
        described: lines of ffmpeg's log (level info, named) that describe the input.
    """
    found: dict[int, Track] = {}
    for line in described:
        if match := _LINE.match(line):
            size = _SIZE.search(match[3])
            width, height = (int(size[1]), int(size[2])) if size else (0, 0)
            flags = frozenset(_FLAG.findall(match[3]))
            fields = bool(_FIELDS.search(match[3]))
            track = Track(int(match[1]), match[2], width, height, flags, fields)
            # A stream that belongs to two programs is listed twice.
            found.setdefault(track.stream, track)
    return [track for track in found.values() if _COVER not in track.flags]


def default_track(tracks: Sequence[Track]) -> Track:
    """The track that players show: the first one flagged default, or else the first one.

    Tracks without pictures and tracks of thumbnails come last.
    """
    largest = max(track.pixels for track in tracks)

    def rank(track: Track) -> tuple[bool, ...]:
        small = track.codec in _OF_PICTURES and track.pixels * _MUCH_SMALLER <= largest
        return not track.pixels, bool(track.flags & _ASIDE), small, "default" not in track.flags

    return min(tracks, key=rank)
