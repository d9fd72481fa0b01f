"""The page around the figure: what is shown as text and tables, and the file it goes into."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup

from fervid.errors import ResultError
from fervid.model_cards import describe
from fervid.records import EXPRESSIONS
from fervid.report.binning import bin_frames
from fervid.report.figures import COLOURS, CONFIG, cuts_of, fine_data, lanes_of, timeline_figure
from fervid.report.layout import ZERO_MS
from fervid.result_files import (
    REPORT_NAME,
    Thumbnail,
    read_frames,
    read_meta,
    read_table,
    read_thumbnails,
)
from fervid.summaries import summarize

_SCRIPTS = ("vendor/plotly-basic.min", "theme", "tables", "refine", "playback", "page")

MAX_FACES = 20
"""Faces in the table of faces."""

MAX_EPISODES = 500
"""Rows in the table of episodes."""


def render(
    frames: Iterable[pd.DataFrame],
    episodes: pd.DataFrame,
    people: pd.DataFrame,
    summary: pd.DataFrame,
    meta: dict[str, Any],
    thumbnails: Sequence[Thumbnail] = (),
) -> str:
    """The report as one HTML page that loads nothing from anywhere.

    Args:
        frames: consecutive pieces of the frame table; read once, in constant memory.
        episodes, people, summary: these tables.
        meta: what `meta.json` holds; what is missing is left out of the page.
        thumbnails: pictures of people, by face_id.
    """
    faces = people.sort_values("faces", ascending=False, kind="stable")
    lanes, cuts = lanes_of(people), cuts_of(meta)
    binned = bin_frames(frames, lanes=lanes)
    recording = meta.get("recording") or {}
    name = str(recording.get("name") or "recording")
    config = {**CONFIG, "toImageButtonOptions": {"filename": _file_stem(name), "scale": 2}}
    scripts = [_text(f"{name}.js") for name in _SCRIPTS]
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            name=name,
            recording=recording,
            meta=meta,
            partial=partial_line(meta),
            duration_s=recording.get("duration_s") or float(binned.edges[-1]),
            thumbnails=[_picture(one) for one in thumbnails if one.face_id in lanes],
            everyone=summary.iloc[0].to_dict(),
            distribution=_distribution(summary.iloc[0]),
            faces=[_face(row) for row in faces.head(MAX_FACES).to_dict("records")],
            n_faces=len(faces),
            episodes=episodes.nlargest(MAX_EPISODES, "duration").sort_index().to_dict("records"),
            n_episodes=len(episodes),
            has_figure=bool(binned.faces.any()),
            lanes=lanes,
            zero_ms=ZERO_MS,
            figure=script_json(json.dumps(timeline_figure(binned, lanes, episodes.head(0), cuts))),
            fine=script_json(json.dumps(fine_data(binned, lanes, episodes))),
            video=_address(recording.get("beside")),
            config=script_json(json.dumps(config)),
            style=Markup(_text("style.css")),
            scripts=[Markup(script) for script in scripts],
            script_hashes=" ".join(map(csp_hash, scripts)),
            colours=COLOURS,
            models=[_model(card) for card in meta.get("models") or [] if isinstance(card, dict)],
        )
    )


def write_report(folder: Path) -> Path:
    """Render `report.html` of a result folder again from its tables; return its path.

    Raises:
        ResultError: a table or `meta.json` is missing, not ours or damaged, or the folder cannot
            be written to.
    """
    try:
        return save_report(folder)
    except OSError as error:
        path = Path(folder) / REPORT_NAME
        raise ResultError(f"{path}: cannot be written ({error.strerror or error})") from error


def save_report(folder: Path, summaries: tuple[pd.DataFrame, pd.DataFrame] | None = None) -> Path:
    """As `write_report`, but what the disk refuses is an OSError.

    Without people and summary these are made from frames and episodes anew, so that the page agrees
    with itself whoever edited the tables.
    """
    meta, episodes = read_meta(folder), read_table(folder, "episodes")
    people, summary = summaries or summarize(read_frames(folder), episodes)
    pictures = read_thumbnails(folder)
    page = render(read_frames(folder), episodes, people, summary, meta, pictures)
    path = Path(folder) / REPORT_NAME
    temporary = path.with_name(f".{secrets.token_hex(6)}.html")
    try:
        with temporary.open("wb") as file:
            # A file name that is no valid text holds surrogates; they show as question marks.
            file.write(page.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fervid.report", "."),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "timecode": timecode,
        "percent": percent,
        "number": number,
        "bytes": file_size,
    }
    return environment


def timecode(seconds: Any, decimals: int = 0) -> str:
    """Seconds as h:mm:ss, rounded down; a dash when not known."""
    if not _known(seconds):
        return "\N{EN DASH}"
    # A millionth of a second is the resolution of the tables.
    units = math.floor(abs(float(seconds)) * 10**decimals + 1e-6)
    whole, rest = divmod(units, 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    sign = "-" if seconds < 0 and units else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}"


def partial_line(meta: dict[str, Any]) -> str:
    """What `meta.json` says of lost frames in one line; empty if the recording is whole."""
    if meta.get("status") != "partial":
        return ""
    damage = meta.get("damage")
    lost, first_s = (
        (damage.get(key) if isinstance(damage, dict) else None)
        for key in ("lost_frames", "first_bad_s")
    )
    if not lost and not _known(first_s):
        return f"partial: pictures may be damaged{'' if lost == 0 else ' or missing'}"
    frames = "1 frame" if lost == 1 else f"{number(lost)} frames" if lost else "frames"
    first = f", the first at {timecode(first_s)}" if _known(first_s) else ""
    return f"partial: {frames} could not be decoded{first}"


def percent(share: Any) -> str:
    """A share as a percentage with one decimal; a dash when not known."""
    return f"{float(share):.1%}" if _known(share) else "\N{EN DASH}"


def number(value: Any) -> str:
    """A value as a reader likes it: thousands apart, four significant digits, words as they are."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not _known(value):
            return "\N{EN DASH}"
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def file_size(size: Any) -> str:
    """Bytes in a decimal unit."""
    if not _known(size):
        return "\N{EN DASH}"
    value, units = float(size), ["TB", "GB", "MB", "kB", "bytes"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop()
    return f"{value:.3g} {units[-1]}"


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e18 and math.isfinite(value)


def _distribution(everyone: pd.Series[Any]) -> list[dict[str, Any]]:
    whats = ("mean", "sd", "max", "dominant")
    return [
        {"name": name, **{what: float(everyone[f"{name}_{what}"]) for what in whats}}
        for name in EXPRESSIONS
    ]


def _face(row: dict[Any, Any]) -> dict[str, Any]:
    most = max(EXPRESSIONS, key=lambda name: row[f"{name}_dominant"])
    return {**row, "most": most, "most_share": row[f"{most}_dominant"]}


def _picture(one: Thumbnail) -> dict[str, Any]:
    data = base64.b64encode(one.jpeg).decode()
    place = {"face_id": one.face_id, "expression": one.expression, "time_s": one.time_s}
    return {**place, "address": f"data:image/jpeg;base64,{data}"}


def _model(card: dict[str, Any]) -> dict[str, str]:
    """A model card for the page: its headline, its limits, and all of it as text."""
    words = {key: str(card.get(key) or "") for key in ("task", "limits")}
    return {"name": str(card.get("name") or "model"), **words, "text": describe(card)}


def script_json(text: str) -> Markup:
    """JSON that cannot end the script element it stands in."""
    table = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
    return Markup(text.translate(table))


def csp_hash(script: str) -> str:
    """The source expression that lets a page's policy run this one script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _file_stem(name: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem).strip("._")
    return f"{stem or 'recording'}-timeline"


def _address(beside: Any) -> str:
    """The recording's address from the page, empty if it is not known."""
    if not isinstance(beside, str) or not beside:
        return ""
    return quote(beside.encode("utf-8", "surrogateescape"))


def _text(name: str) -> str:
    return resources.files("fervid.report").joinpath(name).read_text(encoding="utf-8")
