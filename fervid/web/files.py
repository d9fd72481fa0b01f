"""The tab for videos and photos: choice of files, options, progress, results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fervid.errors import FervidError
from fervid.settings import Settings
from fervid.settings.choices import EXPRESSION_MODELS, LABELS
from fervid.web import texts
from fervid.web.batch import analyze_all, edit_shown, results_of
from fervid.web.results import address_of
from fervid.web.visits import Visit, Visits
from fervid.web.work import PhotoAnswer, Workshop

Update = dict[Any, Any]

_RATES = [("every frame", 0.0), ("10", 10.0), ("5", 5.0), ("1", 1.0)]
_WEIGHTS = [
    (words, name)
    for words, name in zip(
        ("standard", "larger, five times slower"), EXPRESSION_MODELS, strict=True
    )
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
class _Shown:
    """The components that show files, progress and results."""

    start: gr.Button
    stop: gr.Button
    progress: gr.HTML
    files: gr.HTML
    recording: gr.Column
    report: gr.HTML
    page: gr.DownloadButton
    archive: gr.DownloadButton
    people: gr.UploadButton
    said: gr.HTML
    photo: gr.Column
    picture: gr.Image
    table: gr.DownloadButton
    annotated: gr.DownloadButton
    faces: gr.Dataframe

    @property
    def all(self) -> list[Any]:
        """All components, as outputs of an event."""
        return list(vars(self).values())

    def state(self, visit: Visit, problem: str = "") -> Update:
        """Show what came of each file, and the result that is chosen."""
        return self.result(visit) | {
            self.start: gr.update(visible=bool(visit.uploads) and visit.working is None),
            self.stop: gr.update(visible=visit.working is not None),
            self.progress: texts.progress(visit),
            self.files: texts.files(visit, problem),
        }

    def result(self, visit: Visit) -> Update:
        """Show the result that is chosen."""
        shown = results_of(visit).get(visit.shown or Path())
        if isinstance(shown, PhotoAnswer):
            return self._nothing() | {
                self.photo: gr.update(visible=True),
                self.picture: str(shown.picture),
                self.faces: texts.faces_table(shown.faces),
                self.table: str(shown.table),
                self.annotated: str(shown.picture),
            }
        if shown is None:
            return self._nothing()
        return self._nothing() | {
            self.recording: gr.update(visible=True),
            self.report: texts.framed(address_of(shown.folder, visit), shown.name),
            self.page: str(shown.report),
            self.archive: str(shown.archive),
        }

    def _nothing(self) -> Update:
        """Show no result, so that nothing refers to deleted files."""
        files = self.page, self.archive, self.picture, self.table, self.annotated
        return {
            self.recording: gr.update(visible=False),
            self.report: "",
            self.said: "",
            self.photo: gr.update(visible=False),
            **dict.fromkeys(files),
        }


def files_tab(visits: Visits, workshop: Workshop) -> None:
    """Build the tab and its events."""
    upload = gr.File(label="Videos and photos", file_count="multiple", height=160, elem_id="drop")
    gr.HTML(texts.KEPT)
    options = _options()
    shown = _lay_out()

    def take(request: gr.Request, files: list[dict[str, Any]]) -> Update:
        visit, problem = visits.of(request.session_hash), ""
        for file in files:
            try:
                visit.take(Path(file["path"]))
            except FervidError as error:
                problem = str(error)
        return shown.state(visit, problem) | {upload: None}

    def work(request: gr.Request, *chosen: Any) -> Iterator[Update]:
        visit = visits.of(request.session_hash)
        for changed in analyze_all(visit, workshop, _settings(*chosen)):
            yield shown.state(visit) if changed else {shown.progress: texts.progress(visit)}

    def stop(request: gr.Request) -> Update:
        visit = visits.of(request.session_hash)
        visit.stop()
        return shown.state(visit)

    def act(request: gr.Request, event: gr.EventData) -> Update:
        visit = visits.of(request.session_hash)
        for one in list(visit.uploads):
            if one.parent.name == getattr(event, "remove", None):
                visit.remove(one)
            if one.parent.name == getattr(event, "show", None) and one in results_of(visit):
                visit.shown = one
        return shown.state(visit)

    def edit(request: gr.Request, file: dict[str, Any]) -> Update:
        visit = visits.of(request.session_hash)
        try:
            words = texts.note(edit_shown(visit, Path(file["path"])))
        except FervidError as error:
            return {shown.said: texts.problem(str(error))}
        return shown.state(visit) | {shown.said: words}

    any_number: dict[str, Any] = {
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    # Not preprocessed, because that would leave an empty file for each upload.
    upload.upload(take, upload, [upload, *shown.all], preprocess=False, **any_number)
    shown.start.click(work, options, shown.all, **any_number)
    shown.stop.click(stop, None, shown.all, **any_number)
    shown.files.click(act, None, shown.all, **any_number)
    shown.people.upload(edit, shown.people, shown.all, preprocess=False, **any_number)


def _options() -> list[Any]:
    with gr.Accordion("Options", open=False), gr.Row():
        return [
            gr.Radio(_RATES, value=0.0, label="Frames per second of a video"),
            gr.Radio(_WEIGHTS, value=_WEIGHTS[0][1], label="Model"),
            gr.Radio(_LABELS, value=_LABELS[0][1], label="Labels to imitate"),
            gr.Checkbox(value=True, label="Small pictures of people in the report"),
        ]


def _settings(fps: float, weights: str, labels: Any, thumbnails: bool) -> Settings:
    return Settings(fps=fps or None, weights=weights, labels=labels, thumbnails=thumbnails)


def _lay_out() -> _Shown:
    start = gr.Button("Analyse", variant="primary", visible=False, elem_id="start")
    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
    progress = gr.HTML(elem_id="progress")
    files = gr.HTML(elem_id="files", js_on_load=texts.CLICKS)
    return _Shown(start, stop, progress, files, *_for_recording(), *_for_photo())


def _for_recording() -> tuple[Any, ...]:
    with gr.Column(visible=False) as column:
        report = gr.HTML(elem_id="report")
        with gr.Row():
            files = [
                gr.DownloadButton("Download report (HTML)", variant="primary"),
                gr.DownloadButton("Download all tables and the report (ZIP)", variant="primary"),
                gr.UploadButton("Apply saved changes to people (CSV)", file_types=[".csv"]),
            ]
        said = gr.HTML(elem_id="said")
    return column, report, *files, said


def _for_photo() -> tuple[Any, ...]:
    with gr.Column(visible=False) as column:
        picture = gr.Image(
            label="Faces",
            alt_text="Photo with faces marked",
            interactive=False,
            buttons=["fullscreen"],
            elem_id="picture",
        )
        with gr.Row():
            files = [
                gr.DownloadButton("Download table (CSV)", variant="primary"),
                gr.DownloadButton("Download picture (JPEG)", variant="primary"),
            ]
        faces = gr.Dataframe(label="Faces, from left to right", interactive=False)
    return column, picture, *files, faces
