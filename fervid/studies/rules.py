"""Rules of exclusion: what a face, a person or an event must meet to count, and what they drop."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rules:
    """What must be met to count.

    Attributes:
        min_face: height of a face in pixels of the displayed frame.
        min_frontality: 1 for a face seen from the front, .7 turned by 45 degrees.
        min_sharpness: fine detail, 1 from that of typical photographs.
        min_seen: seconds for which a person's face must be usable in a recording.
        min_coverage: share of an event's window, and of its baseline, in which it must be usable.

    Raises:
        ValueError: a share is not 0 to 1, or another one is negative.
    """

    min_face: float = 0.0
    min_frontality: float = 0.0
    min_sharpness: float = 0.0
    min_seen: float = 0.0
    min_coverage: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_frontality", "min_sharpness", "min_coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, not a share from 0 to 1")
        for name in ("min_face", "min_seen"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, not 0 or more")

    def of_rows(self, rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Which of the rows of a frame table each rule drops, by the rule's words."""
        limits = {
            f"face lower than {self.min_face:g} px": ("face_h", self.min_face),
            f"face turned away (frontality below {self.min_frontality:g})": (
                "frontality",
                self.min_frontality,
            ),
            f"face blurred (sharpness below {self.min_sharpness:g})": (
                "sharpness",
                self.min_sharpness,
            ),
        }
        return {
            words: rows[column].to_numpy(np.float64) < least
            for words, (column, least) in limits.items()
            if least > 0
        }


LEVELS = ("recording", "person", "frame", "event")


@dataclass
class Tally:
    """How much each rule dropped, of how much, over many recordings."""

    _dropped: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _of: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, level: str, rule: str, dropped: int, of: int) -> None:
        """Note that a rule was applied to `of` rows, people, events or recordings."""
        self._dropped[level, rule] += int(dropped)
        self._of[level, rule] += int(of)

    def table(self) -> pd.DataFrame:
        """A row for each rule, in the order in which they are applied."""
        keys = sorted(self._of, key=lambda key: LEVELS.index(key[0]))
        dropped = np.array([self._dropped[key] for key in keys], np.int64)
        of = np.array([self._of[key] for key in keys], np.int64)
        columns = {
            "level": [level for level, _ in keys],
            "rule": [rule for _, rule in keys],
            "dropped": dropped,
            "of": of,
            "share": dropped / np.where(of > 0, of, np.nan),
        }
        return pd.DataFrame(columns)
