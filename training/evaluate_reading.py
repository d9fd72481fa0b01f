"""Evaluate expressions in recordings; writes reading.json, and reading.html to read.

    python -m training.evaluate_reading CLIPS

CLIPS is a folder of recordings NAME.mp4 with truth.csv: a row for each frame and person with clip
(NAME), person, frame, time_s, intensity (0 at rest to 1), x0, y0, x1, y1 (the part of the frame the
person is in), expression (happy if the column is missing) and groups such as age, gender and
ethnicity. A file NAME.truth.csv for each recording will do as well.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import pandas as pd

import fervid
from fervid.errors import FervidError
from fervid.pipeline import Analyzer
from fervid.settings import Settings
from fervid.settings.choices import READINGS
from training.atomic import whole_file
from training.command_line import PATH, help_of, out_option
from training.pages import render_page
from training.reading.showings import COLUMNS, Read, check_truth, figures_of, read_person
from training.release import today

NAMES = ("reading.json", "reading.html")

_AGES = (0, 25, 35, 200)
_AGE_NAMES = ("under 25", "25 to 34", "35 and more")


@click.command(help=help_of(__doc__))
@click.argument("clips", type=PATH)
@click.option("--reading", type=click.Choice(READINGS), default=READINGS[0], show_default=True)
@out_option("runs/reading", "Folder of the two files.")
def main(clips: Path, reading: str, out: Path) -> None:
    """Analyse all clips, compare, write both files."""
    try:
        document = run(clips, Settings(thumbnails=False, reading=reading), out)  # type: ignore[arg-type]
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or out}: {error.strerror}") from error
    for group in document["groups"]:
        click.echo(headline(group))
    click.echo(f"wrote {' and '.join(str(out / name) for name in NAMES)}")


def run(clips: Path, settings: Settings, out: Path) -> dict[str, Any]:
    """Evaluate, and write both files into `out`, which is created if needed; return the JSON.

    Raises:
        FervidError: a table or recording is missing or malformed.
        OSError: a file cannot be read or written.
    """
    truth = truth_of(clips)
    out.mkdir(parents=True, exist_ok=True)
    analyzer = Analyzer(settings)
    reads: list[tuple[Read, dict[str, str]]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for clip, shown in truth.groupby("clip", sort=True):
            folder = Path(temporary) / f"{clip}.fervid"
            analyzer.analyze(recording_of(clips, str(clip)), folder)
            frames = pd.read_csv(folder / "frames.csv", dtype={"face_id": "Int64"})
            for _, mine in shown.groupby("person", sort=True):
                reads.append((read_person(mine, frames), _groups_of(mine.iloc[0])))
    document = {
        "reading": settings.reading,
        "groups": grouped(reads),
        "made": {"clips": truth["clip"].nunique(), "date": today(), "fervid": fervid.__version__},
    }
    page = render_page("training.reading", {}, d=document)
    for name, text in zip(NAMES, (json.dumps(document, indent=1) + "\n", page), strict=True):
        with whole_file(out / name) as file:
            file.write(text.encode())
    return document


def truth_of(clips: Path) -> pd.DataFrame:
    """Read the truth of a folder.

    Raises:
        FervidError: there is no table, or it lacks a column.
    """
    paths = [clips / "truth.csv"] if (clips / "truth.csv").is_file() else []
    tables = []
    for path in paths or sorted(clips.glob("*.truth.csv")):
        table = pd.read_csv(path, dtype={"clip": str, "person": str})
        if {"x", "y", "w", "h", "visible"} <= set(table.columns):
            table = _of_boxes(table, path.name.removesuffix(".truth.csv"))
        if set(COLUMNS) <= set(table.columns) or paths:
            check_truth(table, str(path))
            tables.append(table)
    if not tables:
        raise FervidError(f"{clips}: no truth.csv and no NAME.truth.csv of this kind")
    return pd.concat(tables, ignore_index=True)


def _of_boxes(table: pd.DataFrame, clip: str) -> pd.DataFrame:
    """Convert truth with face boxes, as for rendered people, to the common form."""
    seen = table[table["visible"] == 1]
    corners = {"x0": seen["x"], "y0": seen["y"], "x1": seen["x"] + seen["w"]}
    return seen.assign(clip=clip, **corners, y1=seen["y"] + seen["h"]).reset_index(drop=True)


def recording_of(clips: Path, clip: str) -> Path:
    """The recording of that name.

    Raises:
        FervidError: there is no such recording.
    """
    found = sorted(path for path in clips.glob(f"{clip}.*") if path.suffix != ".csv")
    if not found:
        raise FervidError(f"{clips}: no recording of the clip {clip}")
    return found[0]


def _groups_of(row: pd.Series[Any]) -> dict[str, str]:
    groups = {name: str(row[name]) for name in ("gender", "ethnicity") if name in row}
    if "age" in row and not pd.isna(row["age"]):
        place = sum(float(row["age"]) >= edge for edge in _AGES[1:-1])
        groups["age"] = _AGE_NAMES[place]
    return groups


def grouped(reads: list[tuple[Read, dict[str, str]]]) -> list[dict[str, Any]]:
    """Figures of everyone, then of each group."""
    tables = [{"by": "", "group": "everyone", **figures_of([read for read, _ in reads])}]
    for by in ("gender", "age", "ethnicity"):
        for group in sorted({about[by] for _, about in reads if by in about}):
            members = [read for read, about in reads if about.get(by) == group]
            tables.append({"by": by, "group": group, **figures_of(members)})
    return tables


def headline(group: dict[str, Any]) -> str:
    """A line for the terminal about a group."""
    parts = [f"{group['group']} ({group['people']}):"]
    for name in ("full", "weaker"):
        one = group[name]
        if one["of"]:
            parts.append(f"{name} {one['share']:.0%} ({one['low']:.0%} to {one['high']:.0%}),")
    if group["rest_misread"] is not None:
        parts.append(f"rest misread {group['rest_misread']:.1%},")
    if group["onset_error_s"] is not None:
        parts.append(f"onset {group['onset_error_s']:+.2f} s")
    return " ".join(parts).rstrip(",")


if __name__ == "__main__":
    main()
