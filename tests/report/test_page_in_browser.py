"""The report as its reader uses it, in a real browser: time, keys and tables."""

from pathlib import Path
from typing import Any

import pytest

from fervid.results.writer import read_table
from tests.helpers.browsing import Page
from tests.helpers.report_pages import (
    CLIP,
    angry_face,
    now,
    open_page,
    until_loaded,
    video_time,
)

pytestmark = pytest.mark.slow


def place_of(page: Page, seconds: float) -> tuple[float, float]:
    """Where a time is on the screen, in the panel of areas."""
    x, y = page.evaluate(
        """(seconds) => {
            const box = document.getElementById("timeline");
            const size = box._fullLayout._size, frame = box.getBoundingClientRect();
            const axis = box._fullLayout.xaxis;
            const at = axis.l2p(Number(box.dataset.zero) + seconds * 1000);
            return [frame.left + size.l + at, frame.top + size.t + 60];
        }""",
        seconds,
    )
    return float(x), float(y)


def test_only_the_recording_beside_it_is_asked_for(page: Page, result: Path) -> None:
    until_loaded(page)
    recording = (result.parent / CLIP).as_uri()
    assert set(page.requests) <= {(result / "report.html").as_uri(), recording}
    assert recording in page.requests


@pytest.mark.parametrize("seconds", [3.4, 11.5, 21.0])
def test_a_click_seeks_to_that_frame(page: Page, seconds: float) -> None:
    until_loaded(page)
    page.locator("#timeline").scroll_into_view_if_needed()
    page.mouse.click(*place_of(page, seconds))
    frame_s, pixel_s = 1 / 12, 22 / 900
    assert video_time(page) == pytest.approx(seconds, abs=frame_s / 2 + pixel_s)
    shown = float(page.evaluate("location.hash").removeprefix("#t="))
    assert video_time(page) == pytest.approx(shown + 0.001, abs=0.002)
    head = page.locator("#head").bounding_box()
    assert head["x"] + 1 == pytest.approx(place_of(page, shown)[0], abs=1.5)


def test_dragging_zooms_and_does_not_seek(page: Page) -> None:
    page.locator("#timeline").scroll_into_view_if_needed()
    (x, y), (right, _) = place_of(page, 5.0), place_of(page, 9.0)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(right, y, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert page.evaluate("location.hash") == ""
    width = page.evaluate(
        "(() => { const r = document.getElementById('timeline')._fullLayout.xaxis.range;"
        " const t = (v) => typeof v === 'number' ? v : Date.parse(v.replace(' ', 'T') + 'Z');"
        " return (t(r[1]) - t(r[0])) / 1000; })()"
    )
    assert width == pytest.approx(4.0, abs=0.2)


def test_an_address_with_a_time_opens_there(browser: Any, result: Path) -> None:
    page = open_page(browser, result, "#t=11.5")
    until_loaded(page)
    assert video_time(page) == pytest.approx(11.501, abs=0.002)
    assert now(page).startswith("0:00:11.5")
    assert f"face {angry_face(result)} angry" in now(page)
    page.close()


def test_keys_play_and_move(page: Page) -> None:
    until_loaded(page)
    page.keyboard.press("ArrowRight")
    assert now(page).startswith("0:00:05.0")
    page.keyboard.press(".")
    assert float(page.evaluate("location.hash.slice(3)")) == pytest.approx(5 + 1 / 12, abs=1e-3)
    page.keyboard.press("n")
    later = float(page.evaluate("location.hash.slice(3)"))
    page.keyboard.press("p")
    assert float(page.evaluate("location.hash.slice(3)")) < later
    before = video_time(page)
    page.keyboard.press(" ")
    page.wait_for_timeout(600)
    page.keyboard.press(" ")
    assert video_time(page) > before + 0.2
    assert page.evaluate("document.getElementById('recording').paused")


def test_keys_work_whatever_has_the_focus(page: Page) -> None:
    until_loaded(page)
    page.select_option("#who", label="face 2")
    page.keyboard.press("ArrowRight")
    assert now(page).startswith("0:00:05.0")
    for place in ("#recording", "#episode-table a", ".scroll", "#boxes", "#who"):
        page.locator(place).first.focus()
        page.keyboard.press("n")
        page.keyboard.press(".")
    assert not now(page).startswith("0:00:05.0")
    before = now(page)
    page.locator("#find").fill("n.p")
    page.keyboard.press("b")
    assert page.locator("#find").input_value() == "n.pb"
    assert now(page) == before
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    assert page.locator("#boxes").get_attribute("aria-pressed") == "false"


def test_a_question_mark_lists_the_keys(page: Page) -> None:
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert "one frame back or forward" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Close").click()
    assert page.locator("#keys").is_hidden()


def test_episodes_are_filtered_searched_and_sorted(page: Page, result: Path) -> None:
    episodes = read_table(result, "episodes")
    rows = page.locator("#episode-table tbody tr")
    page.select_option("#whose", label="face 2")
    assert rows.count() == int((episodes["face_id"] == 2).sum())
    page.select_option("#what", label="happy")
    happy = episodes[(episodes["face_id"] == 2) & (episodes["expression"] == "happy")]
    assert rows.count() == len(happy) > 0
    assert page.locator("#found").inner_text() == f"{len(happy)} of {len(episodes)} episodes"
    assert rows.first.locator("img").count() == 1
    page.locator("#find").fill("nowhere")
    assert rows.count() == 0
    assert page.locator("#none-found").is_visible()
    page.locator("#find").fill("")
    rows.first.locator("a").last.click()
    assert float(page.evaluate("location.hash.slice(3)")) == pytest.approx(
        happy.iloc[0]["peak_time"], abs=1e-3
    )
    assert rows.first.get_attribute("class") == "now"


def test_tables_sort_and_lead_to_their_moment(page: Page, result: Path) -> None:
    episodes = read_table(result, "episodes")
    rows = page.locator("section[aria-labelledby=episodes] tbody tr")
    assert rows.count() == len(episodes)
    heading = page.get_by_role("button", name="Seconds")
    heading.click()
    heading.click()
    longest = episodes.nlargest(1, "duration").iloc[0]
    assert longest["expression"] in rows.first.text_content()
    assert heading.locator("..").get_attribute("aria-sort") == "descending"
    rows.first.locator("a").first.click()
    assert float(page.evaluate("location.hash.slice(3)")) == pytest.approx(
        longest["onset"], abs=1e-3
    )


def test_the_areas_can_show_one_person(page: Page, result: Path) -> None:
    angry = angry_face(result)
    points = """(name) => {
        const box = document.getElementById("timeline");
        const { x, y } = box.data.find((trace) => trace.name === name);
        const zero = Number(box.dataset.zero);
        return Array.from(x, (at, k) => [(at - zero) / 1000, y[k]]);
    }"""
    highest = {}
    for who in ("face 1", "face 2"):
        page.select_option("#who", label=who)
        page.wait_for_timeout(300)
        near = [y for x, y in page.evaluate(points, "angry") if 11 < x < 12]
        highest[who] = max(near, default=None)
    assert highest[f"face {3 - angry}"] is None
    assert highest[f"face {angry}"] > 0.8
    assert page.evaluate("document.getElementById('timeline')._fullLayout.xaxis.type") == "date"
