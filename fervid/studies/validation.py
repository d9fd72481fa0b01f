"""Agreement of fervid with human coders, by frame and by episode."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.exports.recordings import recording_of
from fervid.studies.agreement import (
    Interval,
    agreement_share,
    block_tables,
    cohen_kappa,
    coincidences,
    confusion,
    interval,
    krippendorff_alpha,
)
from fervid.studies.coding import (
    BLOCK_S,
    Rated,
)
from fervid.studies.frames import face_jpeg
from fervid.studies.page import Picture
from fervid.studies.sources import Source

FERVID = "fervid"
RESULTS = ("both", "only coder", "only fervid")
"""Who found an episode."""

_RUN_COLUMNS = (
    *("recording", "face_id", "coder", "start", "end", "lasts", "coder_says", "fervid_says"),
    *("middle", "box"),
)


@dataclass
class Validation:
    """A comparison of fervid with human coders.

    Attributes:
        coders: names of the coders.
        categories: `none`, then the coded expressions.
        rated: the frames of each person.
        episodes: a row for each episode of a coder, of fervid, or of both.
        folders: result folder of each recording.
        notes: warnings for the reader, one line each.
        seed, draws: seed and number of samples of the bootstrap.
    """

    coders: list[str]
    categories: list[str]
    rated: list[Rated]
    episodes: pd.DataFrame
    folders: dict[str, Source]
    notes: list[str]
    seed: int = 0
    draws: int = 2000

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """(N, R) indices of categories of all frames; the last rater is fervid."""
        return np.concatenate([one.codes for one in self.rated])

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """(N,) block of each frame for resampling: a person, or a stretch of 10 s if there are
        fewer than ten people."""
        by_person = len(self.rated) >= 10
        keys = [
            np.full(len(one.time_s), k * 1_000_000)
            + (0 if by_person else (one.time_s // BLOCK_S).astype(np.int64))
            for k, one in enumerate(self.rated)
        ]
        return np.unique(np.concatenate(keys), return_inverse=True)[1].astype(np.int64)

    @property
    def block_kind(self) -> str:
        """The kind of blocks, in words."""
        return "people" if len(self.rated) >= 10 else f"stretches of {BLOCK_S:g} s"

    def _interval(self, tables: Any, figure: Callable[[Any], Any]) -> Interval:
        return interval(tables, figure, draws=self.draws, seed=self.seed)

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """Number of frames by category of coders (rows) and of fervid (columns), all coders
        together."""
        count = len(self.categories)
        table = sum(
            confusion(self.codes[:, k], self.codes[:, -1], count) for k in range(len(self.coders))
        )
        names = pd.Index(self.categories)
        return pd.DataFrame(np.asarray(table, np.int64), index=names, columns=names)

    @cached_property
    def frame_agreement(self) -> pd.DataFrame:
        """Agreement, kappa and alpha with intervals, for each pair of raters and for all."""
        raters, count = [*self.coders, FERVID], len(self.categories)
        rows = []
        for i, j in combinations(range(len(raters)), 2):
            tables = block_tables(self.blocks, self.codes[:, i], self.codes[:, j], count)
            about = {"rater": raters[i], "other": raters[j], "expression": "all"}
            rows.append({**about, **self._figures(tables)})
            for k, name in enumerate(self.categories[1:], 1):
                one = block_tables(
                    self.blocks, (self.codes[:, i] == k) * 1, (self.codes[:, j] == k) * 1, 2
                )
                rows.append({**about, "expression": name, **self._figures(one)})
        if len(raters) > 2:
            rows += [self._of_all(raters), self._of_all(self.coders)]
        return pd.DataFrame(rows)

    def _figures(self, tables: NDArray[np.floating[Any]]) -> dict[str, float]:
        both = tables + tables.swapaxes(1, 2)
        found = {
            "agreement": self._interval(tables, agreement_share),
            "kappa": self._interval(tables, cohen_kappa),
            "alpha": self._interval(both, krippendorff_alpha),
        }
        named = {
            f"{name}{end}": value
            for name, one in found.items()
            for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
        }
        return {"frames": int(tables.sum()), **named}

    def _of_all(self, raters: Sequence[str]) -> dict[str, Any]:
        """Alpha of the first raters together."""
        said = self.codes[:, : len(raters)]
        each = [(said == k).sum(axis=1) for k in range(len(self.categories))]
        counts = np.stack(each, axis=1).astype(np.float64)
        order = np.argsort(self.blocks, kind="stable")
        edges = np.searchsorted(self.blocks[order], np.arange(1, self.blocks.max() + 1))
        tables = np.stack([coincidences(part) for part in np.split(counts[order], edges)])
        alpha = self._interval(tables, krippendorff_alpha)
        return {
            "rater": " + ".join(raters), "other": "", "expression": "all", "frames": len(counts),
            "alpha": alpha.value, "alpha_low": alpha.low, "alpha_high": alpha.high,
        }  # fmt: skip

    @cached_property
    def episode_agreement(self) -> pd.DataFrame:
        """For each coder and expression: episodes found, missed and false, and delay of onsets."""
        groups = self.episodes.groupby(["coder", "expression"], sort=False)
        rows = [self._episodes_of(str(who), str(what), mine) for (who, what), mine in groups]
        return pd.DataFrame(rows)

    def _episodes_of(self, coder: str, expression: str, mine: pd.DataFrame) -> dict[str, Any]:
        results = [(mine["result"] == name) * 1.0 for name in RESULTS]
        person = pd.factorize(mine["recording"] + "#" + mine["face_id"].astype(str))[0]
        counts = np.zeros((person.max() + 1, len(RESULTS)))
        np.add.at(counts, person, np.column_stack(results))
        row: dict[str, Any] = {"coder": coder, "expression": expression}
        for k, name in enumerate(RESULTS):
            row[name.replace(" ", "_")] = int(counts[:, k].sum())
        for name, figure in _EVENT_FIGURES.items():
            one = self._interval(counts, figure)
            row |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        return row | _lateness(mine["onset_difference"].dropna().to_numpy(np.float64))

    @property
    def headline(self) -> str:
        """A line with the kappa of each coder and fervid."""
        table = self.frame_agreement
        mine = table[(table["other"] == FERVID) & (table["expression"] == "all")]
        parts = [
            f"{row.rater}: kappa {row.kappa:.2f} ({row.kappa_low:.2f} to {row.kappa_high:.2f})"
            for row in mine.itertuples()
        ]
        return f"{len(self.codes):,} frames of {len(self.rated)} people; " + "; ".join(parts)

    def disagreements(self, most: int = 24) -> pd.DataFrame:
        """The longest stretches in which a coder and fervid disagree."""
        rows = []
        for one in self.rated:
            for k, coder in enumerate(self.coders):
                theirs, ours = one.codes[:, k], one.codes[:, -1]
                rows += _runs(one, theirs, ours, coder, self.categories)
        table = pd.DataFrame(rows, columns=list(_RUN_COLUMNS))
        longest = table.sort_values("lasts", ascending=False, kind="stable")
        return longest.head(most).reset_index(drop=True)

    def pictures(self, most: int = 24) -> list[Picture]:
        """Faces in the middle of the worst disagreements, if the recording is found."""
        shown = []
        for row in self.disagreements(most).to_dict("records"):
            source = self.folders[row["recording"]]
            try:
                recording = recording_of(source.folder, None, needed=False)
            except FervidError:
                recording = None
            about = source.meta.get("recording") or {}
            size = int(about.get("width") or 0), int(about.get("height") or 0)
            jpeg = recording and face_jpeg(recording, row["middle"], size, row["box"])
            if jpeg:
                address = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
                name = row["recording"].removesuffix(".fervid")
                words = (
                    f"{row['coder']} says {row['coder_says']}, fervid {row['fervid_says']}: face "
                    f"{row['face_id']} of {name} at {row['middle']:.2f} s, for {row['lasts']:.1f} s"
                )
                shown.append(Picture(address, words))
        return shown

    def save(self, folder: str | Path) -> Path:
        """Write `validation.html` and its tables; return the path of the page."""
        from fervid.studies.validation_page import save_validation

        return save_validation(self, Path(folder))


def _lateness(late: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Median and mean delay of onsets, and Bland and Altman's limits of agreement."""
    if not len(late):
        return dict.fromkeys(("onset_median", "onset_mean", "onset_low", "onset_high"), np.nan)
    mean = float(late.mean())
    half = 1.96 * float(late.std(ddof=1)) if len(late) > 1 else np.nan
    ends = {"onset_low": mean - half, "onset_high": mean + half}
    return {"onset_median": float(np.median(late)), "onset_mean": mean, **ends}


def _share(part: Any, whole: Any) -> Any:
    return part / np.where(whole > 0, whole, np.nan)


_EVENT_FIGURES: dict[str, Callable[[Any], Any]] = {
    "recall": lambda c: _share(c[..., 0], c[..., 0] + c[..., 1]),
    "precision": lambda c: _share(c[..., 0], c[..., 0] + c[..., 2]),
    "f1": lambda c: _share(2 * c[..., 0], 2 * c[..., 0] + c[..., 1] + c[..., 2]),
}


def _runs(
    one: Rated, theirs: NDArray[np.int64], ours: NDArray[np.int64], coder: str,
    categories: Sequence[str],
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Stretches with the same disagreement."""
    if not len(theirs):
        return []
    pair = theirs * len(categories) + ours
    gap = np.diff(one.time_s) > one.lasts_s[:-1] + 0.5
    first = np.flatnonzero(np.append(True, (np.diff(pair) != 0) | gap))
    last = np.append(first[1:], len(pair)) - 1
    found = []
    for i, j in zip(first, last, strict=True):
        if theirs[i] != ours[i]:
            start, end = float(one.time_s[i]), float(one.time_s[j] + one.lasts_s[j])
            middle = (i + j) // 2
            says = categories[theirs[i]], categories[ours[i]]
            box = tuple(one.boxes[middle].tolist())
            where = (one.recording, one.face_id, coder, start, end, end - start)
            found.append((*where, *says, float(one.time_s[middle]), box))
    return found
