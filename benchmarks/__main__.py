"""Measure what fervid costs compared with decoding alone, in one run.

\b
    python -m benchmarks    # on rendered recordings of a minute
    python -m benchmarks lecture.mp4 --json costs.json --profile trace.json

All commands take turns, so that noise of the machine affects all; medians over rounds are printed.
Processor seconds and memory include all processes of a command.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.clips import make_clip, repeat
from benchmarks.processes import Cost, cost_of
from fervid import __version__
from fervid.models.cache import VARIABLE
from fervid.video.decoding_plan import usable_cores
from fervid.video.executable import find_ffmpeg
from fervid.video.reader import VideoReader

_FERVID = (sys.executable, "-m", "fervid.cli")
_FER = Path(__file__).with_name("fer_video.py")
_HD = (1280, 720)
_SHORT_ROUNDS = 3


@click.command(help=__doc__)
@click.argument("recording", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--seconds", default=60.0, show_default=True, help="Length of rendered recordings.")
@click.option("--rounds", default=5, show_default=True)
@click.option(
    "--minutes", default=0, help="Also compare a minute of recording with this many minutes."
)
@click.option(
    "--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file."
)
@click.option(
    "--profile", type=click.Path(path_type=Path), help="Write a Chrome trace to this file."
)
@click.option(
    "--compare",
    type=click.Choice(["fer"]),
    help="Also run this package, with the Python of --python.",
)
@click.option("--python", default=sys.executable, help="Interpreter that has the other package.")
def main(
    recording: Path | None,
    seconds: float,
    rounds: int,
    minutes: int,
    output: Path | None,
    profile: Path | None,
    compare: str | None,
    python: str,
) -> None:
    """Measure, print a table, write files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {
            "one face": recording or make_clip(folder / "one.mp4", seconds=seconds),
            "six faces": make_clip(folder / "six.mp4", seconds=seconds, faces=6),
            "720p": make_clip(folder / "hd.mp4", seconds=seconds, size=_HD),
            "short": make_clip(folder / "short.mp4", seconds=2),
        }
        others = {"fer, 720p": [python, str(_FER), str(made["720p"])]} if compare else {}
        figures = about(rounds)
        try:
            figures |= measured(made, folder, rounds, others)
            figures |= started(made["short"], folder, rounds)
            figures |= networks(rounds)
            if minutes:
                figures |= lengthened(folder, minutes)
            figures["seconds in each stage"] = profiled(made["one face"], folder, profile)
        finally:  # keep what was measured, even if something fails later
            show(figures)
            if output:
                output.write_text(json.dumps(figures, indent=1) + "\n")


def about(rounds: int) -> dict[str, Any]:
    """A description of the measurement and the machine."""
    return {
        "fervid": __version__,
        "machine": f"{_processor()}, {usable_cores()} cores, {platform.system()}",
        "python": platform.python_version(),
        "rounds": rounds,
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def decode_only(recording: Path) -> list[str]:
    """A command that decodes every frame with ffmpeg, with as many threads as the reader."""
    threads = str(VideoReader(recording).threads)
    command = [find_ffmpeg(), "-v", "error", "-threads", threads, "-i", str(recording)]
    return [*command, "-map", "0:V:0", "-f", "null", "-"]


def analyze(recording: Path, folder: Path, *options: str) -> list[str]:
    """The command that analyses a recording."""
    return [*_FERVID, "analyze", str(recording), "-o", str(folder), "--overwrite", "-q", *options]


def measured(
    clips: Mapping[str, Path], folder: Path, rounds: int, others: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Costs of decoding and of analyses, and their ratios by round."""
    one, hd = clips["one face"], clips["720p"]
    commands = {
        "decode, one face": decode_only(one),
        "analyze, one face": analyze(one, folder),
        "analyze, every frame searched": analyze(one, folder, "--detect-every", "1"),
        "analyze, 5 frames a second": analyze(one, folder, "--fps", "5"),
        "analyze, six faces": analyze(clips["six faces"], folder),
        "decode, 720p": decode_only(hd),
        "analyze, 720p": analyze(hd, folder),
        **others,
    }
    cost_of(commands["analyze, one face"])  # compiles
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost_of(command))
    figures: dict[str, Any] = {
        name: {
            "wall s": median(cost.wall_s for cost in own),
            "CPU s": median(cost.cpu_s for cost in own),
            "peak MB": median(cost.peak_bytes for cost in own) / 1e6,
        }
        for name, own in costs.items()
    }

    def ratio(name: str, other: str, field: str) -> float:
        pairs = zip(costs[name], costs[other], strict=True)
        return float(median(getattr(cost, field) / getattr(base, field) for cost, base in pairs))

    for label, name, other, field in (
        ("CPU, analyze / decode", "analyze, one face", "decode, one face", "cpu_s"),
        ("wall, analyze / decode", "analyze, one face", "decode, one face", "wall_s"),
        ("wall, --fps 5 / decode", "analyze, 5 frames a second", "decode, one face", "wall_s"),
        ("CPU, six faces / one face", "analyze, six faces", "analyze, one face", "cpu_s"),
        ("CPU, 720p, analyze / decode", "analyze, 720p", "decode, 720p", "cpu_s"),
    ):
        figures[label] = ratio(name, other, field)
    frames = VideoReader(hd).expected_frames or 0
    for name in ("analyze, 720p", *others):
        figures[f"frames per CPU s, {name}"] = frames / figures[name]["CPU s"]
    return figures


def started(short: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds from start to end, for help and for two seconds of recording."""
    cold, warm, help_s = [], [], []
    for number in range(rounds):
        cache = {VARIABLE: str(folder / f"cache{number}")}
        cold.append(cost_of(analyze(short, folder), cache).wall_s)
        warm.append(cost_of(analyze(short, folder), cache).wall_s)
        help_s.append(cost_of([*_FERVID, "--help"]).wall_s)
    return {
        "help, wall s": median(help_s),
        "2 s of recording, nothing compiled yet, wall s": median(cold),
        "2 s of recording, warm, wall s": median(warm),
    }


def networks(rounds: int) -> dict[str, Any]:
    """Rates of the networks alone on all cores."""
    from benchmarks.networks import classifier_rate, detector_rate
    from fervid.detection.detector import FaceDetector
    from fervid.expressions.classifier import ExpressionClassifier

    how = {"threads": usable_cores(), "rounds": rounds}
    return {
        "detector, 640x384, frames/s": detector_rate(FaceDetector(), **how),
        "classifier, faces/s": classifier_rate(ExpressionClassifier(), **how),
    }


def lengthened(folder: Path, minutes: int) -> dict[str, Any]:
    """Cost of a frame without start-up, and memory, for one minute (medians) and for many.

    The recordings are small, 640x360, so that hours of recording do not take hours.
    """
    second = make_clip(folder / "second.mp4", seconds=1, size=(640, 360))
    lengths = (1, 60, 60 * minutes)
    clips = [repeat(second, folder / f"{seconds}.mp4", seconds) for seconds in lengths]
    turns = [[cost_of(analyze(clip, folder)) for clip in clips[:2]] for _ in range(_SHORT_ROUNDS)]
    rounds = [*zip(*turns, strict=True), [cost_of(analyze(clips[2], folder))]]
    cpu_s: list[float] = [median(cost.cpu_s for cost in costs) for costs in rounds]
    peak_mb = [median(cost.peak_bytes for cost in costs) / 1e6 for costs in rounds]

    def milliseconds(clip: int) -> float:
        return (cpu_s[clip] - cpu_s[0]) / (30 * (lengths[clip] - 1)) * 1e3

    return {
        "CPU ms a frame, 1 min": milliseconds(1),
        f"CPU ms a frame, {minutes} min": milliseconds(2),
        f"peak MB, {minutes} min less 1 min": peak_mb[2] - peak_mb[1],
    }


def profiled(recording: Path, folder: Path, path: Path | None) -> dict[str, float]:
    """Seconds in each stage; calls are written to a trace file, if one is given."""
    from benchmarks.stages import profile

    stages = profile(recording, folder / "profiled.fervid")
    if path:
        path.write_text(json.dumps({"traceEvents": stages.trace()}))
    return {"all": stages.wall_s, **stages.busy()}


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    table = Table("measure", "figure")
    for name, value in figures.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        texts = [f"{key} {_number(part)}".strip() for key, part in parts]
        table.add_row(name, ", ".join(texts))
    Console().print(table)


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main()
