"""The report as its reader uses it, in a real browser."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fervid.pipeline import Analyzer
from fervid.records import Expressions, FrameBatch
from fervid.report.maker import ReportMaker
from fervid.results.rows import frame_table
from fervid.results.writer import ResultWriter, read_table
from fervid.settings import Settings
from tests.conftest import SAMPLES
from tests.helpers.browsing import Page, open_address
from tests.helpers.known_faces import faces_at, rows_of, settled, tracked

pytestmark = pytest.mark.slow

CLIP = "two_speakers.mp4"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a clip that lies beside it, as `fervid analyze --explain` leaves it."""
    folder = tmp_path_factory.mktemp("beside")
    shutil.copy(SAMPLES / CLIP, folder / CLIP)
    made = folder / f"{CLIP}.fervid"
    Analyzer(Settings(explain=True)).analyze(folder / CLIP, made)
    return made


def angry_face(result: Path) -> int:
    """Who is angry at 11.5 s, while the other one has turned away."""
    episodes = read_table(result, "episodes")
    at = (episodes["onset"] <= 11.5) & (episodes["offset"] > 11.5)
    return int(episodes.loc[at & (episodes["expression"] == "angry"), "face_id"].item())


def open_page(browser: Any, result: Path, tail: str = "", **options: Any) -> Page:
    return open_address(browser, (result / "report.html").as_uri() + tail, **options)


@pytest.fixture
def page(browser: Any, result: Path) -> Iterator[Page]:
    opened = open_page(browser, result)
    yield opened
    assert opened.complaints == []
    opened.close()


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
    assert "one frame back and on" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Close").click()
    assert page.locator("#keys").is_hidden()


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


@pytest.fixture(scope="module")
def variable(tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]) -> Path:
    """The result of a clip with ever longer times between frames, which lies beside it."""
    folder = tmp_path_factory.mktemp("variable")
    slower = ("-vf", "setpts='(N+N*N/60)/24/TB'", "-fps_mode", "vfr", "-enc_time_base", "1/1000")
    h264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
    run_ffmpeg("-t", 8, "-i", SAMPLES / CLIP, *slower, *h264, folder / CLIP)
    Analyzer(Settings()).analyze(folder / CLIP, folder / f"{CLIP}.fervid")
    return folder / f"{CLIP}.fervid"


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes told by their corners."""
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[2:], other[2:])
    inside = max(0.0, right - left) * max(0.0, bottom - top)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return float(inside / (sum(areas) - inside))


PLAYED = """() => new Promise((done) => {
    const video = document.getElementById("recording"), seen = [];
    const note = (_, { mediaTime }) => {
        seen.push([mediaTime, shownAt(mediaTime)]);
        video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    video.addEventListener("ended", () => done(seen));
    video.playbackRate = 2;
    video.play();
})"""


def test_boxes_are_those_of_the_frame_that_is_played(browser: Any, variable: Path) -> None:
    page = open_page(browser, variable)
    until_loaded(page)
    played = page.evaluate(PLAYED)
    table = pd.read_csv(variable / "frames.csv")
    times = table["timestamp"].unique()
    assert len(played) > 30
    right = wrong = 0
    for time_s, seen in played:
        sampled = times[np.abs(times - time_s).argmin()]
        assert sampled == pytest.approx(time_s, abs=2e-3)
        shown = {one["name"]: np.array(one["box"]) * [640, 360, 640, 360] for one in seen}
        rows = table[(table["timestamp"] == sampled) & (table["success"] == 1)]
        for row in rows.itertuples():
            box = np.array(
                [row.face_x, row.face_y, row.face_x + row.face_w, row.face_y + row.face_h]
            )
            drawn = shown.pop(f"face {row.face_id}", None)
            fits = drawn is not None and overlap(drawn, box.clip(0, [640, 360, 640, 360])) > 0.8
            right, wrong = right + fits, wrong + (not fits)
        wrong += len(shown)
    assert right > 60
    assert wrong <= 0.01 * (right + wrong)
    page.close()


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


def test_the_figure_follows_the_width_of_the_window(browser: Any, result: Path) -> None:
    page = open_address(browser, (result / "report.html").as_uri())
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


def test_without_the_recording_it_can_be_chosen(browser: Any, result: Path, tmp_path: Path) -> None:
    alone = tmp_path / "moved.fervid"
    shutil.copytree(result, alone)
    page = open_page(browser, alone)
    page.wait_for_selector("#beside.missing")
    assert page.locator("#recording").is_hidden()
    assert "The recording (two_speakers.mp4) has moved" in said(page)
    page.locator("#choose").set_input_files(result.parent / CLIP)
    page.wait_for_selector("#beside:not(.missing)")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    page.close()


@pytest.fixture(scope="module")
def unplayable(tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]) -> Path:
    """A folder of two copies of the clip, with sound and without, in a codec that browsers lack."""
    folder = tmp_path_factory.mktemp("unplayable")
    pictures = ("-i", SAMPLES / CLIP, "-c:v", "mpeg4", "-frames:v", 24)
    run_ffmpeg(*pictures, folder / "silent.mp4")
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=2", *pictures, "-c:a", "aac", folder / "sound.mp4")
    return folder


def beside(result: Path, recording: Path, tmp_path: Path) -> Path:
    """A copy of a result that stands beside another recording of the same name."""
    shutil.copy(recording, tmp_path / CLIP)
    copy = tmp_path / result.name
    shutil.copytree(result, copy)
    return copy


def said(page: Page) -> str:
    return str(page.locator("#beside .absent").inner_text())


def test_a_recording_without_sound_that_the_browser_lacks_the_codec_for(
    browser: Any, result: Path, unplayable: Path, tmp_path: Path
) -> None:
    """A browser cannot tell it from one that is not there; of a chosen one it can."""
    page = open_page(browser, beside(result, unplayable / "silent.mp4", tmp_path))
    page.wait_for_selector("#beside.missing")
    assert "not where it was (two_speakers.mp4), or this browser cannot play it" in said(page)
    assert "fervid export two_speakers.mp4.fervid --to video makes such a copy" in said(page)
    page.locator("#choose").set_input_files(unplayable / "silent.mp4")
    page.wait_for_selector("#beside.unseen")
    assert said(page).startswith("This browser cannot show the pictures of this recording.")
    assert "fervid export" in said(page)
    page.locator("#choose").set_input_files(result.parent / CLIP)
    until_loaded(page)
    until(page, "document.getElementById('beside').className === ''")
    assert page.locator("#beside .absent").is_hidden()
    page.close()


def test_a_recording_of_which_the_browser_plays_the_sound_alone(
    browser: Any, result: Path, unplayable: Path, tmp_path: Path
) -> None:
    page = open_page(browser, beside(result, unplayable / "sound.mp4", tmp_path))
    until_loaded(page)
    assert page.locator("#recording").is_visible()
    assert said(page).startswith("This browser cannot show the pictures of this recording.")
    assert "fervid export two_speakers.mp4.fervid --to video makes such a copy" in said(page)
    page.close()


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
    rows, episodes = settled(rows_of(batch, tracked(found, ids), Expressions(probs)), frame_s=0.2)
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
