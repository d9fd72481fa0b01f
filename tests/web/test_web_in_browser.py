"""The page of `fervid web` in a browser."""

import io
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import fervid
from tests.conftest import SAMPLES
from tests.helpers.browsing import Page
from tests.helpers.web_server import CLIP, Server

pytestmark = pytest.mark.slow


if find_spec("gradio") is None:
    pytest.skip("Gradio is not installed", allow_module_level=True)


WAIT_MS = 90_000


@pytest.fixture(scope="module")
def chromium(run_ffmpeg: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium whose camera shows the portrait and nobody, in turn."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary is None:
        pytest.skip("no Chromium")
    seen = tmp_path_factory.mktemp("camera") / "portrait.mjpeg"
    still = ("-loop", 1, "-framerate", 10, "-t", 3, "-i", SAMPLES / "portrait.jpg")
    nobody = ("-f", "lavfi", "-i", "color=gray:s=640x480:r=10:d=3")
    fit = "scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:-1:-1,setsar=1"
    both = f"[0]{fit}[a];[a][1]concat,format=yuvj420p"
    run_ffmpeg(*still, *nobody, "-filter_complex", both, "-q:v", 3, seen)
    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream"]
    flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={seen}"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=binary, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Page]:
    """The page; everything it asks for is on this server, and it complains of nothing."""
    page = chromium.new_page(viewport={"width": 1200, "height": 1000}, permissions=["camera"])
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.address)
    page.wait_for_selector("input[type=file]", state="attached", timeout=WAIT_MS)
    yield page
    page.close()
    assert complaints == []
    inside = (f"{server.address}/", "data:", f"blob:{server.address}/")
    assert [url for url in requests if not url.startswith(inside)] == []
    assert len(requests) > 20
    until(lambda: not server.files())


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def drop(page: Page, *file: Any) -> None:
    page.set_input_files("input[type=file]", *file)


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).or_(page.get_by_text(button)).first.click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_a_video_becomes_its_timeline_tables_and_report(page: Page, tmp_path: Path) -> None:
    drop(page, CLIP)
    page.wait_for_selector("#figure .scatterlayer .trace", state="attached", timeout=WAIT_MS)
    assert page.text_content("#status h2") == CLIP.name
    assert "264 of 264 frames show a face (100%). 2 people." in page.inner_text("#status")
    assert page.locator("#figure .legend .traces").count() == 7
    people = page.get_by_text("People: share of time in episodes")
    assert people.is_visible()

    name, content = downloaded(page, "Download tables (CSV, zipped)")
    assert name == "two_speakers.mp4.tables.zip"
    fervid.analyze(CLIP, out=tmp_path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for table in ("frames", "episodes", "people", "summary", "codebook"):
            file = f"two_speakers.mp4.fervid/{table}.csv"
            assert archive.read(file) == (tmp_path / file).read_bytes(), table

    name, content = downloaded(page, "Download report (HTML)")
    assert name == "two_speakers.mp4.report.html"
    assert content.startswith(b"<!doctype html>")
    assert b"fervid-part" not in content


def test_options_count_when_it_is_analysed_again(page: Page) -> None:
    drop(page, CLIP)
    page.wait_for_selector("#figure .scatterlayer .trace", state="attached", timeout=WAIT_MS)
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("5", exact=True).check()
    page.get_by_text("Analyse again").click()
    page.wait_for_function("document.querySelector('#status').innerText.includes('110 of 110')")


def test_a_photo_becomes_its_picture_and_table(page: Page) -> None:
    drop(page, SAMPLES / "portrait.jpg")
    page.wait_for_selector("#picture img", timeout=WAIT_MS)
    assert "1 face." in page.inner_text("#status")
    name, content = downloaded(page, "Download table (CSV)")
    assert name == "portrait.jpg.faces.csv"
    assert b",happy," in content
    name, content = downloaded(page, "Download picture (JPEG)")
    assert name == "portrait.jpg.faces.jpg"
    assert content.startswith(b"\xff\xd8")


def test_a_bad_file_with_a_hostile_name_is_one_line_and_the_page_goes_on(page: Page) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](http://b.example) ../../c.mp4"
    drop(page, {"name": hostile, "mimeType": "video/mp4", "buffer": b"no video" * 99})
    problem = page.wait_for_selector("#status .problem", timeout=WAIT_MS)
    assert re.search(r"\.mp4': is not a recording", problem.inner_text())
    assert "/" not in problem.inner_text()
    assert page.locator("#status img, #status a").count() == 0
    page.get_by_label("Clear").click()
    page.wait_for_selector("#status .problem", state="detached")
    drop(page, SAMPLES / "portrait.jpg")
    page.wait_for_selector("#picture img", timeout=WAIT_MS)


def test_a_camera_gives_bars_and_leaves_no_file(page: Page, server: Server) -> None:
    page.get_by_role("tab", name="Webcam").click()
    page.get_by_role("button", name="Click to Access Webcam").click()
    page.get_by_text("Record", exact=True).click()
    for words in ("happy", "No face", "happy"):
        shown = f"document.querySelector('#bars p').innerText.startsWith('{words}')"
        page.wait_for_function(shown, timeout=WAIT_MS)
        assert server.files() == []
    widths = page.eval_on_selector_all("#bars span", "all => all.map(one => one.style.width)")
    shares = [float(width.rstrip("%")) for width in widths]
    assert len(shares) == 7
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert max(shares) == shares[3] > 70


@pytest.fixture(scope="module")
def slow_clip(run_ffmpeg: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of five minutes."""
    made = tmp_path_factory.mktemp("slow") / "slow.mp4"
    run_ffmpeg("-stream_loop", 13, "-i", CLIP, "-c", "copy", made)
    return made


def working(page: Page) -> bool:
    return " of " in page.inner_text("#status")


def test_stop_ends_an_analysis_and_so_does_closing_the_page(
    page: Page, server: Server, slow_clip: Path
) -> None:
    drop(page, slow_clip)
    until(lambda: working(page), 60)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("document.querySelector('#status').innerText.includes('Stopped')")
    until(lambda: [path.name for path in server.files()] == [slow_clip.name])
    page.get_by_text("Options", exact=True).click()
    page.get_by_text("Analyse again").click()
    until(lambda: working(page), 60)
    page.close()
    until(lambda: not server.files())


def test_it_fits_a_phone_and_says_what_it_is_not_for(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    drop(page, SAMPLES / "portrait.jpg")
    page.wait_for_selector("#picture img", timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    notice = page.locator("#notice")
    assert notice.is_visible()
    for words in ("not what a person feels", "European Union", "Do not base decisions", "consent"):
        assert words in notice.inner_text()
    assert page.title() == "fervid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page: Page, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.wait_for_selector("input[type=file]", state="attached", timeout=WAIT_MS)
    drop(page, SAMPLES / "portrait.jpg")
    page.wait_for_selector("#picture img", timeout=WAIT_MS)
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
