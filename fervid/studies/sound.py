"""Aligns recordings by their sound."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from fervid.errors import MediaError
from fervid.video.executable import find_ffmpeg

RATE = 8000
"""Samples per second, enough for offsets of speech and music to a fraction of a millisecond."""

SURE = 12.0
"""Height of the correlation's peak, in standard deviations, at which two sounds count as the same.
The highest of ten million values of pure noise is 5.3."""


@dataclass(frozen=True)
class Offset:
    """Where one sound starts in another.

    Attributes:
        seconds: time in the recording at which the reference starts; negative if it started before.
        peak: height of the correlation there, in standard deviations.
    """

    seconds: float
    peak: float

    @property
    def is_sure(self) -> bool:
        """Whether both certainly have the same sound."""
        return self.peak >= SURE


def read_sound(recording: Path) -> NDArray[np.float32]:
    """Read (N,) mono samples at `RATE`, from the start of the recording.

    Raises:
        MediaError: the recording has no sound or cannot be read.
    """
    at = [
        "-i",
        f"file:{recording}",
        "-vn",
        "-ac",
        "1",
        "-af",
        f"aresample={RATE}:async=1:first_pts=0",
    ]
    command = [find_ffmpeg(), "-nostdin", "-v", "error", *at, "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    samples = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], np.float32)
    if len(samples) < RATE or not np.any(samples):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it has no sound"]
        raise MediaError(f"{recording}: its sound cannot be read ({said[-1]})")
    return samples


def offset_of(reference: NDArray[np.float32], sound: NDArray[np.float32]) -> Offset:
    """Find where a reference starts in a sound, by the peak of their cross-correlation.

    It is a generalised cross-correlation with phase transform (Knapp and Carter, 1976), which
    depends little on loudness and rooms.

    Args:
        reference, sound: (N,) and (M,) samples at `RATE`.
    """
    size = next_fast_len(len(reference) + len(sound), real=True)
    cross = rfft(sound, size) * np.conj(rfft(reference, size))
    # Frequencies that neither sound has would only add noise.
    weight = np.abs(cross)
    weight[weight < 1e-6 * weight.max(initial=0.0)] = np.inf
    correlation = irfft(cross / weight, size)
    place = int(np.argmax(correlation))
    spread = float(correlation.std()) or np.inf
    shift = place - size if place >= len(sound) else place
    return Offset(shift / RATE, float(correlation[place]) / spread)
