"""Settings that are chosen by name. Imports nothing heavy, so that `fervid --help` is instant."""

from __future__ import annotations

from typing import Literal, get_args

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes of FER-2013, in the order of its labels 0 to 6."""

EXPRESSION_MODELS = ("expression", "expression_accurate")
"""Names of the shipped expression models; the first one is the default."""

DETECTORS = ("fervid", "yunet:FILE")
"""Kinds of face detector; the first one is the default."""

Labels = Literal["mixture", "fer2013", "ferplus"]
"""Whose labels the probabilities imitate: FER-2013's, FER+'s votes, or a mixture of both."""

Reading = Literal["relative", "absolute"]
"""relative: faces are compared with their person's resting face; absolute: they are not."""

Device = Literal["auto", "cpu", "gpu", "tpu"]
"""Where the networks run; auto: JAX chooses."""

DEVICES: tuple[Device, ...] = get_args(Device)
"""All values of `Device`; the first one is the default."""

READINGS: tuple[Reading, ...] = get_args(Reading)
"""All values of `Reading`; the first one is the default."""

Deinterlace = Literal["auto", "on", "off"]
"""Whether interlaced frames become whole pictures; auto: if the recording is interlaced."""

DEINTERLACE: tuple[Deinterlace, ...] = get_args(Deinterlace)
"""All values of `Deinterlace`; the first one is the default."""

LABELS: tuple[Labels, ...] = get_args(Labels)
"""All values of `Labels`; the first one is the default."""


def check_labels(labels: str) -> None:
    """Raise ValueError unless `labels` is one of `LABELS`."""
    if labels not in LABELS:
        raise ValueError(f"labels must be one of {', '.join(LABELS)}")


def check_reading(reading: str) -> None:
    """Raise ValueError unless `reading` is one of `READINGS`."""
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}")


def check_deinterlace(deinterlace: str) -> None:
    """Raise ValueError unless `deinterlace` is one of `DEINTERLACE`."""
    if deinterlace not in DEINTERLACE:
        raise ValueError(f"deinterlace must be one of {', '.join(DEINTERLACE)}")


def check_device(device: str) -> None:
    """Raise ValueError unless `device` is one of `DEVICES`."""
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}")


def check_detector(detector: str) -> None:
    """Raise ValueError unless `detector` is "fervid" or "yunet:" with a path."""
    kind, _, file = detector.partition(":")
    if detector != DETECTORS[0] and (kind != "yunet" or not file):
        raise ValueError(f"detector must be {' or '.join(DETECTORS)}")
