"""Results of the variants: a row of figures for each, and its curves."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from training.comparison.variants import BASE, Variant, multiplications
from training.run import Line

FIGURES = ("public_fer", "public_fer_recall", "public_ferplus", "public_ferplus_recall")
"""Figures of the last epoch, on PublicTest, in one forward pass."""

COLUMNS = ("group", "variant", "title", "million_multiplications", "epochs", *FIGURES, "best_fer",
           "seconds")  # fmt: skip

_TITLES = {
    "public_fer": "FER-2013",
    "public_fer_recall": "macro recall",
    "public_ferplus": "FER+",
    "public_ferplus_recall": "macro recall",
}


@dataclass(frozen=True)
class Result:
    """A variant and the log of its training."""

    variant: Variant
    log: list[Line]

    @property
    def row(self) -> dict[str, Any]:
        """Values by the names in `COLUMNS`; shares from 0 to 1, None if there is no figure."""
        last = self.log[-1]
        return {
            "group": self.variant.group,
            "variant": self.variant.name,
            "title": self.variant.title,
            "million_multiplications": round(multiplications(self.variant.recipe.net) / 1e6, 1),
            "epochs": len(self.log),
            **{name: last.get(name) for name in FIGURES},
            "best_fer": max(line["public_fer"] for line in self.log),
            "seconds": round(sum(line["seconds"] for line in self.log), 1),
        }


def as_csv(results: list[Result]) -> str:
    """The rows as CSV."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(result.row for result in results)
    return file.getvalue()


def as_markdown(results: list[Result]) -> str:
    """The rows as a Markdown table: percentages, and FER-2013 accuracy minus that of the base."""
    titles = [f"{_TITLES[name]}" for name in FIGURES]
    lines = [
        "| varied | variant | million multiplications | "
        + " | ".join(titles)
        + " | against the base | seconds |",
        "|---" * (5 + len(FIGURES) + 1) + "|",
    ]
    rows = [result.row for result in results]
    base = next((row["public_fer"] for row in rows if row["variant"] == BASE), None)
    for row in rows:
        known = base is not None and row["variant"] != BASE
        change = f"{100 * (row['public_fer'] - base):+.1f}" if known else ""
        figures = " | ".join(percent(row[name]) for name in FIGURES)
        lines.append(
            f"| {row['group']} | {row['title']} | {row['million_multiplications']:.1f} | {figures} "
            f"| {change} | {row['seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def percent(share: float | None) -> str:
    """A share in percent with one decimal; empty for None."""
    return "" if share is None else f"{100 * share:.1f}"
