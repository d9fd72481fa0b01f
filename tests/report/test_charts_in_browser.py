"""Figures in the page, their pictures, and what the page says before it is handed on."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fervid.records import Thumbnail
from fervid.report.people import edit_people
from tests.helpers.browsing import Page, open_address
from tests.helpers.made_talk import made_talk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("talk")
    folder = made_talk(home)
    names = home / "names.csv"
    names.write_text("face_id,name\n2,Ben <b>\n", "utf-8")
    edit_people(folder, names)
    return folder


@pytest.fixture
def page(browser: Any, result: Path) -> Iterator[Page]:
    opened = open_address(browser, (result / "report.html").as_uri())
    yield opened
    assert [line for line in opened.complaints if "ERR_FILE_NOT_FOUND" not in line] == []
    assert {request.split(":")[0] for request in opened.requests} <= {"file", "blob", "data"}
    opened.close()


def show(page: Page, name: str) -> Any:
    place = page.locator(f"[data-charts^={name}]")
    place.scroll_into_view_if_needed()
    place.locator(".main-svg").first.wait_for(timeout=30_000)
    return place


def title(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.querySelector('[data-charts^={name}]').layout.title.text"))


def downloaded(page: Page, button: Any, to: Path) -> Path:
    with page.expect_download(timeout=60_000) as waiting:
        button.click()
    path = to / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_figures_are_drawn_when_they_come_into_view(page: Page) -> None:
    assert page.locator("[data-charts=together] .main-svg").count() == 0
    for name in ("shares", "strip", "transitions", "together"):
        show(page, name)
    rows = page.locator("[data-charts=strip] .yaxislayer-above text").all_text_contents()
    assert rows == ["Ben <b>", "face 1", "face 3", "face 4", "face 5"]
    page.select_option("#measure", "change")
    assert title(page, "shares").startswith("<b>Change from rest, person by person</b>")
    page.select_option("#follows-of", label="face 3")
    assert "Which expression follows which: face 3" in title(page, "transitions")
    page.get_by_label("Name of face 3", exact=True).fill("Carla")
    page.get_by_label("Name of face 3", exact=True).press("Enter")
    assert "Which expression follows which: Carla" in title(page, "transitions")
    rows = page.locator("[data-charts=strip] .yaxislayer-above text").all_text_contents()
    assert rows[2] == "Carla"


def test_every_figure_can_be_saved_as_a_picture(page: Page, tmp_path: Path) -> None:
    show(page, "strip")
    buttons = page.locator("[data-charts=strip] + .buttons button")
    png = downloaded(page, buttons.nth(0), tmp_path)
    assert png.name == "talk-strip.png"
    assert struct.unpack(">I", png.read_bytes()[16:20])[0] == 2 * 1280
    svg = downloaded(page, buttons.nth(1), tmp_path)
    assert svg.name == "talk-strip.svg"
    assert "face 5" in svg.read_text("utf-8")
    whole = downloaded(page, page.locator(".pictures-of button").nth(1), tmp_path)
    assert "What everyone shows" in whole.read_text("utf-8")


def test_what_the_file_contains_is_said_before_it_is_handed_on(
    page: Page, browser: Any, tmp_path: Path
) -> None:
    page.get_by_role("button", name="Share").click()
    said = page.locator("#sharing").inner_text()
    assert "No pictures of faces." in said
    assert "Names: Ben <b>." in said
    assert "What 5 people showed in 0:00:10" in said
    assert not page.locator("#unapplied").is_visible()
    copy = downloaded(page, page.get_by_role("button", name="Save a copy", exact=True), tmp_path)
    again = open_address(browser, copy.as_uri())
    assert again.locator("#editor-table tbody tr").count() == 5
    assert again.locator("#episode-table thead button").count() == 7
    again.get_by_role("button", name="Share").click()
    assert again.complaints == []
    again.close()


def test_a_copy_can_be_saved_without_pictures_of_faces(browser: Any, tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.new("RGB", (96, 96), "gray").save(content, "JPEG")
    pictures = [Thumbnail(1, "happy", 1.0, content.getvalue())]
    folder = made_talk(tmp_path, pictures)
    page = open_address(browser, (folder / "report.html").as_uri())
    copies = {}
    for name in ("Save a copy without pictures of faces", "Save a copy"):
        page.get_by_role("button", name="Share").click()
        assert "1 picture of faces" in page.locator("#sharing").inner_text()
        copies[name] = downloaded(page, page.get_by_role("button", name=name, exact=True), tmp_path)
        copies[name] = copies[name].rename(tmp_path / f"{len(copies)}.html")
    without, with_it = (path.read_text("utf-8") for path in copies.values())
    assert (without.count("data:image/jpeg"), with_it.count("data:image/jpeg")) == (0, 1)
    bare = open_address(browser, copies["Save a copy without pictures of faces"].as_uri())
    assert bare.locator("img").count() == 0
    assert "contains no pictures of people" in bare.locator("footer").inner_text()
    bare.close()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_accessibility(browser: Any, result: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_address(
        browser, (result / "report.html").as_uri(), width=width, color_scheme=scheme
    )
    for name in ("shares", "strip", "transitions", "together"):
        show(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Share").click()
    found = axe.Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    page.get_by_role("button", name="Close").first.click()
    found = axe.Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    page.close()
