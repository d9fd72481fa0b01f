"""Results for pages of many, and what these pages show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fervid.cli import main
from fervid.records import EXPRESSIONS
from fervid.report.recordings import Recording
from fervid.results.files import read_meta
from tests.helpers.made_results import HAPPY, made_frames, made_result

SAD = (0.05, 0.0, 0.05, 0.1, 0.7, 0.05, 0.05)


HOSTILE = '=HYPERLINK("x")<img src=x onerror=alert(1)>\'&.mp4'


def shown(folder: Path, name: str, probs: Any = HAPPY, frames: int = 40) -> Path:
    """A result of a recording that shows its face in the first half."""
    faces = [(place, 1, (1, 1, 8, 8)) for place in range(frames // 2)]
    table = made_frames([k / 10 for k in range(frames)], faces, probs=probs)
    path = folder / f"{name}.fervid"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"name": Path(name).name, "duration_s": frames / 10, "beside": f"../recordings/{name}"}
    return made_result(path, frames=table, recording=about)


def run(*args: Any) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, args)])


def rows_of(page: str) -> list[str]:
    return re.findall(r"<tr data-status.*?</tr>", page, re.DOTALL)


def edit_meta(result: Path, **entries: Any) -> None:
    meta = {**read_meta(result), **entries}
    (result / "meta.json").write_text(json.dumps(meta), "utf-8")


def rated(happy: float, faces: int = 10) -> Recording:
    """A recording whose faces show happiness with this probability."""
    shares = {name: happy if name == "happy" else (1 - happy) / 6 for name in EXPRESSIONS}
    each = {f"{name}_{what}": shares[name] for name in shares for what in ("mean", "dominant")}
    about = {"frames": 10, "frames_with_face": 10, "episodes": 0, "valence_mean": happy}
    return Recording("x", "x", summary={**about, "faces": faces, **each})
