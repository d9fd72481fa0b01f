"""Named parts of the frame, such as a half or a tile of a video call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """A named part of the displayed frame, in fractions of its width and height."""

    name: str
    x: float
    y: float
    w: float
    h: float

    def contains(self, x: float, y: float) -> bool:
        """Whether a place in the frame, in fractions, is in the area."""
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h


def area_of(text: str) -> Area:
    """Read an area written as `NAME=x,y,w,h`.

    >>> area_of("left=0,0,0.5,1")
    Area(name='left', x=0.0, y=0.0, w=0.5, h=1.0)

    Raises:
        ValueError: the text is not an area, or the area is not in the frame.
    """
    name, equals, numbers = text.partition("=")
    try:
        x, y, w, h = (float(number) for number in numbers.split(","))
    except ValueError:
        equals = ""
    if not equals or not name.strip():
        raise ValueError(f"{text!r} is not an area; write NAME=x,y,w,h, as in left=0,0,0.5,1")
    if not (0 <= x < 1 and 0 <= y < 1 and 0 < w <= 1 - x + 1e-9 and 0 < h <= 1 - y + 1e-9):
        raise ValueError(
            f"{text!r} is not a part of the frame; x, y, w and h must be fractions from 0 to 1"
        )
    return Area(name.strip(), x, y, w, h)


def named_area(areas: Sequence[Area], x: float, y: float) -> str:
    """The first area that contains a place; empty if there is none."""
    return next((area.name for area in areas if area.contains(x, y)), "")
