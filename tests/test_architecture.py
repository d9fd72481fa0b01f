"""Which module may import which, and what must stay unloaded."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "fervid"
FOUNDATION = {
    f"fervid{name}"
    for name in (
        "",
        ".settings.choices",
        ".results.codebook",
        ".results.encodings",
        ".errors",
        ".results.names",
        ".records",
    )
}
ALLOWED = {
    "cli": {
        "fervid.models.cache",
        "fervid.video.ffmpeg",
        "fervid.video.probing",
        "fervid.batch",
        "fervid.models.card_pages",
        "fervid.cli",
        "fervid.exports",
        "fervid.explanations",
        "fervid.batch.interruption",
        "fervid.video.kinds",
        "fervid.live",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.results.files",
        "fervid.results.reuse",
        "fervid.settings",
        "fervid.report",
        "fervid.results.writer",
        "fervid.models.cards",
        "fervid.web.serving",
    },
    "web": {
        "fervid.video.kinds",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.report",
        "fervid.results.files",
        "fervid.settings",
        "fervid.timeline",
        "fervid.web",
        "fervid.results.atomic_folder",
    },
    "live": {
        "fervid.tracking.appearance",
        "fervid.tracking.blinks",
        "fervid.tracking.cuts",
        "fervid.expressions.episodes",
        "fervid.detection.crops",
        "fervid.settings.keywords",
        "fervid.live",
        "fervid.tracking.people",
        "fervid.pipeline",
        "fervid.tracking.portraits",
        "fervid.results.files",
        "fervid.results.writer",
        "fervid.results.rows",
        "fervid.detection.search",
        "fervid.settings",
        "fervid.expressions.settling",
        "fervid.results.metadata",
        "fervid.expressions.smoothing",
        "fervid.tracking.tracks",
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
        "fervid.batch.interruption",
        "fervid.video.kinds",
        "fervid.photos.jobs",
        "fervid.pipeline",
        "fervid.report",
        "fervid.results.files",
        "fervid.settings",
        "fervid.video.ffmpeg",
        "fervid.results.atomic_folder",
    },
    "pipeline": {
        "fervid.tracking.appearance",
        "fervid.tracking.blinks",
        "fervid.expressions.classifier",
        "fervid.tracking.cuts",
        "fervid.detection.detector",
        "fervid.explanations.peaks",
        "fervid.detection.crops",
        "fervid.settings.keywords",
        "fervid.video.kinds",
        "fervid.models.program",
        "fervid.models.memory",
        "fervid.tracking.people",
        "fervid.tracking.portraits",
        "fervid.results.files",
        "fervid.results.writer",
        "fervid.results.reuse",
        "fervid.detection.search",
        "fervid.settings",
        "fervid.expressions.settling",
        "fervid.results.metadata",
        "fervid.results.rows",
        "fervid.timeline",
        "fervid.tracking.tracks",
        "fervid.video",
    },
    "video/kinds": set(),
    "photos": {
        "fervid.tracking.appearance",
        "fervid.batch.plan",
        "fervid.exports.drawing",
        "fervid.exports.shown",
        "fervid.detection.crops",
        "fervid.detection.framing",
        "fervid.settings.keywords",
        "fervid.models.memory",
        "fervid.models.cards",
        "fervid.photos",
        "fervid.pipeline",
        "fervid.report",
        "fervid.results.files",
        "fervid.results.reuse",
        "fervid.results.rows",
        "fervid.settings",
        "fervid.results.metadata",
        "fervid.video.ffmpeg",
        "fervid.results.atomic_folder",
    },
    # The plan of a batch uses it.
    "photos/jobs": set(),
    "explanations": {
        "fervid.expressions.classifier",
        "fervid.explanations",
        "fervid.detection.crops",
        "fervid.video.kinds",
        "fervid.models",
        "fervid.photos.faces",
        "fervid.photos.reading",
        "fervid.pipeline",
        "fervid.results.files",
        "fervid.settings",
        "fervid.tracking.tracks",
        "fervid.video",
    },
    # The pipeline uses it, so it must not use the pipeline.
    "explanations/peaks": {
        "fervid.expressions.classifier",
        "fervid.explanations.maps",
        "fervid.explanations.tint",
        "fervid.results.files",
    },
    "explanations/maps": {"fervid.expressions.classifier", "fervid.models"},
    "explanations/tint": set(),
    "detection/detector": {"fervid.models", "fervid.models.cards", "fervid.detection.yunet"},
    "detection/yunet": set(),
    "expressions/classifier": {"fervid.models", "fervid.models.cards"},
    "models": {"fervid.models.cache", "fervid.models"},
    "models/cache": set(),
    "models/cards": set(),
    "models/card_pages": set(),
    "video": {"fervid.video"},
    "tracking/appearance": set(),
    "tracking/cuts": set(),
    "tracking/likeness": {"fervid.tracking.appearance", "fervid.models.cards"},
    "tracking/gallery": set(),
    "tracking/people": {"fervid.tracking.gallery", "fervid.tracking.likeness"},
    "tracking/portraits": {"fervid.results.files"},
    "tracking/tracks": {"fervid.tracking.appearance"},
    "tracking/blinks": {"fervid.tracking.stillness", "fervid.tracking.tracks"},
    "detection/search": {"fervid.tracking.appearance", "fervid.tracking.tracks"},
    "settings": {"fervid.settings"},
    "settings/keywords": {"fervid.settings"},
    "tracking/stillness": set(),
    "detection/framing": set(),
    "detection/crops": {"fervid.detection.framing"},
    "expressions/settling": {
        "fervid.expressions.reading",
        "fervid.expressions.resting",
        "fervid.expressions.durations",
        "fervid.expressions.episodes",
        "fervid.tracking.people",
        "fervid.results.writer",
        "fervid.results.rows",
        "fervid.settings",
        "fervid.expressions.smoothing",
        "fervid.video.losses",
    },
    "results/metadata": {"fervid.settings"},
    "expressions/looks": set(),
    "expressions/resting": {"fervid.expressions.looks"},
    "expressions/change": {"fervid.expressions.looks", "fervid.expressions.resting"},
    "expressions/reading": {
        "fervid.expressions.change",
        "fervid.expressions.looks",
        "fervid.expressions.resting",
        "fervid.tracking.people",
    },
    "expressions/durations": set(),
    "expressions/smoothing": set(),
    "expressions/episodes": set(),
    "results/row_store": set(),
    "batch/interruption": set(),
    "models/memory": set(),
    "results/reuse": {
        "fervid.models.cards",
        "fervid.results.files",
        "fervid.settings",
        "fervid.video.ffmpeg",
    },
    "results/atomic_folder": set(),
    "timeline": {"fervid.report", "fervid.results.files"},
    "results/rows": {"fervid.detection.framing", "fervid.expressions.smoothing"},
    "results/summaries": set(),
    "results/files": set(),
    "report": {
        "fervid.models.cards",
        "fervid.report",
        "fervid.results.files",
        "fervid.results.summaries",
    },
    "exports": {
        "fervid.exports",
        "fervid.report.figures",
        "fervid.results.files",
        "fervid.video.ffmpeg",
    },
    "results/writer": {
        "fervid.results.row_store",
        "fervid.report",
        "fervid.results.files",
        "fervid.results.summaries",
        "fervid.results.rows",
        "fervid.results.atomic_folder",
    },
}
WITHOUT_JAX = (
    "video",
    "tracking.appearance",
    "tracking.cuts",
    "tracking.likeness",
    "tracking.people",
    "tracking.tracks",
    "detection.search",
    "tracking.blinks",
    "detection.framing",
    "results.rows",
    "timeline",
    "results.writer",
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
    "models.cards",
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
