"""Renders the report page: texts, tables and figure."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from markupsafe import Markup

from fervid.errors import ResultError
from fervid.models.cards import describe
from fervid.records import EXPRESSIONS, Thumbnail
from fervid.report.binning import Binned, bin_frames
from fervid.report.boxes import TICKS_A_SECOND, BoxPoints, sizes_of
from fervid.report.charts import CHARTS, chart
from fervid.report.figures import (
    COLOURS,
    CONFIG,
    cuts_of,
    fine_data,
    lanes_of,
    timeline_figure,
    typed,
)
from fervid.report.html import asset, csp_hash, environment, partial_line, save, script_json
from fervid.report.layout import ZERO_MS
from fervid.report.people_editor import listed_people, people_file
from fervid.results.files import (
    BLURRED,
    REPORT_NAME,
    missing_from,
    read_frames,
    read_meta,
    read_table,
    read_thumbnails,
)
from fervid.results.folder_names import RESULT_SUFFIX
from fervid.results.people_edits import names_of, unnamed
from fervid.results.summaries import summarize

_SCRIPTS = (
    *("vendor/plotly-basic.min", "theme", "tables", "edited_people", "refine", "overlay", "keys"),
    *("charts", "sharing", "episodes", "playback", "people", "page"),
)

MAX_FACES = 20
"""Most rows in the table of faces."""

MAX_EPISODES = 100
"""Most rows in the table of episodes without JavaScript; with it, all can be shown."""


def render(
    frames: Iterable[pd.DataFrame],
    episodes: pd.DataFrame,
    people: pd.DataFrame,
    summary: pd.DataFrame,
    meta: dict[str, Any],
    thumbnails: Sequence[Thumbnail] = (),
    *,
    video: str | None = None,
    faces_shown: bool = True,
) -> str:
    """The report as one HTML page that loads nothing from the network.

    Args:
        frames: consecutive pieces of the frame table; read once, in constant memory.
        episodes, people, summary: these tables.
        meta: contents of `meta.json`; missing values are left out of the page.
        thumbnails: pictures of people, by face_id.
        video: address, relative to the page, of the video that the player shows; None: the
            recording.
        faces_shown: whether the page may show faces; if not, it has no pictures of people and plays
            only `video`.
    """
    faces = people.sort_values("faces", ascending=False, kind="stable")
    names = names_of(people)
    lanes, cuts = {lane: names[lane] for lane in lanes_of(people)}, cuts_of(meta)
    recording = meta.get("recording") or {}
    boxes = BoxPoints([*lanes], sizes_of(recording))
    binned = bin_frames(boxes.watch(frames), lanes=[*lanes])
    name = str(recording.get("name") or "recording")
    episodes = episodes.assign(who=[names.get(face, unnamed(face)) for face in episodes["face_id"]])
    config = {**CONFIG, "toImageButtonOptions": {"filename": _file_stem(name), "scale": 2}}
    scripts = [asset(f"{name}.js") for name in _SCRIPTS]
    shown = thumbnails if faces_shown else ()
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            name=name,
            recording=recording,
            meta=meta,
            partial=partial_line(meta),
            warnings=[*(meta.get("warnings") or []), *missing_from(meta)],
            duration_s=recording.get("duration_s") or float(binned.edges[-1]),
            faces_shown=faces_shown,
            thumbnails=[_picture(one, names) for one in shown if one.face_id in lanes],
            everyone=summary.iloc[0].to_dict(),
            distribution=_distribution(summary.iloc[0]),
            faces=[_face(row, names) for row in faces.head(MAX_FACES).to_dict("records")],
            n_faces=len(faces),
            episodes=episodes.nlargest(MAX_EPISODES, "duration").sort_index().to_dict("records"),
            n_episodes=len(episodes),
            has_figure=bool(binned.faces.any()),
            lanes=lanes,
            zero_ms=ZERO_MS,
            figure=script_json(json.dumps(timeline_figure(binned, lanes, episodes.head(0), cuts))),
            fine=script_json(json.dumps(fine_data(binned, lanes, episodes))),
            moments=script_json(
                json.dumps(_moments(lanes, episodes, boxes, listed_people(people, meta)))
            ),
            given_names=[one for face, one in names.items() if one != unnamed(face)],
            people_file=people_file(name),
            command=f"fervid report {shlex.quote(name + RESULT_SUFFIX)} --people "
            f"{shlex.quote(people_file(name))}",
            charts=_charts(binned, lanes, episodes, bool(meta.get("resting_faces"))),
            export=f"fervid export {shlex.quote(name + RESULT_SUFFIX)} --to video",
            video=_address(recording.get("beside") if video is None else video),
            config=script_json(json.dumps(config)),
            style=Markup(asset("style.css")),
            scripts=[Markup(script) for script in scripts],
            script_hashes=" ".join(map(csp_hash, scripts)),
            colours=COLOURS,
            compared=bool(meta.get("resting_faces")),
            models=[_model(card) for card in meta.get("models") or [] if isinstance(card, dict)],
        )
    )


def write_report(folder: Path, *, faces_shown: bool = True) -> Path:
    """Rebuild `report.html` of a result folder from its tables; return its path.

    Args:
        folder: the result folder.
        faces_shown: if False, the page has no pictures of people, and the player shows a blurred
            export in the folder, or nothing.

    Raises:
        ResultError: a table or `meta.json` is missing, damaged or not written by fervid, or the
            folder is not writable.
    """
    try:
        return save_report(folder, faces_shown=faces_shown)
    except OSError as error:
        path = Path(folder) / REPORT_NAME
        raise ResultError(f"{path}: cannot be written ({error.strerror or error})") from error


def save_report(
    folder: Path,
    summaries: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    *,
    faces_shown: bool = True,
) -> Path:
    """Like `write_report`, but disk errors are OSErrors.

    If `summaries` is None, people and summary are computed from frames and episodes, so that the
    page is consistent even if tables were edited.
    """
    meta, episodes = read_meta(folder), read_table(folder, "episodes")
    resting = meta.get("resting_faces") or ()
    people, summary = summaries or summarize(read_frames(folder), episodes, resting=resting)
    if "name" not in people and "name" in (stored := read_table(folder, "people")):
        people = _named_as(people, stored)
    pictures, video = read_thumbnails(folder), None
    if not faces_shown:
        video = next((path.name for path in sorted(Path(folder).glob(f"*{BLURRED}"))), "")
    page = render(
        *(read_frames(folder), episodes, people, summary, meta, pictures),
        video=video,
        faces_shown=faces_shown,
    )
    path = Path(folder) / REPORT_NAME
    save(path, page)
    return path


def _named_as(people: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The table of people with the names and in the order of the one in the folder."""
    order = stored[["face_id", "found_as", "name"]]
    return order.merge(people, on="face_id", how="inner")


def _moments(
    lanes: Mapping[int, str],
    episodes: pd.DataFrame,
    boxes: BoxPoints,
    people: list[dict[str, Any]],
) -> dict[str, Any]:
    """Data for showing a moment: people, their boxes and all episodes; times in ticks."""
    shown = pd.Categorical(episodes["expression"], categories=list(EXPRESSIONS)).codes
    ticks = {
        name: typed(np.round(episodes[name].to_numpy() * TICKS_A_SECOND).astype(np.uint32))
        for name in ("onset", "offset", "peak_time")
    }
    packed = zip(lanes, boxes.packed(), strict=True)
    return {
        "expressions": list(EXPRESSIONS),
        "people": people,
        "episodes": {
            **ticks,
            "peak": typed(np.round(episodes["peak"].to_numpy() * 1000).astype(np.uint16)),
            "who": typed(episodes["face_id"].to_numpy().astype(np.uint32)),
            "expression": typed(shown.astype(np.uint8)),
        },
        "boxes": [{"id": face_id, **points} for face_id, points in packed],
    }


def _charts(
    binned: Binned, lanes: Mapping[int, str], episodes: pd.DataFrame, compared: bool
) -> dict[str, Markup]:
    """The smaller figures, each as JSON: a list of its versions."""
    wanted = [name for name in CHARTS if compared or name not in ("intensity", "change")]
    wanted = [name for name in wanted if name != "together" or len(lanes) > 1]
    versions = {name: [None, *lanes] if name == "transitions" else [None] for name in wanted}
    return {
        name: script_json(
            json.dumps([chart(name, binned, lanes, episodes, one) for one in versions[name]])
        )
        for name in wanted
        if lanes
    }


def _distribution(everyone: pd.Series[Any]) -> list[dict[str, Any]]:
    whats = ("mean", "sd", "max", "dominant")
    return [
        {"name": name, **{what: float(everyone[f"{name}_{what}"]) for what in whats}}
        for name in EXPRESSIONS
    ]


def _face(row: dict[Any, Any], names: Mapping[int, str]) -> dict[str, Any]:
    most = max(reversed(EXPRESSIONS), key=lambda name: row[f"{name}_dominant"])
    return {
        **row,
        "name": names[row["face_id"]],
        "most": most,
        "most_share": row[f"{most}_dominant"],
    }


def _picture(one: Thumbnail, names: Mapping[int, str]) -> dict[str, Any]:
    place = {
        "face_id": one.face_id,
        "name": names[one.face_id],
        "expression": one.expression,
        "time_s": one.time_s,
    }
    return {**place, "address": _jpeg(one.jpeg), "maps": one.maps and _jpeg(one.maps)}


def _jpeg(content: bytes) -> str:
    """A picture as a data address inside the page."""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _model(card: dict[str, Any]) -> dict[str, str]:
    """A model card for the page: its headline, its limits, and the whole card as text."""
    words = {key: str(card.get(key) or "") for key in ("task", "limits")}
    return {"name": str(card.get("name") or "model"), **words, "text": describe(card)}


def _file_stem(name: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem).strip("._")
    return f"{stem or 'recording'}-timeline"


def _address(beside: Any) -> str:
    """The recording's address relative to the page; empty if unknown."""
    if not isinstance(beside, str) or not beside:
        return ""
    return quote(beside.encode("utf-8", "surrogateescape"))
