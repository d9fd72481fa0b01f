"""Live sessions: what is found, how late, and what is left."""

import io
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import fervid
from fervid.cli import live_view, main
from fervid.engine.online import OnlineRows
from fervid.errors import ResultError
from fervid.settings.choices import EXPRESSIONS
from fervid.timeline import Timeline
from tests.helpers.clips import children, read
from tests.helpers.live_runs import FERVID, result_of, rows_of, wait_for
from tests.helpers.streams import sender

pytestmark = pytest.mark.slow


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
    with pytest.raises(ResultError, match="already exists"):
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
