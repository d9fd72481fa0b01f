"""Folders that appear whole, and what becomes of those that were left behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fervid.results.atomic_folder import WholeFolder


def made(target: Path, text: str) -> None:
    whole = WholeFolder(target, lambda name: name.startswith("mine"))
    whole.create()
    (whole.path / "table").write_text(text)
    whole.publish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("exchanged", [True, False])
def test_it_replaces_an_earlier_one_and_keeps_what_is_to_outlive_it(
    tmp_path: Path, exchanged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanged:  # a file system that cannot
        monkeypatch.setattr("fervid.results.atomic_folder._exchanged", lambda *_: False)
    target = tmp_path / "r"
    made(target, "one")
    (target / "mine").mkdir()
    (target / "mine" / "notes").write_text("notes")
    (target / "mine.txt").symlink_to("nowhere")
    (target / "theirs").write_text("goes")
    made(target, "two")
    assert (target / "table").read_text() == "two"
    assert (target / "mine" / "notes").read_text() == "notes"
    assert (target / "mine.txt").readlink() == Path("nowhere")
    assert names(target) == ["mine", "mine.txt", "table"]
    assert names(tmp_path) == ["r"]


def test_what_a_killed_process_left_goes_and_what_a_living_one_fills_stays(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from fervid.results.atomic_folder import WholeFolder\n"
        "WholeFolder(Path(sys.argv[1]), bool).create(); print('in', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "theirs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        (theirs,) = tmp_path.iterdir()
        made(tmp_path / "ours", "x")
        assert theirs.exists()
        process.send_signal(signal.SIGKILL)
    made(tmp_path / "ours", "y")
    assert names(tmp_path) == ["ours"]


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
from fervid.results import atomic_folder as whole_folder
left = int(sys.argv[2])
def stop(event, _):
    global left
    if event.startswith("os.") or event in ("open", "ctypes.dlopen"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(stop)
target = Path(sys.argv[1])
whole = whole_folder.WholeFolder(target, lambda name: name.startswith("mine"))
whole.create()
(whole.path / "table").write_text("two")
(whole.path / "more").write_text("two")
whole.publish()
print("done")
"""


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_one_with_what_is_to_outlive_both(
    tmp_path: Path,
) -> None:
    if sys.platform != "linux":
        pytest.skip("exchanging two folders at once is for Linux")
    began, seen = time.monotonic(), set()
    for moment in range(1, 100):
        target = tmp_path / str(moment) / "r"
        made(target, "one")
        for name in ("mine.txt", "mine.too"):
            (target / name).write_text("notes")
        command = [sys.executable, "-c", _KILLED_AT, str(target), str(moment)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (target / "table").read_text() in ("one", "two"), moment
        assert (target / "more").exists() == ((target / "table").read_text() == "two"), moment
        assert all((target / name).read_text() == "notes" for name in ("mine.txt", "mine.too"))
        seen.add((target / "table").read_text())
        if done.stdout:
            break
    assert seen == {"one", "two"}
    assert done.stdout == "done\n"
    assert time.monotonic() - began < 60
