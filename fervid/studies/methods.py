"""The methods paragraph of a study, from what its results say of how they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fervid import __version__
from fervid.studies.responses import Window
from fervid.studies.rules import Rules
from fervid.studies.sources import Measure

LIMITS = (
    "Expressions are what faces show and are not taken as measures of emotion (Barrett et al., "
    "2019)."
)
CITATIONS = (
    "Barrett, L. F., Adolphs, R., Marsella, S., Martinez, A. M., & Pollak, S. D. (2019). "
    "Emotional expressions reconsidered. Psychological Science in the Public Interest, 20(1), "
    "1-68. https://doi.org/10.1177/1529100619832930",
    "Goodfellow, I. J., et al. (2013). Challenges in representation learning: A report on three "
    "machine learning contests. https://arxiv.org/abs/1307.0414 (FER-2013)",
    "Hedges, L. V. (1981). Distribution theory for Glass's estimator of effect size and related "
    "estimators. Journal of Educational Statistics, 6(2), 107-128.",
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian "
    "Journal of Statistics, 6(2), 65-70.",
    "Saravanan, V., Berman, G. J., & Sober, S. J. (2020). Application of the hierarchical "
    "bootstrap to multi-level data in neuroscience. Neurons, Behavior, Data Analysis, and Theory, "
    "3(5).",
)


@dataclass
class Provenance:
    """What `meta.json` of many results says, counted."""

    versions: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    settings: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    recordings: int = 0

    def add(self, meta: dict[str, Any]) -> None:
        """Count one result."""
        self.recordings += 1
        self.versions[str(meta.get("fervid") or "unknown")] += 1
        self.partial += meta.get("status") == "partial"
        cards = [card for card in meta.get("models") or () if isinstance(card, dict)]
        self.models.update(_model(card) for card in cards)
        chosen = meta.get("settings") or {}
        self.settings[_sampling(chosen)] += 1

    @staticmethod
    def _joined(counts: Counter[str]) -> str:
        if len(counts) == 1:
            return next(iter(counts))
        return "; ".join(f"{name} ({count} recordings)" for name, count in counts.most_common())

    def sentence(self) -> str:
        """How the recordings were analysed."""
        number = f"{self.recordings} recording{'s were' if self.recordings != 1 else ' was'}"
        models = ", ".join(sorted(self.models)) or "models that the results do not name"
        partial = f" In {self.partial} of them frames could not be decoded." if self.partial else ""
        return (
            f"{number} analysed with fervid {self._joined(self.versions)} ({models}); "
            f"{self._joined(self.settings)}.{partial}"
        )


def _model(card: dict[str, Any]) -> str:
    digest = str(card.get("sha256") or "")[:8]
    version = f" {card['version']}" if card.get("version") else ""
    return f"{card.get('name') or 'model'}{version}" + (f", sha256 {digest}" if digest else "")


def _sampling(chosen: dict[str, Any]) -> str:
    fps = chosen.get("fps")
    sampled = f"{fps:g} frames a second were read" if fps else "every frame was read"
    smooth = chosen.get("smooth")
    smoothed = f", smoothing {smooth:g} s" if isinstance(smooth, int | float) else ""
    shown = chosen.get("min_confidence")
    least = f", episodes from a probability of {shown:g} on" if isinstance(shown, float) else ""
    return sampled + smoothed + least


_MEASURED: dict[Measure, str] = {
    "change": "Values are changes from each person's own resting face in nats (log-odds of an "
    "expression against neutral, minus those of the resting face).",
    "probability": "Values are the model's probabilities of single frames.",
}


def methods_paragraph(
    provenance: Provenance, measure: Measure, window: Window, rules: Rules,
    exclusions: pd.DataFrame, by: str, units: Sequence[str], counts: str, seed: int, draws: int,
) -> str:  # fmt: skip
    """A paragraph to be pasted into an article, and edited there.

    Args:
        provenance: of the results.
        measure, window, rules: of the study.
        exclusions: the table of what was dropped.
        by: column of the levels that are compared, empty if none are.
        units: kinds of independent units of the comparisons.
        counts: how many events of how many people count.
        seed, draws: of the bootstrap.
    """
    unit = (
        "recordings (people who share one are averaged first)"
        if "recording" in units
        else ("people")
    )
    compare = (
        f" Levels of {by} were compared by t-tests over {unit} (paired where at least half have "
        "both levels, else Welch's), with Hedges' g and 95% intervals; p-values were corrected "
        "over expressions and pairs after Holm (1979)."
        if by
        else f" Responses were tested against 0 by t-tests over {unit}, with Hedges' g and 95% "
        "intervals; p-values were corrected over expressions after Holm (1979)."
    )
    return (
        f"{provenance.sentence()} {_MEASURED[measure]} {counts} A response is the mean from an "
        f"event's start to its end ({window.after:g} s where it has none) minus the mean of the "
        f"{window.before:g} s before it. {_excluded(exclusions, rules)} Repetitions were averaged "
        "within people first, and each person counts once. Bands are 95% percentile intervals of a "
        f"hierarchical bootstrap (recordings, people, repetitions; {draws} samples, seed {seed}; "
        f"Saravanan et al., 2020).{compare} Intervals and tests were computed by fervid "
        f"{__version__}. {LIMITS}"
    )


def _excluded(exclusions: pd.DataFrame, rules: Rules) -> str:
    dropped = exclusions[exclusions["dropped"] > 0]
    if not len(dropped):
        least = f"{rules.min_coverage:.0%}"
        return f"No person and no event was excluded (rule: face usable in {least} of an event)."
    parts = [
        f"{row.dropped:,} of {row.of:,} {_PLURAL[str(row.level)]} ({row.rule})"
        for row in dropped.itertuples()
    ]
    return f"Excluded were {'; '.join(parts)}."


_PLURAL = {
    "recording": "recordings",
    "person": "people",
    "frame": "faces of single frames",
    "event": "events of a person",
}
