import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from fervid.cli import main
from tests.helpers.commands import fervid

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_every_command_has_help_with_an_example_and_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name, command in main.commands.items():
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0
        assert f"fervid {name}" in result.output.split("Example", 1)[1]
        assert f"fervid {name}" in readme
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


def test_analyze_prints_only_what_was_found_and_where_the_report_is(tmp_path: Path) -> None:
    clip = ROOT / "sample_media" / "expressions.mp4"
    given = ["analyze", str(clip), "--fps", "1", "-o", str(tmp_path)]
    command = [sys.executable, "-m", "fervid.cli", *given]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    folder = tmp_path / "expressions.mp4.fervid"
    assert done.stdout.splitlines()[-1] == f"report: {folder / 'report.html'}"
    assert {p.name for p in folder.iterdir()} == {
        "frames.csv",
        "codebook.csv",
        "thumbnails",
        "episodes.csv",
        "people.csv",
        "summary.csv",
        "meta.json",
        "report.html",
    }


def test_a_result_of_the_same_is_kept_unless_overwrite_is_asked_for(analyzed: Path) -> None:
    clip = str(ROOT / "sample_media" / "expressions.mp4")
    before = (analyzed / "meta.json").read_bytes()
    done = fervid("analyze", clip, "-o", str(analyzed.parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert "--overwrite" in done.stdout
    assert (analyzed / "meta.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"hello"), ("empty.mp4", b""), ("noise.mp4", bytes(range(256)) * 64)],
)
def test_what_is_no_recording_gets_one_line_and_exit_code_1(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    done = fervid("analyze", name, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("fervid: ")
    assert done.stderr.count("\n") == 1
    assert name in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_missing_file_and_wrong_usage(tmp_path: Path) -> None:
    done = fervid("analyze", "nowhere.mp4", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert fervid("analyze", "x.mp4", "--start", "1:xx", cwd=tmp_path).returncode == 2
    assert fervid("analyze", "x.mp4", "--fps", "0", cwd=tmp_path).returncode == 2
    assert fervid("analyze", "x.mp4", "--fps", "nan", cwd=tmp_path).returncode == 2
    done = fervid("analyze", "x.mp4", "--start", "5", "--end", "3", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_ways_of_working_are_checked_and_written_down(tmp_path: Path) -> None:
    clip = str(ROOT / "sample_media" / "expressions.mp4")
    for option, value in (("batch-size", "0"), ("batch-size", "many"), ("detect-every", "0")):
        assert fervid("analyze", clip, f"--{option}", value, cwd=tmp_path).returncode == 2
    assert fervid("analyze", clip, "--scale", "1.5", cwd=tmp_path).returncode == 2
    done = fervid("analyze", clip, "--device", "tpu", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no TPU" in done.stderr
    assert list(tmp_path.iterdir()) == []

    chosen = ("--batch-size", "auto", "--detect-every", "4", "--device", "cpu", "--scale", "0.5")
    done = fervid("analyze", clip, "--end", "1", *chosen, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    meta = json.loads((tmp_path / "expressions.mp4.fervid" / "meta.json").read_text())
    for name, value in (("batch_size", None), ("detect_every", 4), ("scale", 0.5)):
        assert meta["settings"][name] == value
    assert meta["tracking"]["searched"] < meta["detection"]["frames"]


_SWALLOWED = """
import gc, os, signal
from fervid.batch.interruption import Interruption
interruption = Interruption()
def callback(*_):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000): pass
gc.callbacks.append(callback)
gc.collect()
try:
    interruption.check()
except KeyboardInterrupt:
    interruption.leave()
"""


def test_a_signal_inside_a_callback_of_the_runtime_still_stops_without_noise() -> None:
    done = subprocess.run([sys.executable, "-c", _SWALLOWED], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "fervid: interrupted\n")


_IMPORTING = """
import time
from fervid.cli.console import one_line_errors
with one_line_errors():
    import stopped_while_loading
    time.sleep(20)
"""


def test_a_signal_during_an_import_waits_for_its_end(tmp_path: Path) -> None:
    module = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nprint('loaded')\n"
    (tmp_path / "stopped_while_loading.py").write_text(module)
    command = [sys.executable, "-c", _IMPORTING]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stdout) == (143, "loaded\n")
    assert done.stderr == "fervid: interrupted\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_nothing(
    long_clip: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "fervid.cli", "analyze", str(long_clip), "-o", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()), "it never began to write"
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert (child.returncode, errors) == (code, "fervid: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_would_move_the_cursor_is_printed_harmlessly(tmp_path: Path) -> None:
    name = "a\nb\x1b[2J.mp4"
    (tmp_path / name).write_bytes((ROOT / "sample_media" / "expressions.mp4").read_bytes())
    done = fervid("analyze", name, "--end", "0.2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("report: a\\nb\\x1b[2J.mp4.fervid/report.html\n")


def test_report_renders_again_from_the_tables(analyzed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(analyzed, tmp_path / analyzed.name)
    page = folder / "report.html"
    before = page.read_text("utf-8")
    page.unlink()
    done = fervid("report", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"report: {page}\n"
    ids = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
    assert ids.sub("", page.read_text("utf-8")) == ids.sub("", before)


def test_models_prints_both_cards() -> None:
    done = fervid("models")
    assert done.returncode == 0
    for word in ("face_detector", "expression", "sha256", "PrivateTest", "limits"):
        assert word in done.stdout


def test_start_and_end_take_timecodes_and_times_stay_exact(tmp_path: Path) -> None:
    clip = str(ROOT / "sample_media" / "expressions.mp4")
    done = fervid("analyze", clip, "--start", "0:02", "--end", "0:03.5", "-q", "-o", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    frames = pd.read_csv(tmp_path / "expressions.mp4.fervid" / "frames.csv")
    assert frames["frame"].unique().tolist() == list(range(24, 42))
    assert frames["timestamp"].iloc[0] == pytest.approx(2.0, abs=1e-6)
    meta = json.loads((tmp_path / "expressions.mp4.fervid" / "meta.json").read_text())
    assert meta["settings"]["start"] == 2.0
