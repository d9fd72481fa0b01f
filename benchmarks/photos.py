"""Measures photos per second, including start-up, and whether memory grows with their number.

python -m benchmarks.photos --count 500 --more 4
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from benchmarks.clips import make_clip
from benchmarks.processes import Cost, cost_of
from fervid.video.executable import find_ffmpeg

_SIZE = (640, 480)


def make_photos(folder: Path, count: int) -> Path:
    """Write different JPEGs of 640x480, each with a face."""
    folder.mkdir()
    clip = make_clip(folder.with_suffix(".mp4"), seconds=count / 30 + 1, size=_SIZE)
    command = [find_ffmpeg(), "-v", "error", "-i", str(clip), "-frames:v", str(count)]
    command += ["-q:v", "3", str(folder / "%05d.jpg")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder


def repeat_photos(photos: Path, folder: Path, times: int) -> Path:
    """Copy the photos under several names each."""
    for number in range(times):
        (folder / str(number)).mkdir(parents=True)
        for photo in photos.iterdir():
            os.link(photo, folder / str(number) / photo.name)
    return folder


def _cost(photos: Path, out: Path) -> Cost:
    command = [sys.executable, "-m", "fervid.cli", "analyze", str(photos), "-o", str(out)]
    return cost_of([*command, "--overwrite", "-q"])


@click.command(help=__doc__)
@click.option("--count", default=500, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option(
    "--more", default=4, show_default=True, help="Also measure this many times as many photos."
)
def main(count: int, rounds: int, more: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = make_photos(folder / "photos", count)
        _cost(photos, folder / "out")  # compiles
        costs = [_cost(photos, folder / "out") for _ in range(rounds)]
        wall_s, cpu_s = (median(getattr(cost, field) for cost in costs) for field in _FIELDS)
        peak = median(cost.peak_bytes for cost in costs)
        click.echo(f"{count} photos: {wall_s:.1f} s, {cpu_s:.1f} CPU s, peak {peak / 1e6:.0f} MB")
        click.echo(f"photos a second: {count / wall_s:.0f}")
        many = _cost(repeat_photos(photos, folder / "many", more), folder / "out-many")
        rate, grown = more * count / many.wall_s, (many.peak_bytes - peak) / 1e6
        click.echo(f"{more * count} photos: {rate:.0f} a second, peak {grown:+.0f} MB")


_FIELDS = ("wall_s", "cpu_s")

if __name__ == "__main__":
    main()
