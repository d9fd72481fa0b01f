"""Chooses the size at which a recording is searched: the smallest one that finds its faces."""

from __future__ import annotations

from collections.abc import Callable

from fervid.records import Detections
from fervid.settings import USUAL_WORKING_SIZE

WORKING_SIZES = (USUAL_WORKING_SIZE, 1280, 1920)
"""Longer sides of the searched frames in pixels."""

GLIMPSES = 8
"""Number of frames that are searched at several sizes."""

_WORTH_IT = 1.25
"""Smallest factor from one size to the next."""

_FEW, _SHARE = 3, 0.05
"""A size is too small if it misses this many faces in all sample frames and this share of them."""

_TALLEST = 320.0
"""Tallest face at the working size, in pixels, that is found reliably."""


def sizes_for(longer_side: int) -> list[int]:
    """The sizes at which a recording with this longer side may be searched, ascending.

    >>> sizes_for(640), sizes_for(1000), sizes_for(1920)
    ([640], [640, 1280], [640, 1280, 1920])
    """
    sizes = [WORKING_SIZES[0]]
    for size in WORKING_SIZES[1:]:
        if longer_side >= _WORTH_IT * sizes[-1]:
            sizes.append(size)
    return sizes


def choose(
    sizes: list[int], longer_side: int, find: Callable[[int], Detections]
) -> tuple[int, dict[str, int]]:
    """The smallest size that finds nearly all faces that the largest one finds.

    Sizes at which a face would be taller than 320 pixels are not used.

    Args:
        sizes: sizes to choose from, ascending.
        longer_side: longer side of the displayed frame in pixels.
        find: gives the faces in the sample frames at a size, in pixels of the displayed frame.

    Returns:
        The size, and the number of faces found at each size for `meta.json`.
    """
    found: dict[int, Detections] = {}

    def at(size: int) -> Detections:
        if size not in found:
            found[size] = find(size)
        return found[size]

    tallest = at(sizes[0]).xywh[:, 3].max(initial=0.0) / longer_side
    sizes = [sizes[0], *(size for size in sizes[1:] if tallest * size <= _TALLEST)]
    most = at(sizes[-1])
    enough = max(_FEW, _SHARE * len(most))
    chosen = next(size for size in sizes if _missed(most, at(size)) < enough)
    return chosen, {str(size): len(faces) for size, faces in sorted(found.items())}


def _missed(most: Detections, found: Detections) -> int:
    """Number of faces in `most` whose centre is in no box of `found` in the same frame."""
    center = most.xywh[:, None, :2] + most.xywh[:, None, 2:] / 2
    first, last = found.xywh[None, :, :2], found.xywh[None, :, :2] + found.xywh[None, :, 2:]
    inside = ((center >= first) & (center <= last)).all(axis=-1)
    inside &= most.frame[:, None] == found.frame[None]
    return int((~inside.any(axis=1)).sum())
