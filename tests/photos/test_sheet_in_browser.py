"""The contact sheet in a browser: a photo shown large, and the way to the next ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fervid.photos.api import analyze_photos
from tests.helpers.browsing import Page, open_address

PORTRAIT = Path(__file__).parents[2] / "sample_media" / "portrait.jpg"


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Page:
    for name in ("a.jpg", "b & c.jpg", "d.jpg"):
        shutil.copy(PORTRAIT, tmp_path / name)
    photos = [tmp_path / name for name in ("a.jpg", "b & c.jpg", "d.jpg")]
    analyze_photos(photos, out=tmp_path / "out")
    (sheet,) = (tmp_path / "out").rglob("report.html")
    return open_address(browser, sheet.as_uri())


def test_a_photo_is_shown_large_with_its_name_and_faces(page: Page) -> None:
    page.locator("#cards > li a").first.click()
    assert page.locator("#viewer").evaluate("dialog => dialog.open")
    assert page.locator("#viewed").inner_text() == "a.jpg"
    assert page.locator("#seen li").count() == 1
    assert page.locator("#place").inner_text() == "1 of 3"
    assert page.locator("#large").evaluate("image => image.complete && image.naturalWidth > 0")
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewed").inner_text() == "b & c.jpg"
    page.get_by_role("button", name="Previous").click()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#viewed").inner_text() == "d.jpg"
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").evaluate("dialog => dialog.open")
    assert page.complaints == []


def test_it_goes_through_the_photos_that_are_shown(page: Page) -> None:
    page.locator("#words").fill("jpg b")
    page.locator("#cards > li:not([hidden]) a").first.click()
    assert page.locator("#place").inner_text() == "1 of 1"
    assert page.get_by_role("button", name="Next").is_disabled()


pytestmark = pytest.mark.slow


def test_the_contact_sheet_in_a_browser(browser: Any, result: Path) -> None:
    page = open_address(browser, (result / "report.html").as_uri())
    assert page.complaints == []
    assert all(address.startswith("file:") for address in page.requests)
    cards = page.locator("#cards > li")
    assert cards.count() == 7
    cards.nth(6).scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")
    widths = page.evaluate("[...document.images].map((one) => one.naturalWidth)")
    assert len(widths) == 5
    assert all(widths)
    page.select_option("#state", "happy")
    assert page.locator("#cards > li:visible").count() == 5
    page.select_option("#state", "none")
    assert page.locator("#cards > li:visible").count() == 2
    page.select_option("#state", "")
    page.fill("#words", "trip TWO")
    assert page.locator("#cards > li:visible h3").all_text_contents() == ["trip/two.jpg"]
    assert page.text_content("#shown") == "1 of 7 photos on this page"
    page.fill("#words", "nowhere")
    assert page.is_visible("#nothing")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_contact_sheet_is_accessible(
    browser: Any, result: Path, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    address = (result / "report.html").as_uri()
    page = open_address(browser, address, width=width, color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:80]) for one in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_accessibility(browser: Any, result: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    address = (result / "report.html").as_uri()
    page = open_address(browser, address, width=width, color_scheme=scheme)
    found = axe.Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
