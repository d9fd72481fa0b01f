"""Recordings whose picture changes its size or shape on the way: each part keeps its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TOLD, _IN_A_LINE = 100, 3

Picture = tuple[int, int, int, int]
"""Width and height of a decoded frame, upright, and numerator and denominator of its pixel aspect,
0 if not known."""


class ShapeChangesError(Exception):
    """The picture changes so much that all of the recording is to be read in a square canvas."""


@dataclass(frozen=True)
class Part:
    """A stretch of a recording whose pictures have one size.

    Attributes:
        first: position of its first frame among the decoded ones.
        start_s: when that is shown.
        width, height: as displayed, the pixels of boxes.
        used: width and height of its pictures in the working frame, whose upper left they fill.
    """

    first: int
    start_s: float
    width: int
    height: int
    used: tuple[int, int]


def displayed_size(picture: Picture) -> tuple[int, int]:
    """Width and height in square pixels."""
    width, height, across, down = picture
    aspect = Fraction(across, down) if across and down else Fraction(1)
    return max(1, round(width * aspect)), height


def even_size(displayed: tuple[int, int], most: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape within `most`, never enlarged: (width, height), even."""
    scale = min(1.0, *(limit / side for limit, side in zip(most, displayed, strict=True)))

    def even(side: int, limit: int) -> int:
        largest = min(side, limit) // 2 * 2
        return max(2, min(largest, 2 * round(side * scale / 2)))

    return even(displayed[0], most[0]), even(displayed[1], most[1])


def filters(
    first: tuple[int, int],
    used: tuple[int, int],
    canvas: tuple[int, int],
    before: Sequence[str] = (),
) -> list[str]:
    """ffmpeg filters that scale every picture by its own shape into one canvas.

    Args:
        first: the displayed width and height of the first picture.
        used: the size that this one gets.
        canvas: width and height of all frames.
        before: filters of the pictures as they are, which keep their number.
    """
    scale = f"min(1,min({canvas[0]}/(iw*sar),{canvas[1]}/ih))"
    is_first = f"eq(round(iw*sar),{first[0]})*eq(ih,{first[1]})"
    sides = (
        f"'if({is_first},{mine},max(2,min({limit},2*round({side}*{scale}/2))))'"
        for mine, limit, side in zip(used, canvas, ("iw*sar", "ih"), strict=True)
    )
    # The same matrix on both sides passes Y through; only its range is widened.
    colours = "in_color_matrix=bt601:out_color_matrix=bt601:out_range=pc"
    resize = f"scale={':'.join(sides)}:flags=area:{colours}:eval=frame"
    fill = f"pad={canvas[0]}:{canvas[1]}:eval=frame"
    return ["showinfo=checksum=0", *before, resize, fill, "setsar=1"]


def in_own_pixels(
    rows: NDArray[Any], parts: Sequence[Part], unit: tuple[float, float]
) -> NDArray[Any]:
    """Rows (R,) of faces with their boxes in pixels of the displayed picture of their part.

    Args:
        rows: of `fervid.results.rows.ROW`, boxes in pixels of the first part's.
        parts: ascending.
        unit: pixels of the working frame a pixel of these boxes, across and down.
    """
    if len(parts) < 2:
        return rows
    part = np.searchsorted([one.first for one in parts], rows["frame"], side="right") - 1
    sizes = np.array([(one.width, one.height) for one in parts], np.float64)[part]
    used = np.array([one.used for one in parts], np.float64)[part]
    factor = sizes * np.array(unit) / used
    corners = rows["xywh"].reshape(-1, 2, 2) * factor[:, None]
    corners[:, 1] += corners[:, 0]
    corners = np.clip(corners, 0, sizes[:, None])
    corners[:, 1] -= corners[:, 0]
    moved = rows.copy()
    later = part > 0
    moved["xywh"][later] = corners.reshape(-1, 4)[later]
    return moved


def parts_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """For `meta.json`: from when on the picture has which size; the first parts of very many."""
    return [
        {"start_s": round(one.start_s, 6), "width": one.width, "height": one.height}
        for one in parts[:_TOLD]
    ]


def line_of(parts: Sequence[Part]) -> str:
    """What a user should know of it."""
    sizes = [f"{one.width}x{one.height} from {one.start_s:.2f} s" for one in parts[:_IN_A_LINE]]
    more = f", and {len(parts) - _IN_A_LINE} more" if len(parts) > _IN_A_LINE else ""
    return (
        f"the picture changes its size or shape ({', '.join(sizes)}{more}); "
        "boxes are in pixels of the picture that is shown at their time"
    )
