"""The wheel and the source archive: their files, their size, and what they say of fervid."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

import fervid

pytestmark = pytest.mark.slow

pytest.importorskip("hatchling", reason="hatchling is not installed")

ROOT = Path(__file__).parents[2]
WHEEL = f"fervid-{fervid.__version__}-py3-none-any.whl"
SOURCES = f"fervid-{fervid.__version__}"


def build(kind: str, source: Path, out: Path) -> Path:
    """A wheel or sdist of a folder, with the build backend that is installed: no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=60)
    (built,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    folder = tmp_path_factory.mktemp("sources")
    with tarfile.open(build("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    return folder / SOURCES


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"{SOURCES}.dist-info/METADATA"))


def test_the_wheel_is_small_and_for_every_platform(wheel: Path) -> None:
    assert wheel.name == WHEEL
    assert wheel.stat().st_size < 12_000_000


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {name for name in names if name.startswith(f"{SOURCES}.dist-info/")}
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "fervid").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names - about == there
    for needed in (
        "fervid/py.typed",
        "fervid/weights/expression.npz",
        "fervid/weights/face_detector.npz",
        "fervid/report/page.html.jinja",
        "fervid/report/style.css",
        "fervid/report/vendor/plotly-basic.min.js",
    ):
        assert needed in names
    licences = {name.split("/licenses/")[1] for name in about if "/licenses/" in name}
    assert licences == {"LICENSE", "fervid/report/vendor/LICENSE"}


def test_the_metadata_say_what_an_installer_and_a_reader_need(metadata: Message) -> None:
    assert metadata["Name"] == "fervid"
    assert metadata["Version"] == fervid.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# fervid")
    python = "Programming Language :: Python :: 3."
    assert sum(line.startswith(python) for line in metadata.get_all("Classifier", [])) >= 4


def test_what_is_optional_is_installed_only_when_asked_for(metadata: Message) -> None:
    extras = set(metadata.get_all("Provides-Extra", []))
    assert {"cluster", "cuda", "parquet", "test", "training", "video"} <= extras
    always = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    for heavy in ("av", "gradio", "pyarrow", "ray", "tensorflow-datasets", "torch"):
        assert not any(line.partition(">")[0] == heavy for line in always), heavy


def test_the_source_archive_makes_the_same_wheel(
    wheel: Path, sources: Path, tmp_path: Path
) -> None:
    assert build("wheel", sources, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_source_archive_is_whole(sources: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    missing = {
        name
        for name in tracked.stdout.split("\0")
        if name and (ROOT / name).exists() and not (sources / name).exists()
    }
    assert not missing
    assert not [path for path in sources.rglob("*") if path.name in ("__pycache__", ".git")]
