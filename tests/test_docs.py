"""Every Python example of the README and of docs/ runs, one page in one go."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import SAMPLES

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


def test_there_are_pages() -> None:
    assert "docs/python.md" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(
    page: str, results: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.S | re.M)
    assert examples
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "two_speakers.mp4", "lecture.mp4")
    shutil.copytree(results["two_speakers"], "lecture.mp4.fervid")
    exec(compile("\n".join(examples), page, "exec"), {"__name__": "example"})
    assert Path("lecture.html").stat().st_size > 1_000_000
