"""What may be watched, under which name, and what a stream cannot make us open."""

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fervid.errors import MediaError
from fervid.live.clock import Clock
from fervid.live.newest import Frame, Newest
from fervid.live.relay import Relay
from fervid.live.sources import find_source, public_name
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

FERVID = (sys.executable, "-m", "fervid.cli")


def frame(index: int) -> Frame:
    return Frame(np.zeros((2, 2), np.uint8), index, index / 30, None, 0.0)


@pytest.mark.parametrize(
    ("word", "kind", "name"),
    [
        (0, "camera", "camera 0"),
        ("1", "camera", "camera 1"),
        ("/dev/null", "camera", "camera null"),
        ("-", "stdin", "standard input"),
        ("udp://@239.0.0.1:1234?pkt_size=1316", "network", "udp://239.0.0.1:1234"),
        ("RTSP://cam.local/stream1", "network", "rtsp://cam.local/stream1"),
    ],
)
def test_a_word_names_a_source(word: str | int, kind: str, name: str) -> None:
    found = find_source(word)
    assert (found.kind, found.name) == (kind, name)
    assert found.address.partition(":")[0] == str(word).partition(":")[0].lower()


@pytest.mark.parametrize(
    "word",
    [
        "file:///etc/passwd",
        "concat://a|b",
        "hls+http://h/x.m3u8",
        "rtsp://cam:x/",
        "-x",
        "none",
        "",
    ],
)
def test_what_is_no_source_is_refused(word: str) -> None:
    with pytest.raises(MediaError):
        find_source(word)


def test_recordings_are_for_another_command() -> None:
    with pytest.raises(MediaError, match="fervid analyze"):
        find_source(str(SAMPLES / "two_speakers.mp4"))


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://user:secret@cam/live",
        "rtsp://user:a@secret@cam/live",
        "rtsp://cam/user=admin&password=secret&channel=1/live",
        "https://cam/live?token=secret",
        "srt://cam:9000?passphrase=secret#live",
    ],
)
def test_names_hold_no_secrets(url: str) -> None:
    source = find_source(url)
    for text in (public_name(url), source.name, repr(source)):
        assert "cam" in text
        assert not any(word in text for word in ("secr", "user", "admin"))


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://user:se/secret@cam/live",
        "rtsp://user:secr#et@cam/live",
        "rtsp://user:1/secret@cam/live",
        "srt://cam:9000?passphrase=user@secret",
        "http://cam/live?token=T@secret/path",
    ],
)
def test_where_a_secret_may_begin_or_end_nothing_is_shown(url: str) -> None:
    try:
        text = repr(find_source(url)) + public_name(url)
    except MediaError as error:
        text = str(error)
    assert not any(word in text for word in ("secr", "user"))


def test_times_are_those_of_the_stream() -> None:
    clock = Clock()
    arrivals = [0.0, 0.05, 0.06, 0.2]
    stamps = [100.0, 100.1, 100.25, 100.3]
    times = [clock.time_of(*pair) for pair in zip(stamps, arrivals, strict=True)]
    assert times == pytest.approx([0.0, 0.1, 0.25, 0.3])


def test_times_without_stamps_are_those_of_arrival() -> None:
    clock = Clock()
    assert [clock.time_of(None, at) for at in (7.0, 7.5, 7.5)] == pytest.approx([0, 0.5, 0.501])


@pytest.mark.parametrize("word", ["user:secret@cam/live", "rtsp:/user:secret@cam/live"])
def test_a_mistyped_address_is_not_shown(word: str) -> None:
    with pytest.raises(MediaError, match="no such camera") as error:
        find_source(word)
    assert "secret" not in str(error.value)


def test_times_go_on_when_stamps_start_over() -> None:
    clock = Clock()
    for number in range(10):
        clock.time_of(50 + number / 10, number / 10)
    assert clock.time_of(0.0, 5.0) == pytest.approx(5.0)
    assert clock.time_of(0.1, 5.1) == pytest.approx(5.1)
    assert clock.time_of(900.0, 5.2) == pytest.approx(5.2)
    assert clock.jumps == 2
    clock.again()
    assert clock.time_of(3.0, 8.0) == pytest.approx(8.0)
    assert clock.jumps == 2


def test_a_burst_at_the_start_does_not_shift_what_follows() -> None:
    """A sender's first two seconds come at once; then the stream starts over, without a pause."""
    clock = Clock()
    for number in range(21):
        clock.time_of(number / 10, 0.0)
    assert clock.time_of(2.1, 0.1) == pytest.approx(2.1)
    assert clock.time_of(0.0, 0.2) == pytest.approx(2.2)


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    slot = Newest()
    slot.put(frame(0))
    slot.put(frame(1))
    slot.begin()
    assert slot.unready == 1
    for number in (2, 3, 4):
        slot.put(frame(number))
    taken = slot.take(0.0)
    assert taken is not None
    assert (taken.index, slot.dropped, slot.came) == (4, 3, 5)
    assert slot.take(0.0) is None
    assert not slot.is_over
    slot.end()
    assert slot.is_over


class _Server(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/other")
            self.end_headers()
        elif path == "/private":
            self.send_error(401)
        elif path == "/list":
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/other\n")
        else:
            self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server: its place, and the paths that it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Server,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_address[1]}", asked
        running.shutdown()
        thread.join()


def refusal(address: str, data: bytes = b"") -> str:
    """The one line with which `fervid live` refuses a source."""
    done = subprocess.run([*FERVID, "live", address], input=data, capture_output=True, timeout=60)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, b"", 1), done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/moved", "if the server redirects to another address"),
        ("/private", "a valid user name and password"),
        ("/none", "no such stream"),
        ("/list", "not a supported kind of stream"),
    ],
)
def test_a_server_cannot_send_us_elsewhere(
    path: str, why: str, server: tuple[str, list[str]]
) -> None:
    place, asked = server
    line = refusal(f"http://user:secret@{place}{path}?token=secret")
    assert why in line
    assert "secret" not in line
    assert set(asked) == {path}


def test_what_comes_on_standard_input_opens_nothing(
    server: tuple[str, list[str]], tmp_path: Path
) -> None:
    place, asked = server
    clip = SAMPLES / "two_speakers.mp4"
    lists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{place}/list\n",
        f"ffconcat version 1.0\nfile {clip}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{clip}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5 RTP/AVP 33\n",
    ]
    for text in lists:
        assert "not a supported kind of stream" in refusal("-", text.encode())
    assert asked == []


def test_recordings_are_never_read_from_a_network(tmp_path: Path) -> None:
    for address in ("udp://127.0.0.1:9", "tcp://127.0.0.1:9", "http://127.0.0.1:9/x?y=1"):
        command = [*FERVID, "analyze", address, "-o", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2)
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_relay_leads_to_the_host_of_the_address_alone() -> None:
    relay = Relay("rtsp://user:pass@127.0.0.1:1/live@10.0.0.9/x?a=b@c")
    try:
        near = relay.url.removeprefix("rtsp://user:pass@127.0.0.1:")
        port, _, path = near.partition("/")
        assert path == "live@10.0.0.9/x?a=b@c"
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            assert connection.recv(1) == b""
        assert relay.failure == "the connection was refused"
    finally:
        relay.close()
