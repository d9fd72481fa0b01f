"""Milliseconds a frame of the face detector: decoding of maps and suppression included.

    taskset -c 0 python benchmarks/detector.py --compare yunet.onnx

Frames of random noise, already in memory; the median of the rounds is printed, with the fastest and
the slowest. Detectors take turns, so that a noisy machine is noisy to all of them.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from fervid.detector import Detector, FaceDetector
from fervid.errors import FervidError
from fervid.records import FrameBatch
from fervid.yunet import YunetDetector


@click.command(help=__doc__)
@click.option("--model", default="face_detector", show_default=True, help="Shipped name, or path.")
@click.option("--compare", type=click.Path(path_type=Path), help="YuNet's ONNX file.")
@click.option("--batch", default=8, show_default=True)
@click.option("--size", type=(int, int), default=(640, 384), show_default=True)
@click.option("--rounds", default=15, show_default=True)
def main(model: str, compare: Path | None, batch: int, size: tuple[int, int], rounds: int) -> None:
    """Measure and print one line a detector."""
    try:
        detectors: list[Detector] = [FaceDetector.load(model)]
        if compare:
            detectors.append(YunetDetector(compare))
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    width, height = size
    images = np.random.default_rng(0).integers(0, 256, (batch, height, width), np.uint8)
    frames = FrameBatch(images, np.arange(batch), np.arange(batch, dtype=np.float64))

    def timed(detector: Detector) -> float:
        began = time.perf_counter()
        detector.detect(frames, size)
        return (time.perf_counter() - began) / batch * 1e3

    for detector in detectors:  # compile
        timed(detector)
    rows = [[timed(detector) for detector in detectors] for _ in range(rounds)]
    for detector, times in zip(detectors, zip(*rows, strict=True), strict=True):
        spread = f"{np.median(times):.2f} ms a frame ({min(times):.2f} to {max(times):.2f})"
        click.echo(f"{detector.card['name']}: {spread}, {width}x{height}, batch {batch}")


if __name__ == "__main__":
    main()
