"""The tab for videos and photos: upload, progress, results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from plotly.graph_objects import Figure

from fervid.errors import FervidError
from fervid.pipeline import Progress
from fervid.settings import Settings
from fervid.settings.choices import EXPRESSION_MODELS, LABELS
from fervid.timeline import Timeline
from fervid.web import texts
from fervid.web.visits import Visits
from fervid.web.work import Answer, PhotoAnswer, State, StoppedError, Waiting, Workshop

Update = dict[Any, Any]

_GRID = "rgba(125,139,161,0.4)"
_RATES = [("every frame", 0.0), ("10", 10.0), ("5", 5.0), ("1", 1.0)]
_WEIGHTS = [
    (words, name)
    for words, name in zip(("standard", "larger, half as fast"), EXPRESSION_MODELS, strict=True)
]
_LABELS = [
    (words, name)
    for words, name in zip(
        ("a mixture", "one label per face (FER-2013)", "ten people's votes (FER+)"),
        LABELS,
        strict=True,
    )
]


@dataclass(frozen=True)
class _Answers:
    """The components that show results of a recording or photo."""

    status: gr.HTML
    stop: gr.Button
    again: gr.Button
    recording: gr.Column
    figure: gr.Plot
    tables: gr.DownloadButton
    report: gr.DownloadButton
    people: gr.Dataframe
    episodes: gr.Dataframe
    photo: gr.Column
    picture: gr.Image
    table: gr.DownloadButton
    annotated: gr.DownloadButton
    faces: gr.Dataframe

    @property
    def all(self) -> list[Any]:
        """All components, as outputs of an event."""
        return list(vars(self).values())

    def nothing(self, status: str = "", *, stop: bool = False, again: bool = False) -> Update:
        """Show no result, so that nothing refers to deleted files."""
        files = self.figure, self.tables, self.report, self.picture, self.table, self.annotated
        return {
            self.status: status,
            self.stop: gr.update(visible=stop),
            self.again: gr.update(visible=again),
            self.recording: gr.update(visible=False),
            self.photo: gr.update(visible=False),
            **dict.fromkeys(files),
        }

    def state(self, state: State) -> Update:
        """Show the progress or the results."""
        if isinstance(state, Waiting | Progress):
            return {self.status: texts.progress_bar(state)}
        return self._done() | (
            self._answer(state) if isinstance(state, Answer) else self._photo_answer(state)
        )

    def _done(self) -> Update:
        return {self.stop: gr.update(visible=False), self.again: gr.update(visible=True)}

    def _answer(self, answer: Answer) -> Update:
        timeline = answer.timeline
        return {
            self.status: texts.outcome(timeline),
            self.recording: gr.update(visible=True),
            self.figure: _on_page(timeline),
            self.people: texts.people_table(timeline.people),
            self.episodes: texts.episodes_table(timeline.episodes),
            self.tables: str(answer.tables),
            self.report: str(answer.report),
        }

    def _photo_answer(self, answer: PhotoAnswer) -> Update:
        return {
            self.status: texts.photo_outcome(answer.name, len(answer.faces)),
            self.photo: gr.update(visible=True),
            self.picture: str(answer.picture),
            self.faces: texts.faces_table(answer.faces),
            self.table: str(answer.table),
            self.annotated: str(answer.picture),
        }


def _on_page(timeline: Timeline) -> Figure:
    """The report's figure in colours for light and dark pages; `style.css` handles text."""
    figure = timeline.figure()
    figure.update_layout(paper_bgcolor="rgba(0,0,0,0)", font_family="system-ui, sans-serif")
    figure.update_yaxes(gridcolor=_GRID, zerolinecolor=_GRID)
    return figure


def files_tab(visits: Visits, workshop: Workshop) -> None:
    """Build the tab and its events."""
    with gr.Accordion("Options", open=False):
        options = [
            gr.Radio(_RATES, value=0.0, label="Frames per second of a video"),
            gr.Radio(_WEIGHTS, value=_WEIGHTS[0][1], label="Model"),
            gr.Radio(_LABELS, value=_LABELS[0][1], label="Labels to imitate"),
        ]
    upload = gr.File(label="Video or photo", height=160)
    gr.HTML(texts.KEPT)
    again = gr.Button("Analyse again", visible=False)
    shown = _lay_out(again)

    def take(request: gr.Request, file: dict[str, Any]) -> Update:
        try:
            visits.of(request.session_hash).take(Path(file["path"]))
        except FervidError as error:
            return shown.nothing(texts.problem(str(error)))
        return shown.nothing(stop=True)

    def work(request: gr.Request, fps: float, weights: str, labels: Any) -> Iterator[Update]:
        visit = visits.of(request.session_hash)
        upload = visit.upload
        settings = Settings(fps=fps or None, weights=weights, labels=labels)
        yield shown.nothing(stop=True)
        try:
            for state in workshop.work(visit, settings):
                yield shown.state(state)
        except StoppedError:
            if visit.upload == upload:  # otherwise it was removed or replaced in the meantime
                yield shown.nothing(texts.note("Stopped."), again=True)
        except FervidError as error:
            yield shown.nothing(texts.problem(str(error)))

    def forget(request: gr.Request) -> Update:
        visits.of(request.session_hash).forget()
        return shown.nothing()

    def stop(request: gr.Request) -> None:
        visits.of(request.session_hash).stop()

    any_number: dict[str, Any] = {
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    # Not preprocessed, because that would leave an empty file for each upload.
    taken = upload.upload(take, upload, shown.all, preprocess=False, **any_number)
    taken.then(work, options, shown.all, **any_number)
    again.click(work, options, shown.all, **any_number)
    upload.clear(forget, None, shown.all, **any_number)
    shown.stop.click(stop, None, None, **any_number)


def _lay_out(again: gr.Button) -> _Answers:
    status = gr.HTML(elem_id="status")
    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
    return _Answers(status, stop, again, *_for_recording(), *_for_photo())


def _for_recording() -> tuple[Any, ...]:
    with gr.Column(visible=False) as column:
        figure = gr.Plot(label="Timeline", show_label=False, elem_id="figure")
        files = _downloads("Download tables (CSV, zipped)", "Download report (HTML)")
        people = gr.Dataframe(label="People: share of time in episodes", interactive=False)
        episodes = gr.Dataframe(label="Episodes", interactive=False, max_height=400)
    return column, figure, *files, people, episodes


def _for_photo() -> tuple[Any, ...]:
    with gr.Column(visible=False) as column:
        picture = gr.Image(
            label="Faces",
            alt_text="Photo with faces marked",
            interactive=False,
            buttons=["fullscreen"],
            elem_id="picture",
        )
        files = _downloads("Download table (CSV)", "Download picture (JPEG)")
        faces = gr.Dataframe(label="Faces, from left to right", interactive=False)
    return column, picture, *files, faces


def _downloads(*labels: str) -> list[gr.DownloadButton]:
    with gr.Row():
        return [gr.DownloadButton(label, variant="primary") for label in labels]
