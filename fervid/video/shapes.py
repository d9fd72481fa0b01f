"""Recordings whose picture changes its size or shape: each part keeps its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.video.ffmpeg import LOG_PICTURES

_TOLD, _IN_A_LINE = 100, 3

Picture = tuple[int, int, int, int]
"""Width and height of an upright decoded frame, and numerator and denominator of its pixel aspect;
0 if unknown."""


class ShapeChangesError(Exception):
    """The picture changes its shape so much that the recording must be read on a square canvas."""


@dataclass(frozen=True)
class Part:
    """A part of a recording with a single picture size.

    Attributes:
        first: position of its first frame among the decoded ones.
        start_s: time of that frame in seconds.
        width, height: displayed size; boxes are in its pixels.
        used: width and height of its pictures in the working frame, in the upper left corner.
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
    """The largest (width, height) of the same shape within `most`, not enlarged, both even."""
    scale = min(1.0, *(limit / side for limit, side in zip(most, displayed, strict=True)))

    def even(side: int, limit: int) -> int:
        largest = min(side, limit) // 2 * 2
        return max(2, min(largest, 2 * round(side * scale / 2)))

    return even(displayed[0], most[0]), even(displayed[1], most[1])


def working_shape(displayed: tuple[int, int], working_size: int) -> tuple[int, int]:
    """(H, W) with the longer side at most `working_size`; never enlarged, even, at least 2."""
    width, height = even_size(displayed, (working_size, working_size))
    return height, width


def filters(
    first: tuple[int, int],
    used: tuple[int, int],
    canvas: tuple[int, int],
    before: Sequence[str] = (),
) -> list[str]:
    """ffmpeg filters that fit every picture into one canvas, keeping its shape.

    Args:
        first: the displayed width and height of the first picture.
        used: the size of that picture on the canvas.
        canvas: width and height of all frames.
        before: filters to apply first; they must keep the number of frames.
    """
    scale = f"min(1,min({canvas[0]}/(iw*sar),{canvas[1]}/ih))"
    is_first = f"eq(round(iw*sar),{first[0]})*eq(ih,{first[1]})"
    sides = (
        f"'if({is_first},{mine},max(2,min({limit},2*round({side}*{scale}/2))))'"
        for mine, limit, side in zip(used, canvas, ("iw*sar", "ih"), strict=True)
    )
    # With the same matrix on both sides, only the range of Y is widened.
    colours = "in_color_matrix=bt601:out_color_matrix=bt601:out_range=pc"
    resize = f"scale={':'.join(sides)}:flags=area:{colours}:eval=frame"
    fill = f"pad={canvas[0]}:{canvas[1]}:eval=frame"
    return [LOG_PICTURES, *before, resize, fill, "setsar=1"]


def in_own_pixels(
    rows: NDArray[Any], parts: Sequence[Part], unit: tuple[float, float]
) -> NDArray[Any]:
    """Convert the boxes of rows (R,) to displayed pixels of the part that each row is in.

    Args:
        rows: of `fervid.results.rows.ROW`, with boxes in displayed pixels of the first part.
        parts: the parts, ascending.
        unit: pixels of the working frame per pixel of these boxes, across and down.
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
    """Start and size of the parts for `meta.json`; only the first ones of very many."""
    return [
        {"start_s": round(one.start_s, 6), "width": one.width, "height": one.height}
        for one in parts[:_TOLD]
    ]


def line_of(parts: Sequence[Part], is_deinterlaced: bool) -> str:
    """A warning about the changes for the user."""
    sizes = [f"{one.width}x{one.height} from {one.start_s:.2f} s" for one in parts[:_IN_A_LINE]]
    more = f", and {len(parts) - _IN_A_LINE} more" if len(parts) > _IN_A_LINE else ""
    # The filter needs the next frame, too, and is built anew.
    lost = "; the frame before each change is left out, as it cannot be deinterlaced"
    return (
        f"the picture changes its size or shape ({', '.join(sizes)}{more}); boxes are in pixels "
        f"of the picture shown at their time{lost if is_deinterlaced else ''}"
    )
