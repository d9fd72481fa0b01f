"""Writes the files of a study: page, tables, codebook, methods paragraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

from fervid.report.recordings_table import cell
from fervid.results.codebook import Column
from fervid.results.files import disk_errors, text_file, write_codebook, write_rows
from fervid.studies.methods import CITATIONS
from fervid.studies.page import Section, p_words, save_page
from fervid.studies.tables import STUDY_TABLES, in_order

if TYPE_CHECKING:
    from fervid.studies.event_study import Study

PAGE_NAME, METHODS_NAME = "study.html", "methods.txt"
RESPONSES_NAME = "responses.csv"


class ResponseFile:
    """Writes responses, some hundred people at a time; the first ones determine the columns."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._columns: list[str] = []

    def add(self, table: pd.DataFrame) -> None:
        """Write the responses of more people."""
        first = not self._columns
        if first:
            self._columns = list(table.columns)
        columns = in_order("responses", self._columns)
        write_table(table.reindex(columns=self._columns), columns, self._file, header=first)


def write_table(
    table: pd.DataFrame, columns: Sequence[Column], file: IO[str], *, header: bool = True
) -> None:
    """Write a table with text that a spreadsheet cannot take for formulas."""
    words = [column.name for column in columns if column.kind == "word"]
    safe = table.assign(**{name: _safe(table[name]) for name in words})
    write_rows(safe, columns, file, header=header)


def safe_csv(table: pd.DataFrame, file: IO[str]) -> None:
    """Write a table without a codebook, with text that is safe in spreadsheets."""
    words = [name for name in table.columns if table[name].dtype == object]
    safe = table.assign(**{name: _safe(table[name]) for name in words})
    safe.to_csv(file, index=False, lineterminator="\n", float_format="%.6f")


def _safe(words: pd.Series) -> pd.Series:
    known = {word: cell("" if word != word else str(word)) for word in words.unique()}
    return words.map(known)


def make_study(results: Path, out: Path, **options: Any) -> tuple[Study, Path]:
    """Make a study and write its files; responses are written while results are read.

    Args:
        results: folder of results.
        out: folder for the files.
        options: options of `fervid.study`.

    Raises:
        ResultError: as for `fervid.study`, or `out` is not writable.
    """
    from fervid.studies.run_study import study

    part = out / f".{RESPONSES_NAME}.part"
    with disk_errors(out):
        there = out.is_dir()
        out.mkdir(parents=True, exist_ok=True)
    try:
        with disk_errors(out), text_file(part) as file:
            responses = ResponseFile(file)
            made = study(results, spool=responses.add, **options)
            part.replace(out / RESPONSES_NAME)
        return made, save_study(made, out, with_responses=False)
    finally:
        part.unlink(missing_ok=True)
        if not there and not any(out.iterdir()):
            out.rmdir()


def curves_table(study: Study) -> pd.DataFrame:
    """Event-locked averages as a tidy table."""
    centres, names = study.window.centres, study.expressions
    parts = []
    curves = study.curves if len(study.kept) else {}
    pairs = study.differences if curves else {}
    for level, band in (curves | {f"{a} - {b}": band for (a, b), band in pairs.items()}).items():
        grid = pd.MultiIndex.from_product([names, centres], names=["expression", "time"])
        values = {key: getattr(band, key).T.ravel() for key in ("mean", "low", "high")}
        table = pd.DataFrame(values, index=grid).reset_index()
        parts.append(table.assign(level=level, people=band.people, repetitions=band.repetitions))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def save_study(study: Study, folder: Path, *, with_responses: bool = True) -> Path:
    """Write all files of a study; return the path of the page.

    Args:
        with_responses: whether to write `responses.csv`, too.
    """
    tables = {
        "responses": study.responses if with_responses else pd.DataFrame(),
        "curves": curves_table(study),
        "comparisons": study.comparisons,
        "participants": study.participants,
        "study_people": study.people,
        "exclusions": study.exclusions,
    }
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            if len(table.columns):
                with text_file(folder / f"{name}.csv") as file:
                    columns = in_order(name, list(table.columns))
                    write_table(table, columns, file)
        with text_file(folder / "codebook.csv") as file:
            write_codebook(file, STUDY_TABLES)
        with text_file(folder / METHODS_NAME) as file:
            file.write(study.methods + "\n\n" + "\n".join(CITATIONS) + "\n")
        save_page(folder / PAGE_NAME, *page_of(study))
    return folder / PAGE_NAME


def page_of(study: Study) -> tuple[Any, ...]:
    """The contents of the page."""
    plots = study.plots()
    kept = study.kept
    events = len(kept) // max(len(study.expressions), 1)
    facts = [
        ("Recordings", f"{study.provenance.recordings:,}"),
        ("People", f"{study.people['participant'].nunique() if len(study.people) else 0:,}"),
        ("Responses included", f"{events:,}"),
        ("Measure", study.unit),
        ("Compared by", study.by if study.compares else "\N{EN DASH}"),
    ]
    sections = [
        Section(
            "Around the events",
            [
                f"The mean over people, minus the mean of the {study.window.before:g} s before "
                "the event. Repetitions are averaged within people first, so that each person "
                "counts once. The band is a 95% interval (hierarchical bootstrap)."
            ],
            plots.get("curves"),
        ),
        Section(
            "Differences within people",
            [
                "Each person's mean curve in one condition minus that in the other, then the mean "
                "over people, with a 95% interval at each moment. This is more exact than a "
                "comparison of the bands above, because people are compared with themselves."
            ],
            plots.get("differences"),
        ),
        Section(
            "How large the effects are",
            [
                "A response is the mean from an event's start to its end, minus the mean before "
                "it. Intervals are over people, or over recordings if people share them. p (Holm) "
                "is corrected over expressions and pairs. Values of different expressions are not "
                "independent: where one rises, others fall."
            ],
            plots.get("effects"),
            _comparison_rows(study),
            "comparisons.csv",
        ),
        Section(
            "Who showed what",
            [
                "In how many of the events each person clearly showed an expression, for which "
                "share of their time, and after how many seconds it began to rise."
            ],
            table=_who_rows(study),
            file="participants.csv",
        ),
        Section(
            "Events and episodes",
            [
                "Wide bars are events; narrow bars are episodes of an expression."
                + (" Dark lines are speech." if "speaking_s" in study.people else "")
            ],
            plots.get("lanes"),
        ),
        Section(
            "What was left out",
            ["Rules are applied in this order. What one rule excludes is not counted again."],
            table=study.exclusions,
            file="exclusions.csv",
        ),
        Section("Methods paragraph for an article", [study.methods, *CITATIONS]),
    ]
    shown = [one for one in sections if one.figure or one.text[1:] or one.table is not None]
    return (
        f"Responses to {_what(study)}",
        "A study of facial expressions",
        facts,
        study.notes,
        shown,
    )


def _what(study: Study) -> str:
    labels = (
        [label for label in study.kept["label"].unique() if label]
        if ("label" in study.kept)
        else []
    )
    return labels[0] if len(labels) == 1 else "events"


def _comparison_rows(study: Study) -> pd.DataFrame | None:
    """The comparisons in readable form."""
    table = study.comparisons
    if not len(table):
        return None
    table = table[table["outcome"] == "response"]
    several = table["speech"].nunique() > 1
    rows = []
    for row in table.to_dict("records"):
        level, other = row["level"] or "after", row["reference"]
        count = (
            f"{row['n']}" if row["design"] != "unpaired" else f"{row['n']}, {row['n_reference']}"
        )
        shown = {
            "expression": row["expression"],
            "compared": f"{level} \u2212 {'before' if other == 'baseline' else other}",
            "design": row["design"],
            f"n ({row['unit']})": count,
            "estimate (95% interval)": interval_words(row, "estimate", "low", "high"),
            "Hedges' g": interval_words(row, "effect", "effect_low", "effect_high"),
            "p": p_words(row["p"]),
            "p (Holm)": p_words(row["p_holm"]),
        }
        if table["mixed"].notna().any():
            shown["mixed model"] = interval_words(row, "mixed", "mixed_low", "mixed_high")
        rows.append({**shown, "speech": row["speech"]} if several else shown)
    return pd.DataFrame(rows)


def interval_words(row: Mapping[Any, Any], value: str, low: str, high: str) -> str:
    """A value with its interval; a dash if unknown."""
    if row[value] != row[value]:
        return "\N{EN DASH}"
    ends = f" ({row[low]:+.2f} to {row[high]:+.2f})" if row[low] == row[low] else ""
    return f"{row[value]:+.2f}{ends}".replace("-", "\u2212")


def _who_rows(study: Study) -> pd.DataFrame | None:
    """Who showed what, in readable form."""
    table = study.participants
    if not len(table):
        return None
    table = table[table["events_shown"] > 0]
    table = table.sort_values(["expression", "events_shown"], ascending=[True, False])
    shown = table["events_shown"].astype(str) + " of " + table["events"].astype(str)
    return pd.DataFrame(
        {
            "participant": table["participant"].str.replace(".fervid#", ", face ", regex=False),
            **({study.by: table[study.by]} if study.compares else {}),
            "expression": table["expression"],
            "shown in": shown + " events",
            "share of the time": table["shown"].map("{:.0%}".format),
            "latency (median, s)": table["latency"].round(2),
            f"response ({study.unit})": table["response"].round(2),
        }
    )
