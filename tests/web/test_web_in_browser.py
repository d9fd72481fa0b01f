"""The page of `fervid web` in a browser."""

import io
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


WAIT_MS = 180_000


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


def drop(page: Page, *files: Any) -> None:
    if files:
        page.set_input_files("#drop input[type=file]", files)
    page.wait_for_selector("#start", state="visible")


def analyse(page: Page, *files: Any) -> None:
    """Choose files, and wait until all are analysed."""
    drop(page, *files)
    page.get_by_role("button", name="Analyse", exact=True).click()
    begun = "() => !document.querySelector('#files').innerText.includes('Not analysed yet.')"
    page.wait_for_function(begun, timeout=WAIT_MS)
    page.wait_for_selector("#stop", state="hidden", timeout=WAIT_MS)


def report_in(page: Page) -> Any:
    """The frame of the report when it is drawn."""
    page.frame_locator("#report iframe").locator("html.ready").wait_for(timeout=WAIT_MS)
    return page.frames[-1]


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).or_(page.get_by_text(button)).first.click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_files_become_reports_pictures_and_tables(page: Page, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_bytes(b"no video" * 99)
    drop(page, CLIP, SAMPLES / "portrait.jpg", notes)
    assert page.inner_text("#files").count("Not analysed yet.") == 3
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("5", exact=True).check()
    analyse(page)
    said = page.inner_text("#files")
    for words in ("110 of 110 frames show a face (100%).", "1 face.", "is not a recording"):
        assert words in said

    report = report_in(page)
    assert report.text_content("h1") == CLIP.name
    video = "document.getElementById('recording')"
    until(lambda: bool(report.evaluate(f"{video}.readyState > 0")))
    report.click("#episode-table a[data-time] >> nth=-1")
    until(lambda: report.evaluate(f"{video}.currentTime") > 10)

    name, content = downloaded(page, "Download all tables and the report (ZIP)")
    assert name == "two_speakers.mp4.zip"
    fervid.analyze(CLIP, out=tmp_path, fps=5)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for table in ("frames", "episodes", "people", "summary", "codebook"):
            file = f"two_speakers.mp4.fervid/{table}.csv"
            assert archive.read(file) == (tmp_path / file).read_bytes(), table
    name, content = downloaded(page, "Download report (HTML)")
    assert name == "two_speakers.mp4.report.html"
    assert content.startswith(b"<!doctype html>")
    assert b"fervid-part" not in content

    page.get_by_label("Show portrait.jpg").click()
    page.wait_for_selector("#picture img", timeout=WAIT_MS)
    name, content = downloaded(page, "Download table (CSV)")
    assert name == "portrait.jpg.faces.csv"
    assert b",happy," in content
    name, content = downloaded(page, "Download picture (JPEG)")
    assert name == "portrait.jpg.faces.jpg"
    assert content.startswith(b"\xff\xd8")

    page.get_by_label("Remove portrait.jpg").click()
    page.wait_for_selector("#report iframe", timeout=WAIT_MS)
    assert "portrait" not in page.inner_text("#files")


def test_changes_to_people_are_applied(page: Page, tmp_path: Path) -> None:
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("1", exact=True).check()
    analyse(page, CLIP)
    report = report_in(page)
    report.get_by_label("Name of face 1", exact=True).fill("Ana")
    report.get_by_label("Name of face 1", exact=True).press("Enter")
    with page.expect_download() as waiting:
        report.get_by_role("button", name="Save changes").click()
    assert waiting.value.suggested_filename == "two_speakers.people.csv"
    changes = tmp_path / "people.csv"
    waiting.value.save_as(changes)
    page.set_input_files("input[type=file][accept='.csv']", changes)
    page.get_by_text("now include these changes").wait_for(timeout=WAIT_MS)
    report = report_in(page)
    assert "Ana" in report.inner_text("#cast-table + * , [aria-label='Table of people']")
    _, content = downloaded(page, "Download all tables and the report (ZIP)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"Ana" in archive.read("two_speakers.mp4.fervid/people.csv")


def test_a_bad_file_with_a_hostile_name_is_one_line_and_the_page_goes_on(page: Page) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](http://b.example) ../../c.mp4"
    analyse(page, {"name": hostile, "mimeType": "video/mp4", "buffer": b"no video" * 99})
    problem = page.wait_for_selector("#files .problem", timeout=WAIT_MS)
    assert problem.inner_text() == "is not a recording, or is too damaged to read"
    assert page.locator("#files img, #files a").count() == 0
    page.locator("#files [data-remove]").click()
    page.wait_for_selector("#files .problem", state="detached")
    analyse(page, SAMPLES / "portrait.jpg")
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
    return " of " in page.inner_text("#progress")


def test_stop_ends_an_analysis_and_so_does_closing_the_page(
    page: Page, server: Server, slow_clip: Path
) -> None:
    start = page.get_by_role("button", name="Analyse", exact=True)
    drop(page, slow_clip)
    start.click()
    until(lambda: working(page), 60)
    page.get_by_role("button", name="Stop").click()
    start.wait_for()
    assert "Not analysed yet." in page.inner_text("#files")
    until(lambda: [path.name for path in server.files()] == [slow_clip.name])
    start.click()
    until(lambda: working(page), 60)
    page.close()
    until(lambda: not server.files())


def test_it_fits_a_phone_and_says_what_it_is_not_for(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    analyse(page, SAMPLES / "portrait.jpg")
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
    page.get_by_text("Options", exact=True).click()
    analyse(page, SAMPLES / "portrait.jpg")
    page.wait_for_selector("#picture img", timeout=WAIT_MS)
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
