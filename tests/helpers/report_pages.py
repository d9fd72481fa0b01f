"""A report in a browser, as its tests open and read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fervid.results.writer import read_table
from tests.helpers.browsing import Page, open_address

CLIP = "two_speakers.mp4"


def angry_face(result: Path) -> int:
    """Who is angry at 11.5 s, while the other one has turned away."""
    episodes = read_table(result, "episodes")
    at = (episodes["onset"] <= 11.5) & (episodes["offset"] > 11.5)
    return int(episodes.loc[at & (episodes["expression"] == "angry"), "face_id"].item())


def open_page(browser: Any, result: Path, tail: str = "", **options: Any) -> Page:
    return open_address(browser, (result / "report.html").as_uri() + tail, **options)


def until(page: Page, expression: str) -> None:
    """Wait until it is true; the page's own policy forbids Playwright's way to do that."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def until_loaded(page: Page) -> None:
    until(page, "document.getElementById('recording').readyState > 0")


def video_time(page: Page) -> float:
    until(page, "!document.getElementById('recording').seeking")
    return float(page.evaluate("document.getElementById('recording').currentTime"))


def now(page: Page) -> str:
    return str(page.text_content("#now"))


def said(page: Page) -> str:
    return str(page.locator("#beside .absent").inner_text())
