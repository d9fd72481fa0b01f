"""Rules of exclusion for faces, people and events, and counts of what they exclude."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rules:
    """Rules that faces, people and events must meet.

    Attributes:
        min_face: lowest height of a face in pixels of the displayed frame.
        min_frontality: lowest frontality: 1 is seen from the front, 0.7 turned by 45 degrees.
        min_sharpness: lowest sharpness: 1 is as sharp as a typical photograph.
        min_seen: seconds for which a person's face must be usable in a recording.
        min_coverage: share of an event and of its baseline in which the face must be usable.

    Raises:
        ValueError: a share is not from 0 to 1, or another value is negative.
    """

    min_face: float = 0.0
    min_frontality: float = 0.0
    min_sharpness: float = 0.0
    min_seen: float = 0.0
    min_coverage: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_frontality", "min_sharpness", "min_coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, not {getattr(self, name)}")
        for name in ("min_face", "min_seen"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")

    def of_rows(self, rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Which rows of a frame table each rule excludes, by the rule's name."""
        limits = {
            f"face shorter than {self.min_face:g} px": ("face_h", self.min_face),
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
    """Counts what each rule excluded, over many recordings."""

    _dropped: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _of: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, level: str, rule: str, dropped: int, of: int) -> None:
        """Count a rule that was applied to `of` rows, people, events or recordings."""
        self._dropped[level, rule] += int(dropped)
        self._of[level, rule] += int(of)

    def table(self) -> pd.DataFrame:
        """A row for each rule, in the order of application."""
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
