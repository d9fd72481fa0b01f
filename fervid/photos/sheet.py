"""Makes the contact sheet: `report.html` of a result of photos, with more pages for many photos."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from fervid import __version__
from fervid.errors import ResultError
from fervid.models.cards import describe
from fervid.photos.files import read_photo_tables
from fervid.records import EXPRESSIONS
from fervid.report.figures import COLOURS
from fervid.report.html import asset, csp_hash, environment, save
from fervid.results.codebook import STATES
from fervid.results.files import REPORT_NAME, read_meta

PHOTOS_A_PAGE = 500

_MOST_REFUSED = 50
_SHOWN = ("face", "state", "emotion", "emotion_confidence")
_PAGE = re.compile(r"report-[0-9]+\.html")


def write_sheet(folder: Path) -> Path:
    """Rebuild the contact sheet of a result; return the path of its first page.

    Raises:
        ResultError: the folder is not a result of photos, is damaged or is not writable.
    """
    try:
        return save_sheet(folder)
    except OSError as error:
        raise ResultError(f"{folder}: cannot be written ({error.strerror or error})") from error


def save_sheet(folder: Path) -> Path:
    """Like `write_sheet`, but disk errors are OSErrors."""
    faces, photos = read_photo_tables(folder)
    pages = render(faces, photos, read_meta(folder))
    for path in folder.iterdir():
        if _PAGE.fullmatch(path.name):
            path.unlink()
    for number, page in enumerate(pages, 1):
        save(folder / _name(number), page)
    return folder / REPORT_NAME


def _name(number: int) -> str:
    return REPORT_NAME if number == 1 else f"report-{number}.html"


def render(faces: pd.DataFrame, photos: pd.DataFrame, meta: dict[str, Any]) -> Iterator[str]:
    """Render the pages, with at most `PHOTOS_A_PAGE` photos each; they load only the pictures.

    Args:
        faces, photos: the tables.
        meta: contents of `meta.json`; missing values are left out of the pages.
    """
    template = environment("fervid.photos").get_template("sheet.html.jinja")
    script = asset("sheet.js", "fervid.photos")
    style = asset("style.css") + asset("sheet.css", "fervid.photos")
    read = photos[photos["status"] == "ok"]
    count = max(1, math.ceil(len(read) / PHOTOS_A_PAGE))
    refused = photos[photos["status"] != "ok"]
    for number in range(1, count + 1):
        shown = read.iloc[(number - 1) * PHOTOS_A_PAGE : number * PHOTOS_A_PAGE]
        yield template.render(
            cards=_cards(shown, faces[faces["photo"].isin(shown["photo"])]),
            number=number,
            pages=[_name(page) for page in range(1, count + 1)],
            totals=_totals(faces, photos),
            distribution=_distribution(faces),
            refused=refused.head(_MOST_REFUSED).to_dict("records"),
            more_refused=len(refused) - _MOST_REFUSED,
            warnings=meta.get("warnings") or [],
            models=[describe(card) for card in meta.get("models") or []],
            chosen=meta.get("settings") or {},
            states=STATES,
            colours=COLOURS,
            version=__version__,
            style=Markup(style),
            script=Markup(script),
            script_hash=Markup(csp_hash(script)),
        )


def _cards(photos: pd.DataFrame, faces: pd.DataFrame) -> list[dict[str, Any]]:
    """The data of a page: its photos and their faces."""
    by_photo: dict[str, list[dict[Any, Any]]] = defaultdict(list)
    for face in faces[["photo", *_SHOWN]].to_dict("records"):
        by_photo[face["photo"]].append(face)
    return [_card(row, by_photo[row["photo"]]) for row in photos.to_dict("records")]


def _card(row: dict[Any, Any], faces: list[dict[Any, Any]]) -> dict[str, Any]:
    address = str(row["annotated"])
    return {
        "photo": row["photo"],
        "address": quote(address) if address else "",
        "faces": faces,
        "states": " ".join(sorted({str(face["state"]) for face in faces})) or "none",
    }


def _totals(faces: pd.DataFrame, photos: pd.DataFrame) -> dict[str, Any]:
    read = photos[photos["status"] == "ok"]
    with_face = int((read["faces"] > 0).sum())
    return {
        "photos": len(photos),
        "read": len(read),
        "refused": len(photos) - len(read),
        "with_face": with_face,
        "detection_rate": with_face / len(read) if len(read) else None,
        "faces": len(faces),
        "clear_share": float((faces["state"].isin(EXPRESSIONS)).mean()) if len(faces) else None,
    }


def _distribution(faces: pd.DataFrame) -> list[dict[str, Any]]:
    """For each expression, the number of faces that show it clearly, and its mean probability."""
    clear, total = Counter(faces["state"]), max(1, len(faces))
    means = {name: float(faces[name].mean()) for name in EXPRESSIONS if len(faces)}
    return [
        {"name": name, "faces": clear[name], "share": clear[name] / total, "mean": means.get(name)}
        for name in STATES
    ]
