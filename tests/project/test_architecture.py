"""Which room may import which, and what must stay unloaded; docs/architecture.md says why."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "fervid"

LAYERS = (
    ("errors", "settings", "weights"),
    ("models", "records"),
    ("results", "tracking", "video"),
    ("detection", "expressions", "inputs", "report"),
    ("engine", "exports", "timeline"),
    ("live", "photos", "pipeline", "studies"),
    ("batch", "explanations", "web"),
    ("cli",),
)
"""A room imports rooms above it in this list, never one beside or below."""

LAYER_OF = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}

ENGINE = ("video", "models", "detection", "tracking", "expressions", "engine")
"""Rooms of which `live` and `photos` should need few modules: the engine is their door."""

WITHOUT_JAX = (
    *("detection.search", "detection.framing", "tracking", "tracking.people", "video.reader"),
    *("results.writer", "results.rows", "report.index", "models.cards", "photos.sheet"),
    *("studies.run_study", "studies.stimulus", "studies.pairs", "studies.validating"),
    *("timeline", "exports.document", "exports.elan", "exports.parquet", "exports.video"),
)


def modules_imported_by(path: Path) -> set[str]:
    """Names of fervid's and other modules, but for what `if TYPE_CHECKING` imports."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body.clear()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if is_module(name)}
            found |= modules or {node.module}
    return found


def is_module(name: str) -> bool:
    path = ROOT.parent / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


WAYS_IN = (ROOT / "__init__.py", ROOT / "__main__.py")
FILES = sorted(path for path in ROOT.rglob("*.py") if path not in WAYS_IN)


@cache
def modules() -> dict[Path, set[str]]:
    """What each file imports."""
    return {path: modules_imported_by(path) for path in (*WAYS_IN, *FILES)}


def own_imports(path: Path) -> set[str]:
    """What a file imports of fervid."""
    return {name for name in modules()[path] if name.startswith("fervid.")}


@pytest.mark.parametrize("room", LAYER_OF)
def test_imports_run_from_the_later_rooms_to_the_earlier(room: str) -> None:
    for path in (path for path in FILES if room_of(path) == room):
        rooms = {name.split(".")[1] for name in own_imports(path)} - {room}
        wrong = {other for other in rooms if LAYER_OF[other] >= LAYER_OF[room]}
        assert not wrong, f"{path} imports {wrong}"


def test_the_house_is_small() -> None:
    assert {room_of(path) for path in FILES} == set(LAYER_OF)
    assert len([path for path in ROOT.iterdir() if path.is_file()]) <= 7
    assert len(LAYERS) <= 8
    edges = {(room_of(path), name.split(".")[1]) for path in FILES for name in own_imports(path)}
    assert len({(room, other) for room, other in edges if room != other}) <= 145


@pytest.mark.parametrize("room", ["live", "photos"])
def test_the_engine_has_few_doors(room: str) -> None:
    names = set().union(*(own_imports(path) for path in FILES if room_of(path) == room))
    doors = {name for name in names if name.split(".")[1] in ENGINE}
    assert len(doors) <= 4, doors


def test_live_streams_know_nothing_of_the_analysis() -> None:
    allowed = {"errors", "records", "live", "video"}
    for name in ("sources", "clock", "newest", "stream", "relay", "camera"):
        rooms = {module.split(".")[1] for module in own_imports(ROOT / "live" / f"{name}.py")}
        assert rooms <= allowed, name


def test_the_package_never_imports_training() -> None:
    for path, names in modules().items():
        assert not any(name.split(".")[0] == "training" for name in names), path


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


def test_rooms_that_work_without_jax() -> None:
    code = "\n".join(f"import fervid.{module}" for module in WITHOUT_JAX)
    assert not loaded_after(code) & {"jax", "flax"}


def test_help_and_import_load_nothing_heavy() -> None:
    heavy = {"jax", "flax", "cv2", "pandas", "plotly", "numpy", "gradio"}
    assert not loaded_after("import fervid") & heavy
    code = "from click.testing import CliRunner; from fervid.cli import main\n"
    assert not loaded_after(code + "CliRunner().invoke(main, ['--help'])") & heavy
