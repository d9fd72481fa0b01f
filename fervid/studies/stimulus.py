"""Aligns recordings of people who watched the same stimulus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fervid.errors import FervidError, ResultError
from fervid.exports.recordings import recording_of
from fervid.studies.areas import Area
from fervid.studies.bootstrap import Band, Nesting, band
from fervid.studies.intersubject import STEP_S, Together, moments_together
from fervid.studies.opening import Notify, Opened, Tables, open_results
from fervid.studies.rules import Rules
from fervid.studies.series import Series
from fervid.studies.sound import RATE, offset_of, read_sound
from fervid.studies.sources import UNITS, Measure, Source, expressions_of

_FEWEST = 0.5
"""Share of the people who must be seen in a step of the stimulus."""


@dataclass
class Audience:
    """An audience: people who watched the same stimulus.

    Attributes:
        measure: the measure.
        stimulus: path of the stimulus, or None.
        offsets: for each recording, when the stimulus starts in it, and how that is known.
        edges: (T + 1,) edges of the steps in seconds of the stimulus.
        curves: (P, T, K) curve of each person; NaN where the face is not usable.
        people: a row for each person.
        exclusions: what each rule excluded.
        notes: warnings for the reader, one line each.
        seed, draws: seed and number of draws of intervals and surrogates.
    """

    measure: Measure
    stimulus: Path | None
    offsets: pd.DataFrame
    edges: NDArray[np.floating[Any]]
    curves: NDArray[np.float32]
    people: pd.DataFrame
    exclusions: pd.DataFrame
    notes: list[str]
    seed: int = 0
    draws: int = 2000

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions that the measure covers."""
        return expressions_of(self.measure)

    @property
    def unit(self) -> str:
        """The unit of the measure."""
        return UNITS[self.measure]

    @property
    def centres(self) -> NDArray[np.floating[Any]]:
        """(T,) centres of the steps in seconds of the stimulus."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @cached_property
    def mean(self) -> Band:
        """The mean curve over people, each counted once, with its band: (T, K)."""
        nesting = Nesting.of(self.people["participant"].tolist(), self.people["recording"].tolist())
        return band(self.curves.astype(np.float64), nesting, draws=self.draws, seed=self.seed)

    @cached_property
    def together(self) -> Together:
        """The moments in which people's expressions changed together."""
        curves = self.curves.astype(np.float64)
        return moments_together(curves, self.expressions, seed=self.seed)

    def figure(self) -> Any:
        """The figure of the page."""
        from plotly.graph_objects import Figure

        from fervid.studies.audience_page import audience_figure

        return Figure(audience_figure(self))

    def save(self, folder: str | Path) -> Path:
        """Write `audience.html` and its tables; return the path of the page."""
        from fervid.studies.audience_page import save_audience

        return save_audience(self, Path(folder))


def audience(
    results: str | Path,
    stimulus: str | Path | None = None,
    people: Tables | None = None,
    *,
    areas: Sequence[Area | str] = (),
    measure: Measure | None = None,
    rules: Rules | None = None,
    step_s: float = STEP_S,
    seed: int = 0,
    draws: int = 2000,
    notify: Notify = lambda line: None,
) -> Audience:
    """Study what people show while they watch the same stimulus.

    The column `offset` in `people` says at which second of a recording the stimulus starts. Without
    it, recordings are aligned by the sound of the stimulus, or, without a stimulus, by that of the
    first recording.

    Args:
        results: a folder of results.
        stimulus: a video or sound file.
        people, areas, measure, rules: as for `fervid.study`.
        step_s: step of the curves in seconds.
        seed, draws: seed and number of draws of intervals and surrogates.
        notify: called with a line for everything that is left out.

    Raises:
        ResultError: there is no usable result, or fewer than two people can be aligned.
        MediaError: the stimulus is needed for alignment but has no sound.
    """
    opened = open_results(results, people, areas=areas, measure=measure, rules=rules, notify=notify)
    film = None if stimulus is None else Path(stimulus)
    aligner = _Aligner(film, opened)
    series: list[tuple[Series, float]] = []
    about: list[dict[str, Any]] = []
    reach = 0.0
    for source in opened.sources():
        offset = aligner.of(source)
        if offset is None:
            continue
        for person in opened.reader.of(source):
            series.append((person.series, offset))
            where = {"recording": person.recording, "face_id": person.face_id}
            about.append({**where, "participant": person.name, **person.about, "offset": offset})
            reach = max(reach, source.end_s - offset)
    if len(series) < 2:
        raise ResultError(
            f"{opened.folder}: fewer than two people could be aligned with the stimulus"
        )
    length = aligner.length_s or reach
    edges = np.arange(int(length / step_s + 1e-9) + 1) * step_s
    curves = np.stack([one.curve(edges + at) for one, at in series]).astype(np.float32)
    seen = (~np.isnan(curves[..., 0])).mean(axis=0) >= _FEWEST
    last = int(np.flatnonzero(seen)[-1]) + 1 if seen.any() else 0
    if not aligner.length_s:
        edges, curves = edges[: last + 1], curves[:, :last]
    return Audience(
        opened.measure, film, pd.DataFrame(aligner.found), edges, curves, pd.DataFrame(about),
        opened.tally.table(), opened.notes, seed, draws,
    )  # fmt: skip


class _Aligner:
    """Finds when the stimulus starts in a recording."""

    def __init__(self, stimulus: Path | None, opened: Opened) -> None:
        self._opened = opened
        self._sound: NDArray[np.float32] | None = None
        self.length_s = 0.0
        self.found: list[dict[str, Any]] = []
        if stimulus is not None:
            self._sound = read_sound(stimulus)
            self.length_s = len(self._sound) / RATE

    def of(self, source: Source) -> float | None:
        known = self._opened.reader.offset_s(source)
        if known is not None:
            return self._note(source, known, "table", np.nan)
        try:
            recording = recording_of(source.folder, None, needed=True)
            assert recording is not None
            sound = read_sound(recording)
        except FervidError as error:
            self._opened.note(f"not aligned: {error}")
            return None
        if self._sound is None:
            self._sound = sound
            return self._note(source, 0.0, "reference", np.nan)
        offset = offset_of(self._sound, sound)
        if not offset.is_sure:
            self._opened.note(
                f"not aligned: {source.path}: its sound does not match (the highest correlation is "
                f"{offset.peak:.1f} standard deviations); give its offset in the table of people"
            )
            return None
        return self._note(source, offset.seconds, "sound", offset.peak)

    def _note(self, source: Source, offset: float, how: str, peak: float) -> float:
        self.found.append(
            {"recording": source.path, "offset": offset, "known_by": how, "peak": peak}
        )
        return offset
