"""Completion: what the shells are told, and what bash makes of it."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fervid.cli import main
from fervid.cli.completion import SHELLS
from fervid.settings.choices import EXPRESSION_MODELS, LABELS

pytestmark = pytest.mark.slow


def completed(*words: str) -> list[tuple[str, str]]:
    """Kind and value of what may stand in place of the last word, as told to bash."""
    line = {"COMP_WORDS": shlex.join(("fervid", *words)), "COMP_CWORD": str(len(words))}
    environment = {**os.environ, **line, "_FERVID_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "fervid.cli"], env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    told = [answer.split(",", 1) for answer in done.stdout.splitlines()]
    return [(kind, value) for kind, value in told]


def test_commands_options_and_choices() -> None:
    assert completed("an") == [("plain", "analyze")]
    assert ("plain", "--labels") in completed("analyze", "--la")
    assert completed("analyze", "--labels", "") == [("plain", name) for name in LABELS]
    assert ("plain", "elan") in completed("export", "lecture.mp4.fervid", "--to", "")
    assert completed("completion", "z") == [("plain", "zsh")]


def test_models_by_name_or_by_file() -> None:
    shipped = [("plain", name) for name in EXPRESSION_MODELS]
    for words in (("analyze", "--weights"), ("explain", "x.mp4", "--weights"), ("models",)):
        assert completed(*words, "") == shipped
        assert completed(*words, "runs/") == [("file", "runs/")]
    assert completed("analyze", "--detector", "y") == [("plain", "yunet:")]


def test_recordings_and_results_are_files() -> None:
    for words in (("analyze",), ("report",), ("explain",), ("analyze", "--files-from")):
        assert completed(*words, "lec") == [("file", "lec")]
    assert completed("analyze", "--out", "res") == [("dir", "res")]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell], prog_name="fervid")
    assert done.exit_code == 0
    assert f"_FERVID_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_with_its_script(tmp_path: Path) -> None:
    command = tmp_path / "fervid"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fervid.cli "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(fervid completion bash)"
        complete -p fervid
        COMP_WORDS=(fervid analyze --labels fer) COMP_CWORD=3
        _fervid_completion fervid
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].endswith("_fervid_completion fervid")
    assert done.stdout.splitlines()[1:] == ["fer2013", "ferplus"]
