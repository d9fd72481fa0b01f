"""The result of an analysis in Python: tables, figures, the report."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd

from fervid.errors import SetupError
from fervid.results.files import read_frames, read_meta, read_table, read_thumbnails
from fervid.results.people_edits import names_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from fervid.report.charts import Chart

FIGURE_FILES = (".svg", ".png", ".pdf", ".html")
"""Kinds of files that a figure can be written as."""


@dataclass(frozen=True)
class Timeline:
    """The tables and metadata of one analysed recording; a notebook shows it as its report.

    Attributes:
        frames: one row for each face in each sampled frame; columns are in
            `fervid.results.codebook.FRAMES`.
        episodes: one row for each episode, a stretch of one expression; columns are in
            `fervid.results.codebook.EPISODES`.
        people: one row for each person; columns are in `fervid.results.codebook.PEOPLE`.
        summary: one row for the recording; columns are in `fervid.results.codebook.SUMMARY`.
        meta: the contents of `meta.json`: recording, settings, model cards, warnings and more.
        folder: the result folder, if there is one.
    """

    frames: pd.DataFrame
    episodes: pd.DataFrame
    people: pd.DataFrame
    summary: pd.DataFrame
    meta: dict[str, Any]
    folder: Path | None = None

    def __repr__(self) -> str:
        """A short summary, as the tables are long."""
        about, found = self.meta.get("recording") or {}, self.meta.get("detection") or {}
        counts = f"{len(self.people)} people, {len(self.episodes)} episodes"
        frames = f"{found.get('frames', 0)} frames, {found.get('frames_with_face', 0)} with a face"
        return f"<Timeline of {about.get('name')!r}: {frames}, {counts}>"

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read a result folder, `RECORDING.fervid`.

        Raises:
            ResultError: a table or `meta.json` is missing, damaged or not written by fervid.
        """
        folder = Path(folder)
        frames = pd.concat(list(read_frames(folder)), ignore_index=True)
        episodes, people, summary = (
            read_table(folder, name) for name in ("episodes", "people", "summary")
        )
        return cls(frames, episodes, people, summary, read_meta(folder), folder)

    def figure(self, face_id: int | None = None) -> Figure:
        """The report's figure, for everyone or for one person.

        Raises:
            ValueError: nobody has this face id.
        """
        from plotly.graph_objects import Figure

        from fervid.report.binning import bin_frames
        from fervid.report.figures import cuts_of, lanes_of, timeline_figure

        frames, people, names = self.frames, self.people, names_of(self.people)
        if face_id is not None:
            people = people[people["face_id"] == face_id]
            if not len(people):
                raise ValueError(
                    f"there is no face {face_id}; face ids are {[*self.people['face_id']]}"
                )
            frames = frames[frames["face_id"].eq(face_id).fillna(False)]
        lanes = {lane: names[lane] for lane in lanes_of(people)}
        binned = bin_frames([frames], lanes=[*lanes])
        of = "everyone" if face_id is None else names[face_id]
        return Figure(timeline_figure(binned, lanes, self.episodes, cuts_of(self.meta), of))

    def chart(self, name: Chart, face_id: int | None = None) -> Figure:
        """One of the smaller figures of the report.

        Args:
            name: "shares", "intensity" or "change", with one row per person; "transitions", which
                expression follows which; "together", which two people show the same expression at
                the same time; "strip", the whole recording, for a slide.
            face_id: person whose transitions are shown; None: everyone.

        Raises:
            ValueError: there is no such figure or person.
        """
        from plotly.graph_objects import Figure

        from fervid.report.binning import bin_frames
        from fervid.report.charts import CHARTS, chart
        from fervid.report.figures import lanes_of

        names = names_of(self.people)
        if name not in CHARTS:
            raise ValueError(f"there is no figure {name!r}, only {', '.join(CHARTS)}")
        if face_id is not None and face_id not in names:
            raise ValueError(f"there is no face {face_id}, only {[*names]}")
        lanes = {lane: names[lane] for lane in lanes_of(self.people)}
        if face_id is not None:
            lanes |= {face_id: names[face_id]}
        binned = bin_frames([self.frames], lanes=[*lanes])
        return Figure(chart(name, binned, lanes, self.episodes, face_id))

    def save_figure(
        self,
        path: str | Path,
        name: Chart | Literal["timeline"] = "timeline",
        *,
        face_id: int | None = None,
        width: int = 1280,
    ) -> Path:
        """Write a figure of the report as a file; return its path.

        Args:
            path: ends in .svg, .png, .pdf or .html; an HTML page loads nothing from the network.
            name: "timeline" or a figure of `chart`.
            face_id: person to show; None: everyone.
            width: width in pixels, as on a screen; a PNG file has twice as many.

        Raises:
            SetupError: .svg, .png and .pdf need the package kaleido and a Chrome for it.
            ValueError: there is no such figure or person, or no such kind of file.
        """
        path = Path(path)
        if path.suffix not in FIGURE_FILES:
            raise ValueError(f"{path.name}: must end in {', '.join(FIGURE_FILES)}")
        figure = self.figure(face_id) if name == "timeline" else self.chart(name, face_id)
        if path.suffix == ".html":
            figure.write_html(path, include_plotlyjs=True)
            return path
        if name == "timeline":
            figure.update_layout(xaxis2_rangeslider_visible=False)
        try:
            figure.write_image(path, width=width, scale=2)
        except (ValueError, ImportError, RuntimeError) as error:
            need = "pictures of figures need the package kaleido and a Chrome or Chromium browser"
            hint = "pip install 'fervid[figures]', or use the buttons SVG and PNG of the report"
            raise SetupError(f"{path.name}: {need}: {hint}") from error
        return path

    def to_html(self, path: str | Path | None = None) -> str:
        """Render the report as one HTML page that loads nothing from the network.

        Args:
            path: file to write the page to as well.
        """
        from fervid.report import render

        tables = self.episodes, self.people, self.summary
        pictures = read_thumbnails(self.folder) if self.folder else []
        page = render([self.frames], *tables, self.meta, pictures)
        if path is not None:
            Path(path).write_bytes(page.encode("utf-8", "replace"))
        return page

    def _repr_html_(self) -> str:
        """The report in its own frame, so that its styles and scripts stay there."""
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:56rem;border:0"></iframe>'
