"""Evaluate a model on neutral and smiling stills of people of known age, gender and ethnicity.

    python -m training.evaluate.stills FOLDER

FOLDER is the Face Research Lab London Set (DeBruine & Jones 2017): pictures with `labels.csv`
(image, expression, person, age, gender, ethnicity). Faces are found and framed as in photos.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pandas as pd

from fervid.errors import FervidError
from fervid.photos.api import analyze_photos
from fervid.settings.choices import LABELS
from training.atomic import whole_file
from training.command_line import PATH, help_of, out_option
from training.evaluate.scores import difference, proportion

COLUMNS = ("image", "expression", "person", "age", "gender", "ethnicity")
_AGES = (0, 25, 35, 200)
_AGE_NAMES = ("under 25", "25 to 34", "35 and more")
"""Bounds and names of the age groups."""


def read_labels(folder: Path) -> pd.DataFrame:
    """`labels.csv` with the columns of `COLUMNS`, the age as one of three groups.

    Raises:
        FervidError: it is missing, or lacks a column or a picture.
    """
    path = folder / "labels.csv"
    try:
        table = pd.read_csv(path, dtype={"person": str})
    except (OSError, ValueError) as error:
        raise FervidError(f"{path}: cannot be read as a table of stills") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise FervidError(f"{path}: no column {', '.join(missing)}")
    absent = [name for name in table["image"] if not (folder / name).is_file()]
    if absent:
        raise FervidError(f"{path}: no such picture: {absent[0]}")
    ages = pd.cut(pd.to_numeric(table["age"], errors="coerce"), _AGES, labels=_AGE_NAMES)
    return table.assign(age=ages.astype(object).fillna("unknown"))


def evaluate_stills(folder: Path, model: str, labels: str = "mixture") -> dict[str, Any]:
    """Evaluate how a model classifies the stills, overall and by group.

    Args:
        folder: folder of the stills.
        model: name of a shipped model, or path of one on disk.
        labels: whose labels to imitate, see `fervid.settings.choices.LABELS`.

    Returns:
        stills, found (stills with a face), `all` and `groups` (by column, then by name), each with
        accuracy and by expression, `read_as` (counts by expression), and `women_less_men` (of
        smiles). A still without a face counts as wrong.

    Raises:
        FervidError: the folder is not such a set, or the model cannot be used.
    """
    table = read_labels(folder)
    faces = analyze_photos(folder, weights=model, labels=labels).faces
    largest = faces.sort_values("face_h").groupby("photo")["emotion"].last()
    by_name = {Path(str(photo)).name: emotion for photo, emotion in largest.items()}
    read = table["image"].map(by_name).fillna("none")
    table = table.assign(read=read, right=read == table["expression"])
    return {
        "stills": len(table),
        "found": int((table["read"] != "none").sum()),
        "all": _figures(table),
        "groups": {
            column: {str(name): _figures(part) for name, part in table.groupby(column)}
            for column in ("gender", "ethnicity", "age")
        },
        "read_as": {
            str(name): part["read"].value_counts().to_dict()
            for name, part in table.groupby("expression")
        },
        "women_less_men": _women_less_men(table[table["expression"] == "happy"]),
    }


def _figures(table: pd.DataFrame) -> dict[str, Any]:
    parts = {"accuracy": table, **dict(iter(table.groupby("expression")))}
    return {
        str(name): proportion(int(part["right"].sum()), len(part)) for name, part in parts.items()
    }


def _women_less_men(smiles: pd.DataFrame) -> dict[str, float] | None:
    """Recall of women's smiles minus that of men's, in points, with Newcombe's 95% interval."""
    right = [smiles.loc[smiles["gender"] == name, "right"] for name in ("female", "male")]
    if not all(map(len, right)):
        return None
    women, men = (int(part.sum()) for part in right)
    low, high = difference((women, men), (len(right[0]), len(right[1])))
    value = women / len(right[0]) - men / len(right[1])
    return {
        name: round(100 * number, 2)
        for name, number in (("value", value), ("low", low), ("high", high))
    }


@click.command(help=help_of(__doc__))
@click.argument("folder", type=PATH)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=["expression"],
    help="Name or path of a model; repeatable.",
)
@click.option("--labels", type=click.Choice(LABELS), default=LABELS[0], show_default=True)
@out_option("runs/stills.json", "JSON file for the figures.")
def main(folder: Path, models: tuple[str, ...], labels: str, out: Path) -> None:
    """Evaluate each model, print a table, write one JSON file."""
    try:
        document = {model: evaluate_stills(folder, model, labels) for model in models}
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    for model, found in document.items():
        click.echo("\n".join(lines_of(model, found)))
    with whole_file(out) as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())
    click.echo(f"wrote {out}")


def lines_of(model: str, found: dict[str, Any]) -> list[str]:
    """Lines for the terminal about one model."""
    groups = [("all", found["all"])]
    groups += [
        (f"{column} {name}", figures)
        for column, parts in found["groups"].items()
        for name, figures in parts.items()
    ]
    lines = [f"{model}: a face in {found['found']} of {found['stills']} stills"]
    lines += [
        f"  {name}: " + ", ".join(f"{k} {v['percent']:.0f}% of {v['n']}" for k, v in row.items())
        for name, row in groups
    ]
    gap = found["women_less_men"]
    if gap:
        ends = f"{gap['low']:.0f} to {gap['high']:.0f}"
        lines.append(f"  women less men on smiles: {gap['value']:.0f} points ({ends})")
    return lines


if __name__ == "__main__":
    main()
