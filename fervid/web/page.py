"""The page: its contents and events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from fervid.web import texts
from fervid.web.files import files_tab
from fervid.web.visits import Visits
from fervid.web.webcam import webcam_tab
from fervid.web.work import Workshop

ICON = Path(__file__).with_name("icon.png")
STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


class _Page(gr.Blocks):
    """Refuses values that its own controls never send, without a traceback on the terminal."""

    async def preprocess_data(self, *args: Any, **options: Any) -> Any:
        """The values of a request, in the form that the page's functions take."""
        try:
            return await super().preprocess_data(*args, **options)
        except Exception as error:
            raise gr.Error("this page never sends such values", print_exception=False) from error


def build(visits: Visits, workshop: Workshop) -> gr.Blocks:
    """Build the page for these visits; the workshop does the analyses."""

    def leave(request: gr.Request) -> None:
        visits.leave(request.session_hash)
        # Gradio keeps what was sent last, such as a frame of a camera, for another hour.
        page.state_holder.session_data.pop(request.session_hash or "", None)

    page = _Page(title="fervid", analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(texts.TITLE, elem_id="title")
        with gr.Tabs():
            with gr.Tab("Videos and photos"):
                files_tab(visits, workshop)
            with gr.Tab("Webcam") as camera:
                webcam_tab(camera)
        gr.HTML(texts.NOTICE, elem_id="notice")
        page.unload(leave)
    return page


def theme() -> gr.themes.Base:
    """Colours and fonts; the fonts are the system's."""
    soft = gr.themes.Soft(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    # A shade darker than Gradio's, which is hard to read on white and beside white.
    return soft.set(
        background_fill_primary="*neutral_50",  # unchanged; `set` would reset it
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_background_fill_selected_dark="*primary_700",
        block_label_text_color="*primary_700",
        block_title_text_color="*primary_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
    )
