"""How the report looks in a real browser: widths, colours, what is hidden, and long recordings."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fervid.records import Expressions, FrameBatch
from fervid.report.maker import ReportMaker
from fervid.results.rows import frame_table
from fervid.results.writer import ResultWriter, read_table
from tests.helpers.known_faces import faces_at, rows_of, settled, tracked
from tests.helpers.report_pages import open_page, until, until_loaded

pytestmark = pytest.mark.slow


def test_the_player_stays_in_sight_beside_the_tables(browser: Any, result: Path) -> None:
    for width in (1400, 800, 390):
        page = open_page(browser, result, width=width)
        until_loaded(page)
        page.locator("#episodes").scroll_into_view_if_needed()
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(200)
        stage = page.locator("#stage").bounding_box()
        assert 0 <= stage["y"] < 500
        assert stage["width"] / stage["height"] == pytest.approx(640 / 360, rel=0.02)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


def test_the_figure_follows_the_width_of_the_window(browser: Any, result: Path) -> None:
    page = open_page(browser, result)
    sizes = """() => ['#timeline', '#timeline .main-svg'].map((name) => {
      const box = document.querySelector(name).getBoundingClientRect();
      return [Math.round(box.width), Math.round(box.height)];
    })"""
    (_, height), before = page.evaluate(sizes)
    labels = page.locator("#timeline .annotation").count()
    for width in (1000, 390, 800, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"({sizes})().every(([width], _, both) => width == both[0][0])")
        box, drawn = page.evaluate(sizes)
        assert box == drawn
        assert drawn[1] == height
    assert drawn == before
    assert page.locator("#timeline .annotation").count() == labels
    assert page.complaints == []


@pytest.mark.parametrize("scripts", [True, False])
def test_maps_of_what_the_model_reacts_to_are_shown_on_demand(
    browser: Any, result: Path, scripts: bool
) -> None:
    page = browser.new_page(java_script_enabled=scripts)
    page.goto((result / "report.html").as_uri())
    toggle, maps = page.locator(".reacts summary"), page.locator(".maps img")
    pictures = page.locator(".pictures li")
    assert maps.count() == pictures.count() >= 5
    assert not any(maps.nth(k).is_visible() for k in range(maps.count()))
    toggle.focus()
    page.keyboard.press("Enter")
    assert all(maps.nth(k).is_visible() for k in range(maps.count()))
    size = maps.first.evaluate("(image) => [image.naturalWidth, image.naturalHeight]")
    assert size == [200, 96]
    toggle.click()
    assert not maps.first.is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_accessibility(browser: Any, result: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(browser, result, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1000})
    page.get_by_text("What the model reacts to", exact=True).click()
    page.wait_for_timeout(300)
    found = axe.Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    page.close()


@pytest.fixture(scope="module")
def two_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of two people who change their expressions every few seconds for two hours."""
    count, people = 7200 * 5, 2
    index = np.arange(count)
    batch = FrameBatch(np.zeros((count, 1, 1), np.uint8), index, index / 5)
    frames = np.repeat(index, people)
    shown = (frames // 17 + np.tile([0, 3], count)) % 7
    probs = 0.02 + 0.86 * np.eye(7, dtype=np.float32)[shown]
    found = faces_at(frames.tolist(), np.ones((len(frames), 4)))
    ids = np.tile([1, 2], count).tolist()
    rows, episodes = settled(
        rows_of(batch, tracked(found, ids), Expressions.of_free_faces(probs)), frame_s=0.2
    )
    folder = tmp_path_factory.mktemp("long") / "long.mp4.fervid"
    with ResultWriter(folder, report=ReportMaker()) as writer:
        writer.append(frame_table(rows))
        writer.finish(episodes, {"recording": {"name": "long.mp4"}, "warnings": []})
    return folder


def test_two_hours_make_a_small_page_that_is_soon_ready(browser: Any, two_hours: Path) -> None:
    assert len(read_table(two_hours, "episodes")) > 4000
    assert (two_hours / "report.html").stat().st_size <= 4_000_000
    begun = time.perf_counter()
    page = open_page(browser, two_hours)
    assert time.perf_counter() - begun < 10  # 3 s where nothing else runs
    assert page.complaints == []
    for _ in range(12):
        page.evaluate("document.querySelector('[data-title=\"Zoom in\"]').click()")
    page.wait_for_timeout(300)
    points = page.evaluate("document.getElementById('timeline').data[0].x.length")
    assert 4 <= points < 200
    page.close()
