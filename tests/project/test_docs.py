"""Every Python example of the pages runs, every command and link there is one, versions agree."""

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

import fervid
from fervid.cli import main
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
]


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.S | re.M)


def shown_commands(page: str) -> list[tuple[str, str]]:
    """Name and rest of every `fervid NAME …` on a page."""
    text = text_of(page).replace("$SLURM_ARRAY_TASK_ID", "1")
    text = text.replace("$SLURM_ARRAY_TASK_COUNT", "16")
    return re.findall(rf"fervid ({'|'.join(main.commands)})\b([^`\n]*)", text)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_examples_run(
    page: str, results: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "two_speakers.mp4", "lecture.mp4")
    shutil.copy(SAMPLES / "portrait.jpg", ".")
    Path("photos").mkdir()
    shutil.copy(SAMPLES / "portrait.jpg", "photos")
    shutil.copytree(results["two_speakers"], "lecture.mp4.fervid")
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, page, "exec"), {"__name__": "example"})
    if "lecture.html" in code:
        assert Path("lecture.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("page", PAGES)
def test_commands_take_the_options_they_are_shown_with(page: str) -> None:
    for name, rest in shown_commands(page):
        words = [word for word in shlex.split(rest, comments=True) if word not in ("&&", "...")]
        command = main.commands[name]
        for option in (
            word.split("=")[0] for word in words if word.startswith("-") and word != "-"
        ):
            known = [word for one in command.params for word in (*one.opts, *one.secondary_opts)]
            assert option in known, (name, option)


@pytest.mark.parametrize("page", [page for page in PAGES if "python -m " in text_of(page)])
def test_modules_take_the_options_they_are_shown_with(page: str) -> None:
    dotted = r"((?:training|benchmarks)[\w.]*\w)\b(?!\.…)"
    shown = re.findall(rf"python -m {dotted}([^;\n]*)", text_of(page))
    for name, rest in shown:
        module = importlib.import_module(name)
        if not hasattr(module, "main"):
            module = importlib.import_module(f"{name}.__main__")
        options = {option for parameter in module.main.params for option in parameter.opts}
        given = {word for word in shlex.split(rest, comments=True) if word.startswith("-")}
        assert given <= options, (name, given - options)


def test_the_pages_show_every_command() -> None:
    shown = [name for page in PAGES for name, _ in shown_commands(page)]
    assert set(shown) == set(main.commands)
    assert len(shown) >= 50


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    for link in links:
        if not link.startswith("https://"):
            assert ((ROOT / page).parent / link).exists(), link


def test_the_readme_leads_to_every_page() -> None:
    text = text_of("README.md")
    assert len(text.splitlines()) <= 150
    for page in PAGES[1:]:
        assert f"]({page})" in text, page


def test_the_version_is_the_same_everywhere() -> None:
    citation, changelog = text_of("CITATION.cff"), text_of("CHANGELOG.md")
    entries = re.findall(r"^## (\d\S*) - (\S+)$", changelog, re.M)
    assert entries[0][0] == fervid.__version__
    assert f"\nversion: {fervid.__version__}\n" in citation
    assert f'\ndate-released: "{entries[0][1]}"\n' in citation
    numbers = [tuple(map(int, version.split("."))) for version, _ in entries]
    assert numbers == sorted(numbers, reverse=True)
