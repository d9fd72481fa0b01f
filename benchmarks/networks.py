"""Measures the networks alone, on data in memory: frames and faces per second.

taskset -c 0 python -m benchmarks.networks --threads 1 --yunet yunet.onnx
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import click
import numpy as np

from fervid.detection.detector import Detector, FaceDetector
from fervid.detection.yunet import YunetDetector
from fervid.errors import FervidError
from fervid.expressions.classifier import ExpressionClassifier
from fervid.records import FACE_SIZE, FaceCrops, FrameBatch

_BATCH = 8


def rate(call: Callable[[], int], *, threads: int, rounds: int, seconds: float = 1.0) -> float:
    """Items per second of calls by several threads, as the median over rounds.

    Args:
        call: does some work and returns the number of items; it is called once before.
        threads: number of threads that call it, because XLA runs a convolution on one core.
        rounds: number of rounds.
        seconds: length of a round in seconds.
    """
    call()

    def work(deadline: float) -> int:
        done = 0
        while time.perf_counter() < deadline:
            done += call()
        return done

    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            began = time.perf_counter()
            done = sum(pool.map(work, [began + seconds] * threads))
            rates.append(done / (time.perf_counter() - began))
    return median(rates)


def detector_rate(detector: Detector, *, threads: int, rounds: int) -> float:
    """640x384 frames of random noise per second of a detector, including suppression."""
    images = np.random.default_rng(0).integers(0, 256, (_BATCH, 384, 640), np.uint8)
    frames = FrameBatch(images, np.arange(_BATCH), np.arange(_BATCH, dtype=np.float64))

    def call() -> int:
        detector.detect(frames, (640, 384))
        return _BATCH

    return rate(call, threads=threads, rounds=rounds)


def classifier_rate(classifier: ExpressionClassifier, *, threads: int, rounds: int) -> float:
    """Faces of random noise per second of an expression model, including mirror images."""
    faces = np.random.default_rng(0).integers(0, 256, (48, FACE_SIZE, FACE_SIZE), np.uint8)
    crops = FaceCrops(faces, np.arange(len(faces), dtype=np.int32))

    def call() -> int:
        return len(classifier.classify(crops))

    return rate(call, threads=threads, rounds=rounds)


@click.command(help=__doc__)
@click.option("--threads", default=os.cpu_count() or 1, show_default="one a core")
@click.option("--rounds", default=9, show_default=True)
@click.option("--model", default="expression", show_default=True, help="Shipped name, or path.")
@click.option("--detector", default="face_detector", show_default=True, help="The same.")
@click.option("--yunet", type=click.Path(path_type=Path), help="YuNet's ONNX file, to compare.")
def main(threads: int, rounds: int, model: str, detector: str, yunet: Path | None) -> None:
    """Measure, and print a line for each network."""
    try:
        detectors: list[Detector] = [FaceDetector(detector, batch_size=_BATCH)]
        if yunet:
            detectors.append(YunetDetector(yunet))
        classifier = ExpressionClassifier(model)
    except FervidError as error:
        raise click.ClickException(str(error)) from error
    for one in detectors:
        frames = detector_rate(one, threads=threads, rounds=rounds)
        each = 1e3 * threads / frames
        click.echo(f"{one.card['name']}: {frames:,.0f} frames/s, {each:.2f} ms a frame and thread")
    faces = classifier_rate(classifier, threads=threads, rounds=rounds)
    click.echo(f"{classifier.card['name']}: {faces:,.0f} faces/s with their mirror images")


if __name__ == "__main__":
    main()
