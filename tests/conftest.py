"""Clips made on the spot, each with a truth that is known by construction."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import jax
import jaxlib
import psutil
import pytest

from tests.helpers.clips import X264, MakeClip, counter
from tests.helpers.kept_programs import keep_programs
from tests.helpers.once import made_once, shared_folder

SAMPLES = Path(__file__).parent.parent / "sample_media"
CLIPS = ("expressions", "two_speakers")
"""Sample clips whose expressions are known frame by frame."""


_XLA_FLAGS = ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1")
"""With these, XLA compiles in half the time."""


def pytest_configure() -> None:
    """Set flags of XLA before JAX starts, also for child processes."""
    if jaxlib.version.__version_info__ < (0, 12):  # XLA aborts if it does not know a flag
        given = os.environ.get("XLA_FLAGS", "").split()
        os.environ["XLA_FLAGS"] = " ".join(dict.fromkeys([*given, *_XLA_FLAGS]))


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores, as many tests wait; but each needs up to 3 GB of memory."""
    fit = psutil.virtual_memory().available // 3_000_000_000
    return max(1, min((os.cpu_count() or 1) + 1, fit))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first, so that no worker is left with one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session", autouse=True)
def compile_once(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> None:
    """Equal programs are compiled once, by this run or an earlier one: that takes most of the time.

    They are hardly optimised, as that takes longer than running them; `fervid.models.program`
    chooses for itself. `pytest --cache-clear` removes them.
    """
    keep_programs(pytestconfig, shared_folder(tmp_path_factory))
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Put back what a command that ran in this process does with signals: it would outlive it."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before, report = {number: signal.getsignal(number) for number in numbers}, sys.unraisablehook
    # Shells start what runs in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    sys.unraisablehook = report
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def run_ffmpeg() -> Callable[..., None]:
    """Run the bundled ffmpeg with these arguments; fails the test if ffmpeg does."""
    binary = imageio_ffmpeg.get_ffmpeg_exe()

    def run(*args: object, data: bytes | None = None) -> None:
        command = [binary, "-hide_banner", "-loglevel", "error", "-y", *map(str, args)]
        subprocess.run(command, input=data or b"", check=True, timeout=60)

    return run


@pytest.fixture(scope="session")
def make_clip(
    tmp_path_factory: pytest.TempPathFactory, run_ffmpeg: Callable[..., None]
) -> MakeClip:
    """`make_clip(name, *ffmpeg_args)`: a clip by its file name, made once a session.

    Other files may have clips of the same name: each gets a folder of its own.
    """
    made: dict[tuple[object, ...], Path] = {}

    def make(name: str, *args: object, data: bytes | None = None) -> Path:
        if (name, *args) not in made:
            taken = sum(path.name == name for path in made.values())
            path = folders(taken) / name
            run_ffmpeg(*args, path, data=data)
            made[name, *args] = path
        return made[name, *args]

    @functools.cache
    def folders(_: int) -> Path:
        return tmp_path_factory.mktemp("clips")

    return make


@pytest.fixture(scope="session")
def constant_clip(make_clip: MakeClip) -> Path:
    """50 frames at 25 a second with B-frames, 64x48, MP4; frame N drawn by COUNTER."""
    return make_clip("constant.mp4", *counter(50), *X264, "-bf", 2, "-g", 20)


@pytest.fixture(scope="session")
def variable_clip(make_clip: MakeClip) -> Path:
    """40 frames, frame N at (N * N + 10 * N) ms, 64x48, MP4 with B-frames, drawn by COUNTER."""
    pts = "settb=1/1000,setpts=N*N+10*N"
    scale = ("-video_track_timescale", 1000, "-enc_time_base", "1/1000", "-bf", 2)
    return make_clip("variable.mp4", *counter(40, extra=pts), *X264, *scale)


@pytest.fixture(scope="session")
def corner_clip(make_clip: MakeClip) -> Path:
    """5 frames of 96x64, black but for a white block in the upper left corner."""
    box = "color=black:s=96x64:r=25,drawbox=w=32:h=24:color=white:t=fill"
    return make_clip("corner.mp4", "-f", "lavfi", "-i", box, "-frames:v", 5, *X264)


@pytest.fixture(scope="session")
def long_clip(make_clip: MakeClip) -> Path:
    """1,500 frames of 160x120 at 30 a second."""
    source = "testsrc2=s=160x120:r=30"
    return make_clip("long.mp4", "-f", "lavfi", "-i", source, "-frames:v", 1500, *X264)


@pytest.fixture(scope="session")
def cover_picture(make_clip: MakeClip) -> Path:
    """A still picture, PNG of 200x200."""
    return make_clip("cover.png", "-f", "lavfi", "-i", "color=red:s=200x200", "-frames:v", 1)


class _SampleResults(dict[str, Path]):
    """Result folders of the sample clips by the clips' names; each is analysed when asked for."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        super().__init__()
        self._factory = factory

    def __missing__(self, name: str) -> Path:
        from fervid.pipeline import Analyzer, result_folder
        from fervid.settings import Settings

        clip = SAMPLES / f"{name}.mp4"

        def make(out: Path) -> None:
            Analyzer(Settings()).analyze(clip, result_folder(clip, out))

        self[name] = result_folder(clip, made_once(self._factory, f"result-{name}", make))
        return self[name]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The result folder of each sample clip, by the clip's name without suffix; only read them."""
    return _SampleResults(tmp_path_factory)


@pytest.fixture(scope="session")
def analyzed(results: dict[str, Path]) -> Path:
    """The result folder of the clip `expressions.mp4`; only read it."""
    return results["expressions"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu"]
        opened = driver.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


def _optional_data(*parts: str) -> Path:
    """A file of the folder FERVID_TEST_DATA; skips the test where it is not there."""
    folder = os.environ.get("FERVID_TEST_DATA")
    if not folder:
        pytest.skip("FERVID_TEST_DATA does not name a folder with development data")
    path = Path(folder, *parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} in FERVID_TEST_DATA")
    return path


@pytest.fixture(scope="session")
def fer2013_path() -> Path:
    """FER-2013 with FER+ votes as Parquet."""
    return _optional_data("data", "fer2013.parquet")


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """A folder with recordings of real people."""
    return _optional_data("media")
