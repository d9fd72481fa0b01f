"""Live streams: what is found, how late, and what is left whatever ends them."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from click.testing import CliRunner

import fervid
from fervid.cli import live_view, main
from fervid.engine.online import OnlineRows
from fervid.errors import MediaError, ResultError
from fervid.live import receiver, running
from fervid.live.running import RunningTable
from fervid.live.sources import find_source
from fervid.live.watching import Watch
from fervid.results.codebook import FRAME_COLUMNS
from fervid.results.rows import ROW
from fervid.settings import Settings
from fervid.settings.choices import EXPRESSIONS
from fervid.timeline import Timeline
from tests.conftest import SAMPLES
from tests.helpers.clips import MakeClip, children, read
from tests.helpers.rtsp import LOGIN, rtsp_camera
from tests.helpers.streams import CAMERA, free_port, sender, sending

pytestmark = pytest.mark.slow

FERVID = (sys.executable, "-m", "fervid.cli", "live")
WHOLE = {
    *("codebook.csv", "episodes.csv", "frames.csv", "meta.json", "people.csv", "report.html"),
    "summary.csv",
}
CHOICE = Settings(detect_every=1, batch_size=1)


@pytest.fixture(scope="module")
def clip(make_clip: MakeClip) -> Path:
    """What is sent: eight seconds, two people."""
    return make_clip("camera.mp4", "-i", SAMPLES / "two_speakers.mp4", *CAMERA)


@pytest.fixture
def stream(clip: Path) -> Iterator[str]:
    """The address of a stream that is being sent."""
    address = f"udp://127.0.0.1:{free_port()}"
    with sending(clip, f"{address}?pkt_size=1316"):
        yield address


@pytest.fixture(scope="module")
def clip_every_frame_searched(clip: Path) -> Timeline:
    """What `analyze` finds in the clip that is sent."""
    return fervid.analyze(clip, detect_every=1, batch_size=1)


def wait_for(what: Callable[[], Any], seconds: float = 40.0) -> None:
    """Wait until it is true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def result_of(out: Path) -> Path:
    """The one result folder, beside which nothing is left."""
    (folder,) = out.iterdir()
    assert folder.suffix == ".fervid"
    assert {path.name for path in folder.iterdir()} - {"thumbnails"} == WHOLE
    return folder


def rows_of(out: Path) -> int:
    """How many rows the table holds so far, all of them whole."""
    tables = list(out.glob("*.running.csv"))
    if not tables:
        return 0
    content = tables[0].read_bytes()
    if not content:
        return 0
    assert content.endswith(b"\n")
    table = pd.read_csv(io.BytesIO(content))
    assert tuple(table.columns) == FRAME_COLUMNS
    assert not table[["frame", "timestamp", "success", "status"]].isna().to_numpy().any()
    return len(table)


def test_rows_are_those_of_the_recording(
    stream: str, clip: Path, clip_every_frame_searched: Timeline, tmp_path: Path
) -> None:
    moments = []
    with fervid.watch(stream, out=tmp_path, duration=3) as watch:
        for moment in watch:
            moments.append(moment)
            assert 0 <= moment.latency_s < 2
    assert len(children()) == 1  # the sender
    assert watch.ended_by == "duration"
    final = Timeline.read(result_of(tmp_path)).frames
    assert [moment.index for moment in moments] == sorted({*final["frame"]})

    sent, _ = read(clip)
    values = ["face_x", "face_y", "face_w", "face_h", *EXPRESSIONS]
    compared = 0
    for moment in moments:
        (same,) = np.nonzero((sent.images == moment.image).all(axis=(1, 2)))
        if len(same) != 1:  # the clip holds still there, or the stream had no whole picture yet
            continue
        known = clip_every_frame_searched.frames.query("frame == @same[0] and success == 1")
        for table in (final.query("frame == @moment.index"), moment.table()):
            expected, got = (one.sort_values("face_x")[values] for one in (known, table))
            assert got.to_numpy() == pytest.approx(expected.to_numpy(), abs=0.06)
        compared += 1
    assert compared > 0.8 * len(moments) > 20
    smooth = np.concatenate([moment.faces["smooth"] for moment in moments])
    assert smooth.sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_meta_tells_of_the_session(stream: str, tmp_path: Path) -> None:
    with fervid.watch(stream, out=tmp_path, name="lecture", fps=4, thumbnails=False) as watch:
        for moment in watch:
            if moment.time_s > 2:
                break
    meta = Timeline.read(tmp_path / "lecture.fervid").meta
    told = meta["live"]
    assert told["source"] == stream
    assert told["times"] == "stream"
    assert told["stopped_by"] == "request"
    assert told["frames"]["analysed"] == meta["detection"]["frames"]
    assert 7 <= told["frames"]["analysed"] <= 11
    assert meta["recording"]["name"] == "lecture"
    assert meta["recording"]["beside"] is None
    assert (meta["recording"]["width"], meta["recording"]["height"]) == (640, 360)
    with pytest.raises(ResultError, match="exists already"):
        fervid.watch(stream, out=tmp_path, name="lecture").__enter__()


def test_a_slow_analysis_drops_frames_and_does_not_lag(
    stream: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    quick = OnlineRows.rows

    def slow(*args: Any) -> Any:
        time.sleep(0.3)
        return quick(*args)

    monkeypatch.setattr(OnlineRows, "rows", slow)
    with fervid.watch(stream, out=tmp_path, duration=3) as watch:
        moments = list(watch)
    first, last = moments[0], moments[-1]
    came = last.index - first.index + 1
    assert last.dropped - first.dropped == came - len(moments) > 10
    assert max(moment.latency_s for moment in moments[1:]) < 1
    assert last.time_s > 2
    meta = Timeline.read(result_of(tmp_path)).meta
    assert any("faster than they could be analysed" in line for line in meta["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_whole_result(
    stream: str, number: signal.Signals, tmp_path: Path
) -> None:
    command = [*FERVID, stream, "-o", str(tmp_path), "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        wait_for(lambda: rows_of(tmp_path))
        before = rows_of(tmp_path)
        offspring = psutil.Process(process.pid).children(recursive=True)
        assert offspring
        wait_for(lambda: rows_of(tmp_path) > before)
        process.send_signal(number)
        assert process.wait(20) == 0
        reader.join()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not any(one.is_running() for one in offspring)
    told = [json.loads(line) for line in lines]
    assert told[-1]["end"]["stopped_by"] == "request"
    assert told[-1]["end"]["analysed"] == len(told) - 1
    timeline = Timeline.read(result_of(tmp_path))
    assert {*timeline.frames["frame"]} == {one["frame"] for one in told[:-1]}
    faces = [face for one in told[:-1] for face in one["faces"]]
    assert faces
    assert all(sum(face["smooth"].values()) == pytest.approx(1, abs=2e-3) for face in faces)


@pytest.mark.parametrize("numbers", [(signal.SIGKILL,), (signal.SIGINT, signal.SIGINT)])
def test_what_was_written_outlives_a_kill(
    stream: str, numbers: tuple[signal.Signals, ...], tmp_path: Path
) -> None:
    command = [*FERVID, stream, "-o", str(tmp_path), "-q"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: rows_of(tmp_path))
        offspring = psutil.Process(process.pid).children(recursive=True)
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.05)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == (-9 if len(numbers) == 1 else 130)
    assert errors == ("" if len(numbers) == 1 else "fervid: interrupted\n")
    assert rows_of(tmp_path)
    assert not list(tmp_path.glob("*.fervid"))
    assert psutil.wait_procs(offspring, timeout=10)[1] == []


WATCHES = """
import sys, fervid
with fervid.watch(sys.argv[1], out=sys.argv[2]) as watch:
    for moment in watch:
        print(moment.index, flush=True)
        if sys.argv[3:] and moment.time_s > 0.2:
            raise RuntimeError("of the script")
"""


def test_a_script_that_is_interrupted_keeps_its_tables(stream: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHES, stream, str(tmp_path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        wait_for(lambda: rows_of(tmp_path), 120)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert errors.endswith("KeyboardInterrupt\n")
    timeline = Timeline.read(result_of(tmp_path))
    seen = sorted({*timeline.frames["frame"]})
    assert set(map(int, printed.split())) <= set(seen)
    assert timeline.meta["live"]["stopped_by"] == "request"


def test_a_script_that_fails_keeps_the_table_that_grew(stream: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHES, stream, str(tmp_path), "fails"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr.endswith("RuntimeError: of the script\n")
    (table,) = tmp_path.glob("*.running.csv")
    assert {*pd.read_csv(table)["frame"]} >= {*map(int, done.stdout.split())}
    assert not list(tmp_path.glob("*.fervid"))


def test_a_stream_on_standard_input_ends_with_it(clip: Path, tmp_path: Path) -> None:
    process = sender(clip, "pipe:1", stdout=subprocess.PIPE)
    command = [*FERVID, "-", "-o", str(tmp_path)]
    watching = subprocess.Popen(
        command, stdin=process.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    wait_for(lambda: rows_of(tmp_path))
    process.kill()
    process.wait()
    shown, errors = watching.communicate(timeout=30)
    assert (watching.returncode, errors) == (0, "")
    assert "frames analysed" in shown.splitlines()[0]
    assert shown.splitlines()[1].startswith("report: ")
    meta = Timeline.read(result_of(tmp_path)).meta
    assert meta["live"]["stopped_by"] == "end"


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
    assert told[0].endswith("; trying again")
    assert told[1:] == [f"{address}: is back"]
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
    assert lines[0].endswith("trying again")
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
        with pytest.raises(MediaError, match="another user name and password") as refused:
            list_of(f"rtsp://viewer:guess@{camera.place}/live")
        with pytest.raises(MediaError, match="names another address"):
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


class FakeCapture:
    """A camera with a person before it, unplugged after some frames."""

    frames = 12
    pictures: ClassVar[list[Any]] = []

    def __init__(self, *_: object) -> None:
        self._given = 0

    def isOpened(self) -> bool:  # noqa: N802
        return bool(self.pictures)

    def set(self, *_: object) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.1 if self._given else 0)
        self._given += 1
        return (True, self.pictures[0]) if self._given < self.frames else (False, None)

    def release(self) -> None:
        pass


def test_a_camera_is_watched_until_it_is_unplugged(
    clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    capture = cv2.VideoCapture(str(clip))
    monkeypatch.setattr(FakeCapture, "pictures", [capture.read()[1]])
    capture.release()
    monkeypatch.setattr(FakeCapture, "frames", 40)
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    with fervid.watch(1, out=tmp_path) as watch:
        moments = list(watch)
    assert watch.ended_by == "lost"
    assert watch.lost == "camera 1: gives no more pictures; was it unplugged?"
    assert len(moments[0].faces)
    timeline = Timeline.read(result_of(tmp_path))
    assert timeline.meta["live"]["times"] == "arrival"
    assert watch.lost in timeline.meta["warnings"]
    assert np.median(np.diff(timeline.frames["timestamp"].unique())) == pytest.approx(0.1, abs=0.05)


def test_a_camera_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = subprocess.run([*FERVID, "97", "-o", str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fervid: camera 97: cannot be opened")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_it(stream: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fill_up() -> None:
        with fervid.watch(stream, out=tmp_path) as watch:
            for moment in watch:
                if moment.time_s > 1:
                    monkeypatch.setattr(running.os, "write", full_disk)

    with pytest.raises(ResultError, match="cannot be written"):
        fill_up()
    monkeypatch.undo()
    assert rows_of(tmp_path) > 0
    assert len(list(tmp_path.iterdir())) == 1
    assert len(children()) == 1  # the sender


def full_disk(fd: int, content: Any) -> int:
    """Stands for `os.write`."""
    raise OSError(28, "No space left on device")


def test_no_half_row_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = RunningTable(tmp_path / "x.running.csv")
    rows = np.zeros(1, ROW)
    table.add(rows)
    table.flush()
    whole = table.path.read_bytes()
    write, room = os.write, [10]

    def full(fd: int, content: Any) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return write(fd, content[: room.pop()])

    monkeypatch.setattr(running.os, "write", full)
    table.add(rows)
    with pytest.raises(ResultError, match="No space left"):
        table.flush()
    table.close()
    assert not room
    assert table.path.read_bytes() == whole


def test_without_pictures_nothing_is_written(tmp_path: Path, make_clip: MakeClip) -> None:
    sound = make_clip("sound.ts", "-f", "lavfi", "-i", "sine=d=1", "-f", "mpegts")
    command = [*FERVID, "-", "-o", str(tmp_path)]
    with sound.open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fervid: standard input: has no video\n"
    assert list(tmp_path.iterdir()) == []


def test_nobody_sends_and_the_user_stops(tmp_path: Path) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    process = subprocess.Popen([*FERVID, address, "-o", str(tmp_path)], stderr=subprocess.PIPE)
    wait_for(lambda: psutil.Process(process.pid).children())
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b"fervid: stopped before a picture came; nothing is written\n"
    assert list(tmp_path.iterdir()) == []


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
    with pytest.raises(MediaError, match="no picture came for 1 s"):
        list_of(f"udp://127.0.0.1:{free_port()}")
    assert children() == []


def test_stopped_before_a_frame_was_analysed_nothing_is_written(
    stream: str, tmp_path: Path
) -> None:
    watch = Watch(find_source(stream), CHOICE, out=tmp_path, stopped=lambda: is_ready(watch))

    def is_ready(watch: Watch) -> bool:
        return watch._engine is not None

    with watch:
        assert list(watch) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_a_reader_that_does_not_read_keeps_nobody_from_stopping(
    stream: str, tmp_path: Path
) -> None:
    command = [*FERVID, stream, "--json", "-o", tmp_path, "--name", "unread"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running = tmp_path / "unread.running.csv"
    wait_for(lambda: running.exists() and len(running.read_bytes()) > 10_000)
    written = 0

    def is_stuck() -> bool:
        nonlocal written
        before, written = written, len(running.read_bytes())
        time.sleep(1.5)
        return written == before

    wait_for(is_stuck, 90)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        lines = process.stdout.read().splitlines()
        assert process.stderr.read() == ""
    assert json.loads(lines[0])["frame"] >= 0
    assert (tmp_path / "unread.fervid" / "report.html").exists()


@pytest.mark.parametrize("name", ["../x", ".hidden", "a\nb"])
def test_a_name_that_cannot_be_is_wrong_usage(name: str) -> None:
    done = CliRunner().invoke(main, ["live", "udp://127.0.0.1:1", "--name", name])
    assert done.exit_code == 2
    assert "--name" in done.output


def test_names_hold_no_folder(tmp_path: Path) -> None:
    for name in ("../x", "a/b", ".x", ".."):
        with pytest.raises(ValueError, match="name"):
            fervid.watch(0, out=tmp_path, name=name)


def test_the_view_shows_people(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    with fervid.watch(stream) as watch:
        for moment in watch:
            if len(moment.faces):
                break
    console = Console(width=100, force_terminal=True, record=True, file=io.StringIO())
    monkeypatch.setattr(live_view, "Console", lambda **_: console)
    with live_view.view_of("camera 0", live_view.Verbosity(), lambda: False) as view:
        assert view.show(moment)
        view.notify("camera 0: is back")
    text = console.export_text()
    assert "camera 0: is back" in text
    console.print(live_view._table(moment))
    text = console.export_text()
    assert "surprise" in text
    assert str(moment.faces["face_id"][0]) in text
