"""Every Python example of the README and of docs/ runs, and every command there is one."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from fervid.cli import main
from tests.conftest import SAMPLES

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def test_there_are_pages() -> None:
    assert {"docs/batches.md", "docs/python.md"} < set(PAGES)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_examples_run(
    page: str, results: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "two_speakers.mp4", "lecture.mp4")
    shutil.copytree(results["two_speakers"], "lecture.mp4.fervid")
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, page, "exec"), {"__name__": "example"})
    assert Path("lecture.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("page", PAGES)
def test_commands_take_the_options_they_are_shown_with(page: str) -> None:
    text = (ROOT / page).read_text("utf-8").replace("$SLURM_ARRAY_TASK_ID", "1")
    text = text.replace("$SLURM_ARRAY_TASK_COUNT", "16").replace("FILE.csv", "README.md")
    shown = re.findall(r"fervid (analyze|explain|export|models|report|web) ([^`\n]*)", text)
    assert len(shown) >= (30 if page == "README.md" else 0)
    for name, rest in shown:
        words = [word for word in shlex.split(rest, comments=True) if word not in ("&&", "...")]
        command = main.commands[name]
        for option in (
            word.split("=")[0] for word in words if word.startswith("-") and word != "-"
        ):
            known = [word for one in command.params for word in (*one.opts, *one.secondary_opts)]
            assert option in known, (name, option)
