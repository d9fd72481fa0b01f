"""The index of many results as its reader uses it, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fervid.records import EXPRESSIONS
from fervid.report.groups import Metadata
from fervid.report.index import render_index, write_index
from fervid.report.overview import Overview
from fervid.report.recordings import Recording
from fervid.results.codebook import SUMMARY_COLUMNS
from tests.helpers.browsing import Page, open_address
from tests.helpers.index_pages import rated
from tests.helpers.made_results import made_result

pytestmark = pytest.mark.slow

ROWS = "#rows tbody tr:visible"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    (folder / "day #1?").mkdir()
    shown = (("b", 20.0, "happy"), ("day #1?/c%20", 5.0, "sad"), ("a", 9.0, "fear"))
    for name, lasts, what in shown:
        about = {"name": f"{Path(name).name}.mp4", "duration_s": lasts}
        episodes = [(1, what, 0.0, 0.1)]
        made_result(folder / f"{name}.mp4.fervid", episodes=episodes, recording=about)
    groups = folder / "groups.csv"
    groups.write_text("recording,side\na.mp4,left\nb.mp4,left\nc%20.mp4,right\n", "utf-8")
    write_index(folder, groups)
    return folder


@pytest.fixture
def page(browser: Any, results: Path) -> Iterator[Page]:
    opened = open_address(browser, (results / "index.html").as_uri())
    yield opened
    assert opened.complaints == []
    opened.close()


def names(page: Page) -> list[str]:
    return [text.split()[0] for text in page.locator(f"{ROWS} th").all_inner_texts()]


def test_it_asks_for_nothing(page: Page, results: Path) -> None:
    page.wait_for_timeout(200)
    assert page.requests == [(results / "index.html").as_uri()]


def test_headings_sort(page: Page) -> None:
    assert names(page) == ["a.mp4", "b.mp4", "c%20.mp4"]
    heading = page.get_by_role("button", name="Length")
    heading.click()
    assert names(page) == ["c%20.mp4", "a.mp4", "b.mp4"]
    heading.press("Enter")
    assert names(page) == ["b.mp4", "a.mp4", "c%20.mp4"]
    assert page.get_by_role("button", name="Valence over time").count() == 0


def test_what_is_not_known_comes_last_in_either_order(browser: Any, tmp_path: Path) -> None:
    recordings = [Recording("x.mp4", "x.mp4"), rated(0.7), rated(0.2)]
    (tmp_path / "index.html").write_text(render_index(recordings), "utf-8")
    page = open_address(browser, (tmp_path / "index.html").as_uri())
    heading = page.get_by_role("button", name="Valence")
    cells = page.locator("#rows tbody tr td:nth-child(8)")
    heading.click()
    assert cells.all_inner_texts() == ["+0.20", "+0.70", "\N{EN DASH}"]
    heading.click()
    assert cells.all_inner_texts() == ["+0.70", "+0.20", "\N{EN DASH}"]
    page.close()


def test_words_status_and_group_filter_and_totals_follow(page: Page) -> None:
    totals = page.locator("#totals")
    assert totals.text_content().startswith("3 recordings, 0:00:34 long, 3 frames, 100.0%")
    page.get_by_label("Show").fill("LEFT b.mp4")
    assert names(page) == ["b.mp4"]
    assert totals.text_content().startswith("1 of 3 recordings, 0:00:20 long, 1 frames")
    page.get_by_label("Show").fill("")
    page.get_by_label("and side").select_option("right")
    assert names(page) == ["c%20.mp4"]
    page.get_by_label("and side").select_option("any")
    page.get_by_label("with status").select_option("ok")
    assert len(names(page)) == 3
    page.get_by_label("Show").fill("nowhere")
    assert page.get_by_text("No recordings match").is_visible()


def test_a_name_leads_to_the_report(page: Page) -> None:
    page.get_by_role("link", name="c%20.mp4").click()
    page.wait_for_selector("html.ready")
    assert page.locator("h1").text_content() == "c%20.mp4"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_accessibility(browser: Any, results: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    address = (results / "index.html").as_uri()
    page = open_address(browser, address, width=width, color_scheme=scheme)
    found = axe.Axe().run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def thousand() -> str:
    """The page of 1,000 recordings with pictures of sixty steps."""
    rng = np.random.default_rng(0)
    recordings = []
    for k in range(1000):
        valence = np.where(rng.random(60) < 0.1, np.nan, rng.uniform(-0.9, 0.9, 60))
        summary = {name: int(rng.integers(1, 9999)) for name in SUMMARY_COLUMNS}
        summary |= {f"{name}_{what}": 0.14 for name in EXPRESSIONS for what in ("mean", "dominant")}
        summary |= {"recording": f"{k}.mp4", "detection_rate": 0.9, "valence_mean": 0.1}
        overview = Overview(np.linspace(0, 3600, 61), valence)
        path = f"participant {k % 40}/session {k % 3}/recording-{k}.mp4.fervid"
        name = f"recording-{k}.mp4"
        recordings.append(
            Recording(path, name, summary=summary, duration_s=3600.0, overview=overview)
        )
    metadata = Metadata(("condition",), "condition", ())
    return render_index(recordings, [], metadata, [(f"condition {k % 5}",) for k in range(1000)])


def test_a_thousand_recordings_stay_quick(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(thousand(), "utf-8")
    assert (tmp_path / "index.html").stat().st_size < 5_000_000
    begun = time.perf_counter()
    page = open_address(browser, (tmp_path / "index.html").as_uri())
    assert time.perf_counter() - begun < 5  # under 1 s where nothing else runs
    begun = time.perf_counter()
    page.get_by_label("Show").fill("recording-77")
    assert page.locator(ROWS).count() == 11
    assert time.perf_counter() - begun < 3
    begun = time.perf_counter()
    page.get_by_label("Show").fill("")
    page.get_by_role("button", name="Episodes").click()
    first, last = (page.locator("#rows tbody tr td:last-child").nth(k) for k in (0, 999))
    assert int(first.inner_text().replace(",", "")) < int(last.inner_text().replace(",", ""))
    assert time.perf_counter() - begun < 5
    assert page.complaints == []
    page.close()
