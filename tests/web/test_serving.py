"""What `fervid web` serves, to whom, and what it takes."""

import http.client
import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.helpers.web_server import Server, serving

pytestmark = pytest.mark.slow


if find_spec("gradio") is None:
    pytest.skip("Gradio is not installed", allow_module_level=True)


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
        "/results/visit-{zeros}/{zeros:.16}/a.mp4.fervid/report.html",
        "/results/visit-{zeros}/{zeros:.16}/..",
        "/results/../README.md",
    ],
)
def test_nothing_but_the_page_and_results_is_served(server: Server, path: str) -> None:
    run = server.run_folder()
    zeros = "0" * 32
    asked = path.format(cwd=server.folder.parent, run=run, port=server.port, zeros=zeros)
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
        assert "fervid: warning: everyone who can reach 127.0.0.2" in server.errors.read_text()
        assert server.upload("a.mp4", b"a")[0] == 200
        assert server.run_folder().stat().st_mode & 0o777 == 0o700
        assert len(server.files()) == 1
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 143
        assert list(server.folder.iterdir()) == []
