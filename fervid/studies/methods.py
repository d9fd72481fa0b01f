"""The methods paragraph of a study, from the metadata of its results."""

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
    """Versions, models and settings in many `meta.json` files, counted."""

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
        """A sentence on how the recordings were analysed."""
        number = f"{self.recordings} recording{'s were' if self.recordings != 1 else ' was'}"
        models = ", ".join(sorted(self.models)) or "models not named in the results"
        partial = (
            f" In {self.partial} of them, some frames could not be decoded." if self.partial else ""
        )
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
    sampled = f"{fps:g} frames per second were read" if fps else "every frame was read"
    smooth = chosen.get("smooth")
    smoothed = (
        f", smoothed with a time constant of {smooth:g} s"
        if isinstance(smooth, int | float)
        else ""
    )
    shown = chosen.get("min_confidence")
    least = (
        f", with episodes beginning at a probability of {shown:g}"
        if isinstance(shown, float)
        else ""
    )
    return sampled + smoothed + least


_MEASURED: dict[Measure, str] = {
    "change": "Values are changes from each person's own resting face in nats (centred log-ratio "
    "of an expression's probability, minus that of the resting face).",
    "probability": "Values are the model's probabilities in single frames.",
}


def methods_paragraph(
    provenance: Provenance, measure: Measure, window: Window, rules: Rules,
    exclusions: pd.DataFrame, by: str, units: Sequence[str], counts: str, seed: int, draws: int,
) -> str:  # fmt: skip
    """A draft of the methods paragraph for an article.

    Args:
        provenance: provenance of the results.
        measure, window, rules: those of the study.
        exclusions: the table of exclusions.
        by: column of the compared levels; empty if there are none.
        units: kinds of independent units of the comparisons.
        counts: sentence on the numbers of events and people.
        seed, draws: seed and number of samples of the bootstrap.
    """
    unit = "recordings, each the mean of its people" if "recording" in units else ("people")
    compare = (
        f" Levels of {by} were compared by t-tests over {unit} (paired if at least half have both "
        "levels, else Welch's), with Hedges' g and 95% intervals; p-values were corrected over "
        "expressions and pairs (Holm, 1979)."
        if by
        else f" Responses were tested against 0 by t-tests over {unit}, with Hedges' g and 95% "
        "intervals; p-values were corrected over expressions (Holm, 1979)."
    )
    return (
        f"{provenance.sentence()} {_MEASURED[measure]} {counts} A response is the mean from an "
        f"event's start to its end ({window.after:g} s if it has none) minus the mean of the "
        f"{window.before:g} s before it. {_excluded(exclusions, rules)} Repetitions were averaged "
        "within people first, and each person counts once. Bands are 95% percentile intervals of a "
        f"hierarchical bootstrap (recordings, people, repetitions; {draws} samples, seed {seed}; "
        f"Saravanan et al., 2020).{compare} Intervals and tests were computed by fervid "
        f"{__version__}. {LIMITS}"
    )


def _excluded(exclusions: pd.DataFrame, rules: Rules) -> str:
    dropped = exclusions[exclusions["dropped"] > 0]
    if not len(dropped):
        rule = f"face usable in at least {rules.min_coverage:.0%} of an event"
        return f"No people or events were excluded (rule: {rule})."
    parts = [
        f"{row.dropped:,} of {row.of:,} {_PLURAL[str(row.level)]} ({row.rule})"
        for row in dropped.itertuples()
    ]
    return f"Exclusions: {'; '.join(parts)}."


_PLURAL = {
    "recording": "recordings",
    "person": "people",
    "frame": "faces in single frames",
    "event": "responses of a person to an event",
}
