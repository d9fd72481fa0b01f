"""The page of `fervid web` as its reader uses it, in a real browser, and what is refused."""

import http.client
import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import fervid
from tests.conftest import SAMPLES
from tests.helpers.browsing import Page

pytestmark = pytest.mark.slow

if find_spec("gradio") is None:
    pytest.skip("Gradio is not installed", allow_module_level=True)

CLIP = SAMPLES / "two_speakers.mp4"
WAIT_MS = 90_000

# The command, telling on stderr of every address that Python asks for or connects to.
WATCHED = """
import socket, sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("NETWORK", event, [arg for arg in args if "socket" not in repr(arg)], file=sys.stderr)
sys.addaudithook(watch)
socket.getaddrinfo("127.0.0.1", 80)
from fervid.cli import main
main(prog_name="fervid")
"""


@dataclass
class Server:
    """A running `fervid web`, where it is, and the folder in which it has its temporary one."""

    process: subprocess.Popen[str]
    address: str
    host: str
    port: int
    folder: Path
    errors: Path

    def files(self) -> list[Path]:
        """Whatever of uploads and results is there."""
        # Not rglob, which fails when a folder goes meanwhile.
        walked = os.walk(self.folder)
        return [Path(folder, name) for folder, _, names in walked for name in names]

    def run_folder(self) -> Path:
        (folder,) = self.folder.iterdir()
        return folder

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body of an answer; `path` goes out as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, names)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def post(self, path: str, data: Any, **headers: str) -> tuple[int, bytes]:
        body = json.dumps(data).encode()
        return self.ask("POST", path, body, content_type="application/json", **headers)

    def upload(self, name: str, content: bytes) -> tuple[int, bytes]:
        """Send a file as a browser does."""
        mark = secrets.token_hex(8)
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        return self.ask("POST", "/gradio_api/upload", body, content_type=kind)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server whose working directory has a file that it must not serve."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    (folder / "README.md").write_text("not for everybody")
    errors = folder / "stderr"
    with errors.open("w") as told:
        process = subprocess.Popen(
            [sys.executable, "-c", WATCHED, "web", "--port", "0", "--no-browser", *options],
            cwd=folder,
            env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(SAMPLES.parent)},
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"page: (http://([\d.]+):(\d+)) \(Ctrl-C ends it\)\n", line)
            assert found, errors.read_text()
            yield Server(process, found[1], found[2], int(found[3]), temporary, errors)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("web"), "--max-upload", "20") as running:
        yield running
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 130
        assert list(running.folder.iterdir()) == []
        watched, *told, last = running.errors.read_text().splitlines()
        assert watched.startswith("NETWORK socket.getaddrinfo ['127.0.0.1', 80")
        assert last == "fervid: interrupted"
        expected = re.compile(r"'(127\.0\.0\.1|::1)'|^fervid: \w+ /\S+: cannot be answered \(")
        assert [line for line in told if not expected.search(line)] == []


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
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=README.md",
        "/gradio_api/file={cwd}/README.md",
        "/gradio_api/file={run}/../../README.md",
        "/gradio_api/file={run}/%2e%2e/%2e%2e/README.md",
        "/gradio_api/file=http://127.0.0.1:{port}/theme.css",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:{port}/",
        "/static/../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/__init__.py",
        "/assets//etc/passwd",
        "/gradio_api/runs",
        "/monitoring",
        "/openapi.json",
        "/gradio_api/vibe-code",
    ],
)
def test_nothing_but_the_page_and_results_is_served(server: Server, path: str) -> None:
    run = server.run_folder()
    asked = path.format(cwd=server.folder.parent, run=run, port=server.port)
    status, content = server.ask("GET", asked)
    assert status in (403, 404)
    assert b"not for everybody" not in content
    assert b"root:" not in content


@pytest.mark.parametrize("path", ["/etc/passwd", "{cwd}/README.md", "https://b.example/a.mp4"])
def test_only_uploads_are_taken_for_uploads(server: Server, path: str) -> None:
    named = {"path": path.format(cwd=server.folder.parent), "meta": {"_type": "gradio.FileData"}}
    for data in ([named], [[{"deep": named}]]):
        for fn_index in range(6):
            sent = {"data": data, "fn_index": fn_index, "session_hash": "abc"}
            assert server.post("/gradio_api/queue/join", sent)[0] == 403
    assert server.files() == []


def test_other_sites_get_nothing(server: Server) -> None:
    assert server.ask("GET", "/", Host="b.example")[0] == 403
    assert server.ask("GET", "/", Host=f"b.example:{server.port}")[0] == 403
    assert server.ask("GET", "/", Host=f"localhost:{server.port}")[0] == 200
    sent = {"data": [], "fn_index": 0, "session_hash": "abc"}
    for origin in ("http://b.example", "null", f"http://127.0.0.1:{server.port + 1}"):
        assert server.post("/gradio_api/queue/join", sent, Origin=origin)[0] == 403


def test_too_large_and_unbounded_requests_are_refused(server: Server) -> None:
    status, _ = server.upload("large.mp4", bytes(21_000_000))
    assert status == 413
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request("POST", "/gradio_api/upload", iter([b"x"]), encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()
    assert server.post("/gradio_api/queue/join", {"data": ["x" * 5_000_000]})[0] == 413
    deep = b"[" * 100_000
    assert server.ask("POST", "/gradio_api/queue/join", deep, content_type="text/json")[0] == 400
    assert server.files() == []


def test_what_the_page_never_sends_leaves_no_traceback(server: Server) -> None:
    join = "/gradio_api/queue/join"
    for number in (9999, -1, 0, 1, 2):
        for data in ([], [1, {"a": 2}, None, "x", 3]):
            sent = {"data": data, "fn_index": number, "session_hash": "abc"}
            assert server.post(join, sent)[0] < 600
    assert server.ask("GET", "/static/" + "a" * 3000)[0] in (400, 404, 500)
    bare = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nabc\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x"
    assert server.ask("POST", "/gradio_api/upload", bare, content_type=kind)[0] in (400, 422, 500)
    time.sleep(0.5)  # the queue works on what it took
    told = server.errors.read_text()
    assert "Traceback" not in told
    assert f"fervid: POST {join}: cannot be answered (" in told


def test_file_names_stay_within_the_folder(server: Server) -> None:
    before = {path for path in server.folder.parent.rglob("*") if path.is_file()}
    for name in ("../../../up.mp4", "..", "/etc/up.mp4", "a/../../b.mp4"):
        status, content = server.upload(name, name.encode())
        if status == 200:
            (made,) = json.loads(content)
            assert Path(made).is_relative_to(server.run_folder())
    made_files = {path for path in server.folder.parent.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(server.run_folder()) for path in made_files)
    for path in made_files:
        path.unlink()


def test_a_taken_port_is_one_line(server: Server) -> None:
    command = [sys.executable, "-m", "fervid.cli", "web", "--port", str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"fervid: 127.0.0.1:{server.port}: ")
    assert done.stderr.count("\n") == 1


def test_another_address_is_warned_of_and_a_signal_leaves_nothing(tmp_path: Path) -> None:
    left_by_a_killed_run = tmp_path / "tmp" / ".0123456789ab.fervid-part"
    left_by_a_killed_run.mkdir(parents=True)
    with serving(tmp_path, "--host", "127.0.0.2") as server:
        assert not left_by_a_killed_run.exists()
        assert server.ask("GET", "/")[0] == 200
        assert "fervid: warning: whoever reaches 127.0.0.2" in server.errors.read_text()
        assert server.upload("a.mp4", b"a")[0] == 200
        assert server.run_folder().stat().st_mode & 0o777 == 0o700
        assert len(server.files()) == 1
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 143
        assert list(server.folder.iterdir()) == []
