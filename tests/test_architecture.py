"""Which module may import which, and what must stay unloaded."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "fervid"
FOUNDATION = {
    f"fervid{name}" for name in ("", ".choices", ".columns", ".errors", ".names", ".records")
}
ALLOWED = {
    "cli": {
        "fervid.batch",
        "fervid.card_pages",
        "fervid.cli",
        "fervid.exports",
        "fervid.explanations",
        "fervid.interruption",
        "fervid.kinds",
        "fervid.live",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.result_files",
        "fervid.reuse",
        "fervid.settings",
        "fervid.report",
        "fervid.results",
        "fervid.model_cards",
        "fervid.web.serving",
    },
    "web": {
        "fervid.kinds",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.report",
        "fervid.result_files",
        "fervid.settings",
        "fervid.timeline",
        "fervid.web",
        "fervid.whole_folder",
    },
    "live": {
        "fervid.appearance",
        "fervid.blinks",
        "fervid.cuts",
        "fervid.episodes",
        "fervid.faces",
        "fervid.keywords",
        "fervid.live",
        "fervid.people",
        "fervid.pipeline",
        "fervid.portraits",
        "fervid.result_files",
        "fervid.results",
        "fervid.rows",
        "fervid.search",
        "fervid.settings",
        "fervid.settling",
        "fervid.sidecar",
        "fervid.smoothing",
        "fervid.tracks",
        "fervid.video",
    },
    "live/sources": set(),
    "live/clock": set(),
    "live/newest": set(),
    # The analysis is unknown to what brings the frames.
    "live/stream": {"fervid.live.relay", "fervid.live.sources", "fervid.video.ffmpeg"},
    "live/relay": set(),
    "live/camera": {"fervid.live.sources", "fervid.live.stream", "fervid.video.reader"},
    "batch": {
        "fervid.batch",
        "fervid.exports",
        "fervid.interruption",
        "fervid.kinds",
        "fervid.photos.jobs",
        "fervid.pipeline",
        "fervid.report",
        "fervid.result_files",
        "fervid.settings",
        "fervid.video.ffmpeg",
        "fervid.whole_folder",
    },
    "pipeline": {
        "fervid.appearance",
        "fervid.blinks",
        "fervid.classifier",
        "fervid.cuts",
        "fervid.detector",
        "fervid.explanations.peaks",
        "fervid.faces",
        "fervid.keywords",
        "fervid.kinds",
        "fervid.models.program",
        "fervid.memory",
        "fervid.people",
        "fervid.portraits",
        "fervid.result_files",
        "fervid.results",
        "fervid.reuse",
        "fervid.search",
        "fervid.settings",
        "fervid.settling",
        "fervid.sidecar",
        "fervid.rows",
        "fervid.timeline",
        "fervid.tracks",
        "fervid.video",
    },
    "kinds": set(),
    "photos": {
        "fervid.appearance",
        "fervid.batch.plan",
        "fervid.exports.drawing",
        "fervid.exports.shown",
        "fervid.faces",
        "fervid.framing",
        "fervid.keywords",
        "fervid.memory",
        "fervid.model_cards",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.report",
        "fervid.result_files",
        "fervid.reuse",
        "fervid.rows",
        "fervid.settings",
        "fervid.sidecar",
        "fervid.video.ffmpeg",
        "fervid.whole_folder",
    },
    # The plan of a batch uses it.
    "photos/jobs": set(),
    "explanations": {
        "fervid.classifier",
        "fervid.explanations",
        "fervid.faces",
        "fervid.kinds",
        "fervid.models",
        "fervid.photos.faces",
        "fervid.photos.reading",
        "fervid.pipeline",
        "fervid.result_files",
        "fervid.settings",
        "fervid.tracks",
        "fervid.video",
    },
    # The pipeline uses it, so it must not use the pipeline.
    "explanations/peaks": {
        "fervid.classifier",
        "fervid.explanations.maps",
        "fervid.explanations.tint",
        "fervid.result_files",
    },
    "explanations/maps": {"fervid.classifier", "fervid.models"},
    "explanations/tint": set(),
    "detector": {"fervid.models", "fervid.model_cards", "fervid.yunet"},
    "yunet": set(),
    "classifier": {"fervid.models", "fervid.model_cards"},
    "models": {"fervid.cache", "fervid.models"},
    "cache": set(),
    "model_cards": set(),
    "card_pages": set(),
    "video": {"fervid.video"},
    "appearance": set(),
    "cuts": set(),
    "likeness": {"fervid.appearance", "fervid.model_cards"},
    "gallery": set(),
    "people": {"fervid.gallery", "fervid.likeness"},
    "portraits": {"fervid.result_files"},
    "tracks": {"fervid.appearance"},
    "blinks": {"fervid.stillness", "fervid.tracks"},
    "search": {"fervid.appearance", "fervid.tracks"},
    "settings": set(),
    "keywords": {"fervid.settings"},
    "stillness": set(),
    "framing": set(),
    "faces": {"fervid.framing"},
    "settling": {
        "fervid.baseline",
        "fervid.durations",
        "fervid.episodes",
        "fervid.people",
        "fervid.results",
        "fervid.rows",
        "fervid.settings",
        "fervid.smoothing",
        "fervid.video.losses",
    },
    "sidecar": {"fervid.settings"},
    "baseline": {"fervid.people"},
    "durations": set(),
    "smoothing": set(),
    "episodes": set(),
    "held": set(),
    "interruption": set(),
    "memory": set(),
    "reuse": {
        "fervid.model_cards",
        "fervid.result_files",
        "fervid.settings",
        "fervid.video.ffmpeg",
    },
    "whole_folder": set(),
    "timeline": {"fervid.report", "fervid.result_files"},
    "rows": {"fervid.framing", "fervid.smoothing"},
    "summaries": set(),
    "result_files": set(),
    "report": {"fervid.model_cards", "fervid.report", "fervid.result_files", "fervid.summaries"},
    "exports": {
        "fervid.exports",
        "fervid.report.figures",
        "fervid.result_files",
        "fervid.video.ffmpeg",
    },
    "results": {
        "fervid.held",
        "fervid.report",
        "fervid.result_files",
        "fervid.summaries",
        "fervid.rows",
        "fervid.whole_folder",
    },
}
WITHOUT_JAX = (
    "video",
    "appearance",
    "cuts",
    "likeness",
    "people",
    "tracks",
    "search",
    "blinks",
    "framing",
    "rows",
    "timeline",
    "results",
    "report",
    "report.index",
    "photos.sheet",
    "exports",
    "exports.boris",
    "exports.datavyu",
    "exports.document",
    "exports.elan",
    "exports.parquet",
    "exports.subtitles",
    "exports.video",
    "model_cards",
)


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports outside `if TYPE_CHECKING`, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
            if node.module == "fervid":
                found |= {f"fervid.{a.name}" for a in node.names if not a.name.startswith("_")}
    return found


def room_files(room: str) -> list[Path]:
    folder = ROOT / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{room}.py"]


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_follow_the_arrows(room: str) -> None:
    for path in room_files(room):
        ours = {name for name in imports_of(path) if name.split(".")[0] == "fervid"} - FOUNDATION
        strangers = {
            name
            for name in ours
            if not any(name == home or name.startswith(home + ".") for home in ALLOWED[room])
        }
        assert not strangers, f"{path.name} imports {strangers}"


def test_the_package_never_imports_training() -> None:
    for path in ROOT.rglob("*.py"):
        assert not any(name.split(".")[0] == "training" for name in imports_of(path)), path


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize("room", WITHOUT_JAX)
def test_rooms_that_work_without_jax(room: str) -> None:
    assert not loaded_after(f"import fervid.{room}") & {"jax", "flax"}


def test_help_and_import_load_nothing_heavy() -> None:
    heavy = {"jax", "flax", "cv2", "pandas", "plotly", "numpy", "gradio"}
    assert not loaded_after("import fervid") & heavy
    code = "from click.testing import CliRunner; from fervid.cli import main\n"
    assert not loaded_after(code + "CliRunner().invoke(main, ['--help'])") & heavy
