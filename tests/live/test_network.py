"""Streams of the network: they break, come back, stay away or never come."""

import json
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fervid
from fervid.errors import MediaError
from fervid.live import receiver
from fervid.live.sources import find_source
from fervid.live.watching import Watch
from fervid.timeline import Timeline
from tests.helpers.clips import MakeClip, children
from tests.helpers.live_runs import CHOICE, FERVID, result_of, rows_of, wait_for
from tests.helpers.rtsp import LOGIN, rtsp_camera
from tests.helpers.streams import free_port, sender, sending

pytestmark = pytest.mark.slow


def test_a_stream_that_breaks_comes_back_after_a_gap(clip: Path, tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    told: list[str] = []
    servers = [sender(clip, f"{address}?listen=1")]

    def again() -> None:
        servers.append(sender(clip, f"{address}?listen=1"))

    time.sleep(0.5)
    watch = Watch(find_source(address), CHOICE, out=tmp_path, notify=told.append)
    times = []
    try:
        with watch:
            for moment in watch:
                times.append(moment.time_s)
                if len(times) == 10:
                    servers[0].kill()
                    servers[0].wait()
                    threading.Timer(
                        1.5, lambda: servers.append(sender(clip, f"{address}?listen=1"))
                    ).start()
                if len(times) == 20:
                    break
    finally:
        for process in servers:
            process.kill()
            process.wait()
    assert told[0].startswith(f"{address}: the stream ")
    assert told[0].endswith("; reconnecting")
    assert told[1:] == [f"{address}: reconnected"]
    steps = np.diff(times)
    assert steps.max() > 1.2
    assert (steps > 0).all()
    live = Timeline.read(result_of(tmp_path)).meta["live"]
    assert live["breaks"] == 1
    gaps = [end - start for start, end in live["gaps"]]
    assert max(gaps) == pytest.approx(steps.max(), abs=0.01)


def test_a_stream_that_stays_away_leaves_its_result(clip: Path, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    address = f"tcp://user:secret@127.0.0.1:{port}"
    with sending(clip, f"tcp://127.0.0.1:{port}?listen=1") as server:
        time.sleep(0.5)
        command = [*FERVID, address, "-o", str(tmp_path), "--reconnect-for", "1"]
        watching = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for(lambda: rows_of(tmp_path))
        server.kill()
        server.wait()
        shown, errors = watching.communicate(timeout=30)
    assert watching.returncode == 1
    lines = errors.splitlines()
    assert lines[0].endswith("reconnecting")
    assert "connection was refused" in lines[-1]
    folder = result_of(tmp_path)
    meta = Timeline.read(folder).meta
    assert meta["live"]["stopped_by"] == "lost"
    assert any("connection was refused" in line for line in meta["warnings"])
    everything = [shown, errors, folder.name]
    everything += [path.read_text() for path in folder.iterdir() if path.is_file()]
    assert not any("secret" in text for text in everything)


def test_a_camera_of_the_network_is_read_with_its_password(clip: Path, tmp_path: Path) -> None:
    with rtsp_camera(clip) as camera:
        address = f"rtsp://{LOGIN}@{camera.place}/live"
        with fervid.watch(address, out=tmp_path, duration=2) as watch:
            moments = list(watch)
        with pytest.raises(MediaError, match="a valid user name and password") as refused:
            list_of(f"rtsp://viewer:guess@{camera.place}/live")
        with pytest.raises(MediaError, match="redirects to another address"):
            list_of(f"rtsp://{LOGIN}@{camera.place}/moved")
        assert {path for _, path in camera.asked} == {"/live", "/moved"}
    assert len(moments[-1].faces)
    meta = Timeline.read(result_of(tmp_path)).meta
    assert meta["live"]["times"] == "stream"
    texts = [watch.source.name, str(watch.running), str(refused.value), json.dumps(meta)]
    assert not any(word in text for text in texts for word in ("secret", "guess", "viewer"))
    assert children() == []


def list_of(address: str) -> list[Any]:
    with fervid.watch(address) as watch:
        return list(watch)


def test_pictures_without_stamps_are_timed_by_arrival(clip: Path, make_clip: MakeClip) -> None:
    """Bare H.264 of 12 frames a second, for which ffmpeg would suppose 25."""
    bare = make_clip("bare.h264", "-i", clip, "-c", "copy", "-f", "h264")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve_slowly, args=(listening, bare.read_bytes()))
        thread.start()
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        with Watch(find_source(address), CHOICE, reconnect_for=0, duration=2) as watch:
            moments = list(watch)
        thread.join()
    assert len(moments) > 3
    assert all(moment.stamp_s is None for moment in moments)
    assert moments[-1].time_s == pytest.approx(2, abs=0.6)


def serve_slowly(listening: socket.socket, content: bytes) -> None:
    """Send a clip in small pieces, in five seconds."""
    with listening.accept()[0] as peer:
        for start in range(0, len(content), len(content) // 50):
            try:
                peer.sendall(content[start : start + len(content) // 50])
            except OSError:
                return
            time.sleep(0.1)


def test_no_such_stream_is_told_at_once() -> None:
    for scheme in ("tcp", "rtsp", "http"):
        with pytest.raises(MediaError, match="connection was refused"):
            list_of(f"{scheme}://127.0.0.1:{free_port(socket.SOCK_STREAM)}/x")
    assert children() == []


def test_a_source_that_gives_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_FIRST_PICTURE_S", 1.0)
    with pytest.raises(MediaError, match="no frame for 1 s"):
        list_of(f"udp://127.0.0.1:{free_port()}")
    assert children() == []
